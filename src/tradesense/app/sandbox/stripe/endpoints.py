"""Which path does what, once per idempotency key; effect and answer are one commit."""

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from tradesense.app.sandbox.store import Answer, Json
from tradesense.app.sandbox.stripe import intents, refunds, sessions
from tradesense.app.sandbox.stripe.answers import Refused
from tradesense.app.sandbox.stripe.books import balance, disputes, payouts
from tradesense.app.sandbox.stripe.call import Call, expand
from tradesense.app.sandbox.stripe.forms import check, texts
from tradesense.app.sandbox.world.faults import AFTER, Fault, strike

KEY_LIFE_S = 86_400  # Stripe forgets keys after 24 hours
KEY_LENGTH_MAX = 255

Response = tuple[int, Json]
Endpoint = Callable[..., Response]


def _retrieve(kind: str) -> Endpoint:
    def endpoint(call: Call, object_id: str) -> Response:
        check(call.params, {"expand": texts})
        return 200, call.get(kind, object_id, param="id")

    return endpoint


def _list(kind: str, url: str, **filters: str) -> Endpoint:
    def endpoint(call: Call) -> Response:
        return 200, call.list_of(kind, url, **filters)

    return endpoint


_INTENT = r"/v1/payment_intents/([^/]+)"
_SESSION = r"/v1/checkout/sessions/([^/]+)"
_DISPUTE = r"/v1/disputes/([^/]+)"
ENDPOINTS: list[tuple[str, re.Pattern[str], Endpoint]] = [
    (method, re.compile(path), endpoint)
    for method, path, endpoint in (
        ("POST", "/v1/payment_intents", intents.create),
        ("GET", "/v1/payment_intents", intents.list_all),
        ("GET", _INTENT, intents.retrieve),
        ("POST", f"{_INTENT}/confirm", intents.confirm),
        ("POST", f"{_INTENT}/cancel", intents.cancel),
        ("POST", f"{_INTENT}/capture", intents.capture),
        ("POST", "/v1/checkout/sessions", sessions.create),
        ("GET", "/v1/checkout/sessions", sessions.list_all),
        ("GET", _SESSION, sessions.retrieve),
        ("POST", f"{_SESSION}/expire", sessions.expire),
        ("GET", "/v1/disputes", disputes.list_all),
        ("GET", _DISPUTE, _retrieve("dispute")),
        ("POST", _DISPUTE, disputes.update),
        ("POST", f"{_DISPUTE}/close", disputes.close),
        ("GET", "/v1/balance", balance.retrieve_balance),
        ("POST", "/v1/payouts", payouts.create),
        ("GET", "/v1/payouts", payouts.list_all),
        ("GET", "/v1/payouts/([^/]+)", _retrieve("payout")),
        ("POST", "/v1/refunds", refunds.create),
        ("GET", "/v1/refunds", refunds.list_all),
        ("GET", "/v1/refunds/([^/]+)", refunds.retrieve),
        ("GET", "/v1/charges", _list("charge", "/v1/charges", payment_intent="payment_intent")),
        ("GET", "/v1/charges/([^/]+)", _retrieve("charge")),
        ("GET", "/v1/events", _list("event", "/v1/events", type="type")),
        ("GET", "/v1/events/([^/]+)", _retrieve("event")),
        (
            "GET",
            "/v1/balance_transactions",
            _list("balance_transaction", "/v1/balance_transactions", source="source", type="type"),
        ),
        ("GET", "/v1/balance_transactions/([^/]+)", _retrieve("balance_transaction")),
    )
]


class Reply(NamedTuple):
    """An answer on its way out, and what happens to it there."""

    answer: Answer
    is_replayed: bool = False
    fault: Fault | None = None


def reply(call: Call, method: str, path: str) -> Reply:
    """Do what is asked, once per idempotency key; durable when this returns."""
    request = json.dumps([method, path, call.params], sort_keys=True)
    key = call.idempotency_key if method == "POST" else None
    target = f"{method} {path}"
    with call.store.commit():
        if key is not None and (stored := _stored(call, key, request)):
            return Reply(stored, is_replayed=True)
        if strike(call.store, ("answer_500",), target):
            made, is_kept = Answer(request, 500, _trouble(), call.request_id), True
        else:
            made, is_kept = _answer(call, method, path, request)
        fault = strike(call.store, AFTER, target)
        if fault is not None and fault.kind == "fail_after":
            made, is_kept = made._replace(status=500, body=_trouble()), True
        if key is not None and is_kept:
            call.store.keep_answer(key, made, created=call.now, life_s=KEY_LIFE_S)
        return Reply(made, fault=fault)


def _stored(call: Call, key: str, request: str) -> Answer | None:
    if len(key) > KEY_LENGTH_MAX:
        body = _error(f"Idempotency keys have at most {KEY_LENGTH_MAX} characters")
        return Answer(request, 400, json.dumps(body), call.request_id)
    stored = call.store.find_answer(key, younger_than=call.now - KEY_LIFE_S)
    if stored is None or stored.request == request:
        return stored
    message = (
        "Keys for idempotent requests can only be used with the same parameters they were first "
        f"used with. Try using a key other than '{key}' if you meant to execute a different "
        "request."
    )
    body = _error(message, kind="idempotency_error")
    return Answer(request, 400, json.dumps(body, indent=2), call.request_id)


def _answer(call: Call, method: str, path: str, request: str) -> tuple[Answer, bool]:
    try:
        with call.store.undo_if_raised():
            status, body = _route(call, method, path)
        body = expand(call.store, body, _expansions(call.params))
        is_kept = True
    except Refused as refused:
        status, body, is_kept = refused.status, {"error": refused.error}, refused.is_kept
    text = json.dumps(body, indent=2)
    return Answer(request, status, text, call.request_id), is_kept


def _route(call: Call, method: str, path: str) -> Response:
    for verb, pattern, endpoint in ENDPOINTS:
        match = pattern.fullmatch(path)
        if verb == method and match is not None:
            return endpoint(call, *match.groups())
    raise Refused(404, f"Unrecognized request URL ({method}: {path}).")


def _expansions(params: dict[str, Any]) -> list[str]:
    asked = params.get("expand", [])
    return [path for path in asked if isinstance(path, str)] if isinstance(asked, list) else []


def _error(message: str, kind: str = "invalid_request_error") -> Json:
    return {"error": {"message": message, "type": kind}}


def _trouble() -> str:
    return json.dumps(_error("An unknown error occurred", kind="api_error"), indent=2)
