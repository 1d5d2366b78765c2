"""Which path of Mollie's does what, once per idempotency key; effect and answer are one commit."""

import json
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from tradesense.app.sandbox.mollie import balances, payments, returns
from tradesense.app.sandbox.mollie.answers import (
    Refused,
    amount,
    listed,
    mollie_id,
    moment,
    problem,
    read_amount,
)
from tradesense.app.sandbox.store import Answer, Json
from tradesense.app.sandbox.stripe.call import Call
from tradesense.app.sandbox.world.faults import AFTER, Fault, strike

KEY_LIFE_S = 3_600  # https://docs.mollie.com/reference/api-idempotency
PAGE_DEFAULT = 50
PAGE_MAX = 250

Response = tuple[int, Json | None]
Show = Callable[[Call, Json], Json]


class Asked(NamedTuple):
    """One request, beyond its path."""

    call: Call
    body: Json
    query: Mapping[str, str]


def _create(asked: Asked) -> Response:
    return 201, payments.show(asked.call, payments.create(asked.call, asked.body))


def _get(asked: Asked, payment_id: str) -> Response:
    call = asked.call
    payment = payments.current(call, payment_id)
    shown = payments.show(call, payment)
    embed = asked.query.get("embed", "").split(",")
    parts: Json = {}
    if "refunds" in embed:
        parts["refunds"] = _all(call, "mollie_refund", payment_id, returns.show_refund)
    if "chargebacks" in embed:
        parts["chargebacks"] = _all(call, "mollie_chargeback", payment_id, returns.show_chargeback)
    return 200, shown | ({"_embedded": parts} if parts else {})


def _cancel(asked: Asked, payment_id: str) -> Response:
    call = asked.call
    return 200, payments.show(call, payments.cancel(call, payments.current(call, payment_id)))


def _release(asked: Asked, payment_id: str) -> Response:
    payments.release(asked.call, payments.current(asked.call, payment_id))
    return 202, None


def _capture(asked: Asked, payment_id: str) -> Response:
    call = asked.call
    payment = payments.current(call, payment_id)
    if payment["status"] != "authorized":
        raise Refused(422, f"The payment is {payment['status']}, so it cannot be captured")
    minor, currency = payment["amount"], payment["currency"]
    if "amount" in asked.body:
        minor, _ = read_amount(asked.body, (currency,))
    if minor > payment["amount"]:
        raise Refused(422, "The amount is higher than what is authorized", "amount")
    payments.take(call, payment, minor)
    return 201, {
        "resource": "capture",
        "id": mollie_id("cpt", payment_id),
        "mode": "test",
        "amount": amount(minor, currency),
        "status": "succeeded",
        "createdAt": moment(call.now),
        "paymentId": payment_id,
    }


def _refund(asked: Asked, payment_id: str) -> Response:
    call = asked.call
    refund = returns.create_refund(call, payments.current(call, payment_id), asked.body)
    return 201, returns.show_refund(call, refund)


def _list(kind: str, name: str, show: Show) -> Callable[[Asked], Response]:
    def endpoint(asked: Asked) -> Response:
        return 200, _page(asked, kind, name, show, {})

    return endpoint


def _of_payment(kind: str, name: str, show: Show) -> Callable[[Asked, str], Response]:
    def endpoint(asked: Asked, payment_id: str) -> Response:
        payments.current(asked.call, payment_id)
        return 200, _page(asked, kind, name, show, {"payment_intent": payment_id})

    return endpoint


def _balances(asked: Asked) -> Response:
    shown = balances.list_balances(asked.call)
    url = f"{asked.call.pay_base}/v2/balances"
    return 200, listed("balances", shown, url=url, next_from=None)


def _balance(asked: Asked, wanted: str) -> Response:
    return 200, balances.get_balance(asked.call, wanted)


def _transactions(asked: Asked, wanted: str) -> Response:
    currency = balances.get_balance(asked.call, wanted)["currency"].lower()
    show = balances.show_transaction
    equal = {"currency": currency}
    return 200, _page(asked, "mollie_transaction", "balance_transactions", show, equal)


def _settlement(asked: Asked, wanted: str) -> Response:
    found = asked.call.store.find("mollie_settlement", wanted)
    if found is None:
        raise Refused(404, f"No settlement exists with token {wanted}.")
    return 200, balances.show_settlement(asked.call, found)


