"""Mollie's books: one balance per currency, its movements, and settlements to the bank."""

from collections.abc import Mapping

from tradesense.app.sandbox.mollie.answers import Refused, amount, link, mollie_id, moment
from tradesense.app.sandbox.store import Json
from tradesense.app.sandbox.stripe.call import Call
from tradesense.app.sandbox.world.bank.moves import add_credit


def move(
    call: Call, kind: str, of: Json, *, minor: int, context: Mapping[str, str], fee: int = 0
) -> None:
    """Change the balance of a currency by `minor - fee`, because of something."""
    number = call.store.count("mollie_transaction") + 1
    call.store.add(
        {
            "id": mollie_id("baltr", str(number)),
            "object": "mollie_transaction",
            "created": call.now,
            "kind": kind,
            "amount": minor,
            "fee": fee,
            "net": minor - fee,
            "currency": of["currency"],
            "context": dict(context),
        }
    )


def balance_id(currency: str) -> str:
    return f"bal_sandbox{currency.upper()}"


def list_balances(call: Call) -> list[Json]:
    """Return the balances, in Mollie's shape."""
    return [_balance(call, currency, net) for currency, net in sorted(_sums(call).items())]


def get_balance(call: Call, wanted: str) -> Json:
    """Return one balance; `primary` is the first. Raises Refused."""
    for shown in list_balances(call):
        if wanted in {"primary", shown["id"]}:
            return shown
    raise Refused(404, f"No balance exists with token {wanted}.")


def show_transaction(_: Call, line: Json) -> Json:
    shown: Json = {
        "resource": "balance_transaction",
        "id": line["id"],
        "type": line["kind"],
        "resultAmount": amount(line["net"], line["currency"]),
        "initialAmount": amount(line["amount"], line["currency"]),
        "createdAt": moment(line["created"]),
        "context": line["context"],
    }
    if line["fee"]:
        shown["deductions"] = amount(-line["fee"], line["currency"])
    return shown


def settle(call: Call, currency: str) -> Json:
    """Pay all of a balance out to the bank; return the settlement. Raises Refused."""
    minor = _sums(call).get(currency, 0)
    if minor <= 0:
        raise Refused(422, f"There is no {currency.upper()} to pay out")
    number = call.store.count("mollie_settlement") + 1
    settlement = call.store.add(
        {
            "id": mollie_id("stl", str(number)),
            "object": "mollie_settlement",
            "created": call.now,
            "amount": minor,
            "currency": currency,
            "reference": f"1234567.{number:04d}.01",
            "status": "paidout",
        }
    )
    move(call, "outgoing-transfer", settlement, minor=-minor, context=_context(settlement))
    _arrive(call, settlement, minor, "MOLLIE SETTLEMENT")
    return settlement


def fail_settlement(call: Call, settlement: Json) -> Json:
    """Let a settlement come back: the bank refused it. Raises Refused."""
    if settlement["status"] != "paidout":
        raise Refused(422, f"The settlement is {settlement['status']}")
    settlement["status"] = "failed"
    call.store.save(settlement)
    minor = settlement["amount"]
    move(call, "canceled-outgoing-transfer", settlement, minor=minor, context=_context(settlement))
    _arrive(call, settlement, -minor, "MOLLIE SETTLEMENT RETURNED")
    return settlement


def show_settlement(call: Call, settlement: Json) -> Json:
    return {
        "resource": "settlement",
        "id": settlement["id"],
        "reference": settlement["reference"],
        "createdAt": moment(settlement["created"]),
        "settledAt": moment(settlement["created"]),
        "status": settlement["status"],
        "amount": amount(settlement["amount"], settlement["currency"]),
        "_links": {"self": link(f"{call.pay_base}/v2/settlements/{settlement['id']}")},
    }


def _arrive(call: Call, settlement: Json, minor: int, text: str) -> None:
    add_credit(
        call.store,
        at=call.now,
        amount=minor,
        currency=settlement["currency"],
        reference=settlement["reference"],
        debtor="MOLLIE",
        text=text,
    )


def _context(settlement: Json) -> dict[str, str]:
    return {
        "settlementId": settlement["id"],
        "transferId": settlement["id"].replace("stl_", "trf_"),
    }


def _sums(call: Call) -> dict[str, int]:
    return call.store.sum_net("mollie_transaction")


def _balance(call: Call, currency: str, net: int) -> Json:
    own = f"{call.pay_base}/v2/balances/{balance_id(currency)}"
    return {
        "resource": "balance",
        "id": balance_id(currency),
        "mode": "test",
        "createdAt": moment(0),
        "currency": currency.upper(),
        "status": "active",
        "availableAmount": amount(net, currency),
        "pendingAmount": amount(0, currency),
        "_links": {"self": link(own), "transactions": link(f"{own}/transactions")},
    }
