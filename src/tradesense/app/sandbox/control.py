"""Playing the rest of the world: buyers, their banks, our bank, and accidents; by our own key."""

import asyncio
from collections.abc import Callable
from datetime import date
from typing import Any, NoReturn

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tradesense.app.sandbox.house import Sandbox
from tradesense.app.sandbox.mollie import balances, payments, returns
from tradesense.app.sandbox.store import Json
from tradesense.app.sandbox.stripe import intents, refunds, sessions
from tradesense.app.sandbox.stripe.answers import Refused
from tradesense.app.sandbox.stripe.books import disputes, payouts
from tradesense.app.sandbox.stripe.call import Call
from tradesense.app.sandbox.wire import read_body, read_json
from tradesense.app.sandbox.world import faults
from tradesense.app.sandbox.world.bank import moves, orders, statement

Act = Callable[[Call, Json], Json]


def routes(sandbox: Sandbox, require_key: Callable[[Request], None]) -> list[Route]:
    """Return the routes under /sandbox."""
    acts: dict[str, Act] = {
        "/sandbox/faults": _plant,
        "/sandbox/pay": pay,
        "/sandbox/authenticate": authenticate,
        "/sandbox/lapse": _lapse,
        "/sandbox/disputes": _dispute,
        "/sandbox/disputes/conclude": _conclude,
        "/sandbox/refunds/fail": _fail_refund,
        "/sandbox/payouts": _pay_out,
        "/sandbox/payouts/fail": _fail_payout,
        "/sandbox/bank/credits": _credit,
        "/sandbox/bank/orders/return": _send_back,
        "/sandbox/bank/orders/repeat": _repeat,
        "/sandbox/bank/statements": _close_statement,
    }

    def route(path: str, act: Act) -> Route:
        async def endpoint(request: Request) -> Response:
            require_key(request)
            asked = await read_json(request)
            done = await asyncio.to_thread(_run, sandbox, act, asked)
            sandbox.wake()
            return JSONResponse(done)

        return Route(path, endpoint, methods=["POST"])

    def looking(path: str, look: Callable[[Call, Json], Response], method: str = "GET") -> Route:
        async def endpoint(request: Request) -> Response:
            require_key(request)
            asked: Json = dict(request.query_params)
            return await asyncio.to_thread(_run, sandbox, look, asked)

        return Route(path, endpoint, methods=[method])

    async def order(request: Request) -> Response:
        """Take a pain.001 as the bank would."""
        require_key(request)
        asked: Json = {"file": await read_body(request)}
        return JSONResponse(await asyncio.to_thread(_run, sandbox, _order, asked))

    return [
        *(route(path, act) for path, act in acts.items()),
        Route("/sandbox/bank/orders", order, methods=["POST"]),
        looking("/sandbox/faults", _list_faults),
        looking("/sandbox/faults", _clear_faults, "DELETE"),
        looking("/sandbox/bank/statement", _statement),
    ]


def _run(sandbox: Sandbox, act: Callable[[Call, Json], Any], asked: Json) -> Any:
    try:
        with sandbox.store.commit():
            return act(sandbox.call({}), asked)
    except orders.BadOrder as bad:
        _refuse(str(bad))


def pay(call: Call, asked: Json) -> Json:
    """Pay as the buyer: {"ref", "method": a card}; a decline is an answer too."""
    ref, method = str(asked.get("ref")), str(asked.get("method", "pm_card_visa"))
    if ref.startswith("tr_"):
        return payments.pay(call, payments.current(call, ref), method)
    if ref.startswith("cs_"):
        return sessions.pay(call, sessions.current(call, ref), method)
    intent = call.get("payment_intent", ref, param="ref")
    intents.pay(call, intent, method)
    return intent


def authenticate(call: Call, asked: Json) -> Json:
    """Answer the bank's question as the buyer: {"ref", "confirmed": true or false}."""
    ref, is_confirmed = str(asked.get("ref")), bool(asked.get("confirmed", True))
    if ref.startswith("tr_"):
        payment = payments.current(call, ref)
        return payments.authenticate(call, payment, is_confirmed=is_confirmed)
    if ref.startswith("cs_"):
        session = sessions.current(call, ref)
        return sessions.authenticate(call, session, is_confirmed=is_confirmed)
    intent = call.get("payment_intent", ref, param="ref")
    intents.authenticate(call, intent, is_confirmed=is_confirmed)
    return intent


def _lapse(call: Call, asked: Json) -> Json:
    """Let what is reserved go back, as a bank does after days without a capture: {"ref"}."""
    ref = str(asked.get("ref"))
    if ref.startswith("tr_"):
        payment = payments.current(call, ref)
        if payment["status"] != "authorized":
            _refuse(f"the payment is {payment['status']}, not authorized")
        return payments.become(call, payment, "expired")
    intent = _intent(call, ref)
    if intent["status"] != "requires_capture":
        _refuse(f"the payment is {intent['status']}, not requires_capture")
    return intents.withdraw(call, intent, reason="automatic")