_PAYMENT = "/v2/payments/([^/]+)"
_REFUNDS = ("mollie_refund", "refunds", returns.show_refund)
_CHARGEBACKS = ("mollie_chargeback", "chargebacks", returns.show_chargeback)
ENDPOINTS: list[tuple[str, re.Pattern[str], Callable[..., Response]]] = [
    (method, re.compile(path), endpoint)
    for method, path, endpoint in (
        ("POST", "/v2/payments", _create),
        ("GET", "/v2/payments", _list("mollie_payment", "payments", payments.show)),
        ("GET", _PAYMENT, _get),
        ("DELETE", _PAYMENT, _cancel),
        ("POST", f"{_PAYMENT}/captures", _capture),
        ("POST", f"{_PAYMENT}/release-authorization", _release),
        ("POST", f"{_PAYMENT}/refunds", _refund),
        ("GET", f"{_PAYMENT}/refunds", _of_payment(*_REFUNDS)),
        ("GET", f"{_PAYMENT}/chargebacks", _of_payment(*_CHARGEBACKS)),
        ("GET", "/v2/refunds", _list(*_REFUNDS)),
        ("GET", "/v2/chargebacks", _list(*_CHARGEBACKS)),
        ("GET", "/v2/balances", _balances),
        ("GET", "/v2/balances/([^/]+)", _balance),
        ("GET", "/v2/balances/([^/]+)/transactions", _transactions),
        ("GET", "/v2/settlements/([^/]+)", _settlement),
    )
]


class Reply(NamedTuple):
    """An answer on its way out, and what happens to it there."""

    answer: Answer
    fault: Fault | None = None


def reply(asked: Asked, method: str, path: str) -> Reply:
    """Do what is asked, once per idempotency key; durable when this returns."""
    call, target = asked.call, f"{method} {path}"
    # Unlike Stripe, Mollie does not say that it compares what is asked under one key.
    given = call.idempotency_key if method == "POST" else None
    key = None if given is None else f"mollie:{path}:{given}"
    with call.store.commit():
        if key is not None:
            stored = call.store.find_answer(key, younger_than=call.now - KEY_LIFE_S)
            if stored is not None:
                return Reply(stored)
        if strike(call.store, ("answer_500",), target):
            made = _failed(call)
        else:
            made = _answer(asked, method, path)
        fault = strike(call.store, AFTER, target)
        if fault is not None and fault.kind == "fail_after":
            made = _failed(call)
        if key is not None and (made.status < 400 or made.status >= 500):  # noqa: PLR2004 -- not refusals
            call.store.keep_answer(key, made, created=call.now, life_s=86_400)
        return Reply(made, fault=fault)


def _answer(asked: Asked, method: str, path: str) -> Answer:
    try:
        with asked.call.store.undo_if_raised():
            status, body = _route(asked, method, path)
    except Refused as refused:
        status, body = refused.status, refused.body
    text = "" if body is None else json.dumps(body)
    return Answer(path, status, text, asked.call.request_id)


def _route(asked: Asked, method: str, path: str) -> Response:
    for verb, pattern, endpoint in ENDPOINTS:
        match = pattern.fullmatch(path)
        if verb == method and match is not None:
            return endpoint(asked, *match.groups())
    raise Refused(404, f"The resource {method} {path} does not exist")


def _failed(call: Call) -> Answer:
    body = json.dumps(problem(500, "Something went wrong on our side"))
    return Answer("", 500, body, call.request_id)


def _all(call: Call, kind: str, payment_id: str, show: Show) -> list[Json]:
    equal = {"payment_intent": payment_id}
    found = call.store.list_page(kind, limit=PAGE_MAX, equal=equal, created={})
    return [show(call, one) for one in found]


def _page(asked: Asked, kind: str, name: str, show: Show, equal: dict[str, str]) -> Json:
    call, query = asked.call, asked.query
    text, start = query.get("limit", str(PAGE_DEFAULT)), query.get("from")
    if not re.fullmatch(r"\d{1,3}", text) or not 1 <= int(text) <= PAGE_MAX:
        raise Refused(400, f"The limit is a number from 1 to {PAGE_MAX}", "limit")
    limit = int(text)
    first = None if start is None else call.store.find(kind, start)
    if start is not None and first is None:
        raise Refused(400, f"There is no {start}", "from")
    rest = call.store.list_page(
        kind, limit=limit + (first is None), equal=equal, created={}, after=start
    )
    found = [*([] if first is None else [first]), *rest]
    next_from = found[limit]["id"] if len(found) > limit else None
    shown = [show(call, one) for one in found[:limit]]
    return listed(name, shown, url=f"{call.pay_base}{asked.query['path']}", next_from=next_from)
