"""Transfers that the platform orders at its bank: pain.001 read, executed once, or sent back."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import NoReturn
from xml.etree import ElementTree as ET

from tradesense.app.sandbox.store import Json, Store
from tradesense.app.sandbox.world.bank.moves import IBAN, add_credit
from tradesense.app.sandbox.world.cards import digits_of, in_units

NAMESPACE = "{urn:iso:std:iso:20022:tech:xsd:pain.001.001.09}"


class BadOrder(Exception):
    """What was ordered is not done; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One transfer of a file; `ref` is its end-to-end id, by which the bank knows it again."""

    ref: str
    amount: int
    currency: str
    creditor: str
    account: str
    text: str


def take(store: Store, body: bytes, *, at: int) -> Json:
    """
    Execute the transfers of a pain.001, each once however often it is ordered.

    Raises BadOrder for a file that does not add up, or that says a known transfer otherwise:
    nothing of it is executed then.
    """
    executed, known = [], []
    for order in _read(body):
        earlier = store.find("bank_order", _order_id(order.ref))
        if earlier is None:
            store.add(_kept(order, at))
            _move(store, order.ref, _kept(order, at), -order.amount, at=at)
            executed.append(order.ref)
        elif earlier == _kept(order, earlier["created"]):
            known.append(order.ref)
        else:
            _refuse(f"{order.ref} was ordered otherwise before")
    return {"executed": executed, "known": known}


def send_back(store: Store, ref: str, *, reason: str, at: int) -> Json:
    """Let a transfer come back from the creditor's bank; `reason` is ISO 20022's, such as AC04."""
    order = _find(store, ref)
    return _move(store, ref, order, order["amount"], at=at, reason=reason)


def repeat(store: Store, ref: str, *, at: int) -> Json:
    """Book a transfer once more under another number, as a bank should never do."""
    order = _find(store, ref)
    return _move(store, ref, order, -order["amount"], at=at)


def _move(store: Store, ref: str, order: Json, amount: int, *, at: int, reason: str = "") -> Json:
    return add_credit(
        store,
        at=at,
        amount=amount,
        currency=order["currency"],
        reference=ref,
        debtor=order["creditor"],
        text=order["text"],
        account=order["account"],
        reason=reason,
    )


def _find(store: Store, ref: str) -> Json:
    order = store.find("bank_order", _order_id(ref))
    if order is None:
        _refuse(f"no transfer {ref} was ordered")
    return order


def _order_id(ref: str) -> str:
    return f"order_{ref}"


def _kept(order: Order, at: int) -> Json:
    return {
        "id": _order_id(order.ref),
        "object": "bank_order",
        "created": at,
        "amount": order.amount,
        "currency": order.currency,
        "creditor": order.creditor,
        "account": order.account,
        "text": order.text,
    }


def _read(body: bytes) -> list[Order]:
    """Return the orders of a file. Raises BadOrder."""
    if b"<!DOCTYPE" in body:
        _refuse("a file with a document type is not read")
    try:
        root = ET.fromstring(body)  # noqa: S314 -- no entities without a document type
    except ET.ParseError as error:
        _refuse(f"no XML: {error}")
    orders = []
    for payment in root.iter(f"{NAMESPACE}PmtInf"):
        if _said(payment, "DbtrAcct/Id/IBAN") != IBAN:
            _refuse("the transfers are to leave an account that is not kept here")
        part = list(_transfers(payment))
        _require_sums(payment, part)
        orders += part
    header = root.find(f".//{NAMESPACE}GrpHdr")
    if header is None or not orders:
        _refuse("a file has a header, and a transfer or more")
    _require_sums(header, orders)
    return orders


def _transfers(payment: ET.Element) -> Iterator[Order]:
    for told in payment.iter(f"{NAMESPACE}CdtTrfTxInf"):
        amount = told.find(_path("Amt/InstdAmt"))
        currency = "" if amount is None else str(amount.get("Ccy")).lower()
        written = "" if amount is None else str(amount.text)
        yield Order(
            ref=_said(told, "PmtId/EndToEndId"),
            amount=_minor(written, currency),
            currency=currency,
            creditor=_said(told, "Cdtr/Nm"),
            account=_said(told, "CdtrAcct/Id/IBAN"),
            text=_said(told, "RmtInf/Ustrd"),
        )


def _require_sums(told: ET.Element, orders: list[Order]) -> None:
    """Raise BadOrder unless the number and sum that are told are those of the orders."""
    total = sum((Decimal(in_units(order.amount, order.currency)) for order in orders), Decimal(0))
    if (_said(told, "NbOfTxs"), Decimal(_said(told, "CtrlSum"))) != (str(len(orders)), total):
        _refuse(f"the file does not add up: {len(orders)} transfers of {total}")


def _minor(written: str, currency: str) -> int:
    try:
        return int(Decimal(written).scaleb(digits_of(currency)))
    except InvalidOperation:
        _refuse(f"{written!r} is no amount")


def _said(parent: ET.Element, path: str) -> str:
    found = parent.find(_path(path))
    if found is None or not (found.text or "").strip():
        _refuse(f"{path} is missing")
    return str(found.text).strip()


def _path(path: str) -> str:
    return "/".join(f"{NAMESPACE}{name}" for name in path.split("/"))


def _refuse(message: str) -> NoReturn:
    raise BadOrder(message)