def _dispute(call: Call, asked: Json) -> Json:
    """Take a payment back as the buyer's bank: {"ref", "reason"}."""
    ref, reason = str(asked.get("ref")), str(asked.get("reason", "fraudulent"))
    if ref.startswith("tr_"):
        return returns.charge_back(call, payments.current(call, ref), reason=reason)
    intent = _intent(call, ref)
    charge = call.get("charge", str(intent["latest_charge"]), param="ref")
    return disputes.open_dispute(call, charge, reason=reason)


def _conclude(call: Call, asked: Json) -> Json:
    """End a dispute: {"ref", "outcome": "won" or "lost"}."""
    if asked.get("outcome") not in {"won", "lost"}:
        _refuse("outcome: won or lost")
    ref = str(asked.get("ref"))
    if ref.startswith("chb_"):
        chargeback = call.get("mollie_chargeback", ref, param="ref")
        payment = payments.current(call, chargeback["payment_intent"])
        is_won = asked["outcome"] == "won"  # one that is lost stays as it is
        return returns.reverse(call, chargeback, payment) if is_won else chargeback
    dispute = call.get("dispute", ref, param="ref")
    return disputes.conclude(call, dispute, asked["outcome"])


def _fail_refund(call: Call, asked: Json) -> Json:
    """Let a refund come back: {"ref"}."""
    refund = call.store.find("mollie_refund", str(asked.get("ref")))
    if refund is not None:
        payment = payments.current(call, refund["payment_intent"])
        return returns.fail_refund(call, refund, payment)
    return refunds.fail(call, call.get("refund", str(asked.get("ref")), param="ref"))


def _pay_out(call: Call, asked: Json) -> Json:
    """Pay all of a balance out to the bank: {"provider", "currency"}."""
    currency = str(asked.get("currency", "usd")).lower()
    if asked.get("provider") == "mollie":
        return balances.settle(call, currency)
    amount = call.store.sum_net("balance_transaction").get(currency, 0)
    call.params.update({"amount": str(amount), "currency": currency})
    return payouts.create(call)[1]


def _fail_payout(call: Call, asked: Json) -> Json:
    """Let a payout come back: {"ref"}."""
    ref = str(asked.get("ref"))
    settlement = call.store.find("mollie_settlement", ref)
    if settlement is not None:
        return balances.fail_settlement(call, settlement)
    return payouts.fail(call, call.get("payout", ref, param="ref"))


def _credit(call: Call, asked: Json) -> Json:
    """Let a buyer's transfer arrive: {"amount_minor", "currency", "reference", "debtor"}."""
    amount = asked.get("amount_minor")
    if isinstance(amount, bool) or not isinstance(amount, int):
        _refuse("amount_minor: a whole number of minor units")
    return moves.add_credit(
        call.store,
        at=call.now,
        amount=amount,
        currency=str(asked.get("currency", "usd")),
        reference=str(asked.get("reference", "")),
        debtor=str(asked.get("debtor", "A. Buyer")),
        text=str(asked.get("text", "TRANSFER")),
    )


def _order(call: Call, asked: Json) -> Json:
    return orders.take(call.store, asked["file"], at=call.now)


def _send_back(call: Call, asked: Json) -> Json:
    """Let a transfer that we ordered come back: {"ref": its end-to-end id, "reason": "AC04"}."""
    reason = str(asked.get("reason", "AC04"))  # the account is closed
    return orders.send_back(call.store, str(asked.get("ref")), reason=reason, at=call.now)


def _repeat(call: Call, asked: Json) -> Json:
    """Let the bank book a transfer a second time: {"ref"}."""
    return orders.repeat(call.store, str(asked.get("ref")), at=call.now)


def _close_statement(call: Call, asked: Json) -> Json:
    """Close the next numbered statement: {"currency"}."""
    currency = str(asked.get("currency", "usd")).lower()
    return statement.close(call.store, currency=currency, at=call.now)


def _statement(call: Call, asked: Json) -> Response:
    """Return the bank's statement: ?currency=usd&since=2026-11-01&until=2026-11-30."""
    try:
        since = date.fromisoformat(str(asked.get("since", "2000-01-01")))
        until = date.fromisoformat(str(asked.get("until", "2099-12-31")))
    except ValueError:
        _refuse("since, until: a day, 2026-11-30")
    currency = str(asked.get("currency", "usd"))
    text = statement.camt053(
        moves.list_credits(call.store, currency=currency, since=since, until=until),
        named=f"{since:%Y%m%d}-{until:%Y%m%d}-{currency.upper()}",
        currency=currency,
        since=since,
        until=until,
        opening=moves.opening_minor(call.store, currency=currency, since=since),
    )
    return Response(text, media_type="application/xml")


def _plant(call: Call, asked: Json) -> Json:
    try:
        faults.plant(call.store, asked)
    except faults.BadFault as bad:
        _refuse(str(bad))
    return {}


def _list_faults(call: Call, _: Json) -> Response:
    return JSONResponse([planted._asdict() for planted in call.store.list_planted()])


def _clear_faults(call: Call, _: Json) -> Response:
    call.store.clear_planted()
    return Response(status_code=204)


def _intent(call: Call, ref: str) -> Json:
    if ref.startswith("cs_"):
        ref = str(sessions.current(call, ref)["payment_intent"])
    return call.get("payment_intent", ref, param="ref")


def _refuse(message: str) -> NoReturn:
    raise Refused(400, message)
