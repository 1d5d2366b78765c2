"""The platform's bank, as far as it shows what came in: credits, and statements in camt.053."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from xml.etree import ElementTree as ET

from tradesense.app.sandbox.store import Json, Store
from tradesense.app.sandbox.world.cards import in_units

IBAN = "DE89370400440532013000"  # the example of the IBAN registry
NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
CREDITS_MAX = 10_000  # a statement's; older ones are asked for by an earlier day


def make_trace(payout_id: str) -> str:
    """Return the number by which banks trace a transfer; it follows from the payout's id."""
    number = int.from_bytes(hashlib.sha256(payout_id.encode()).digest()[:8])
    return f"TR{number % 10**14:014d}"


def add_credit(
    store: Store, *, at: int, amount: int, currency: str, reference: str, debtor: str, text: str
) -> Json:
    """Let money arrive (or, negative, leave again); `at` in seconds since 1970."""
    credit_id = f"bk_{store.count('bank_credit') + 1:012d}"
    return store.add(
        {
            "id": credit_id,
            "object": "bank_credit",
            "created": at,
            "amount": amount,
            "currency": currency.lower(),
            "reference": reference,
            "debtor": debtor,
            "text": text,
        }
    )


def list_credits(store: Store, *, currency: str, since: date, until: date) -> Sequence[Json]:
    """Return what moved on [since, until], oldest first."""
    found = store.list_page(
        "bank_credit",
        limit=CREDITS_MAX,
        equal={"currency": currency.lower()},
        created={"gte": _midnight(since), "lt": _midnight(until) + 86_400},
    )
    return list(reversed(found))


def opening_minor(store: Store, *, currency: str, since: date) -> int:
    """Return the balance before the first moment of `since`."""
    earlier = store.list_page(
        "bank_credit",
        limit=CREDITS_MAX,
        equal={"currency": currency.lower()},
        created={"lt": _midnight(since)},
    )
    return sum(int(credit["amount"]) for credit in earlier)


def camt053(
    credits_: Sequence[Json], *, currency: str, since: date, until: date, opening: int
) -> str:
    """Return a statement as ISO 20022 camt.053.001.08, with opening and closing balance."""
    ET.register_namespace("", NAMESPACE)
    document = ET.Element(_name("Document"))
    message = ET.SubElement(document, _name("BkToCstmrStmt"))
    header = ET.SubElement(message, _name("GrpHdr"))
    _text(header, "MsgId", f"SANDBOX-{since:%Y%m%d}-{until:%Y%m%d}-{currency.upper()}")
    _text(header, "CreDtTm", f"{until.isoformat()}T23:59:59Z")
    statement = ET.SubElement(message, _name("Stmt"))
    _text(statement, "Id", f"{since:%Y%m%d}-{until:%Y%m%d}-{currency.upper()}")
    _text(statement, "CreDtTm", f"{until.isoformat()}T23:59:59Z")
    account = ET.SubElement(statement, _name("Acct"))
    _text(ET.SubElement(account, _name("Id")), "IBAN", IBAN)
    _text(account, "Ccy", currency.upper())
    closing = opening + sum(int(credit["amount"]) for credit in credits_)
    _balance(statement, "OPBD", opening, currency, since)
    _balance(statement, "CLBD", closing, currency, until)
    for credit in credits_:
        _entry(statement, credit)
    return ET.tostring(document, encoding="unicode", xml_declaration=True)


def _entry(statement: ET.Element, credit: Json) -> None:
    day = datetime.fromtimestamp(credit["created"], UTC).date().isoformat()
    entry = ET.SubElement(statement, _name("Ntry"))
    _text(entry, "NtryRef", credit["id"])
    _amount(entry, credit["amount"], credit["currency"])
    _text(ET.SubElement(entry, _name("Sts")), "Cd", "BOOK")
    _text(ET.SubElement(entry, _name("BookgDt")), "Dt", day)
    _text(ET.SubElement(entry, _name("ValDt")), "Dt", day)
    _text(entry, "AcctSvcrRef", credit["id"])
    code = ET.SubElement(ET.SubElement(entry, _name("BkTxCd")), _name("Prtry"))
    _text(code, "Cd", "TRANSFER")
    details = ET.SubElement(ET.SubElement(entry, _name("NtryDtls")), _name("TxDtls"))
    _text(ET.SubElement(details, _name("Refs")), "EndToEndId", credit["reference"][:35])
    parties = ET.SubElement(ET.SubElement(details, _name("RltdPties")), _name("Dbtr"))
    _text(ET.SubElement(parties, _name("Pty")), "Nm", credit["debtor"][:140])
    remittance = ET.SubElement(details, _name("RmtInf"))
    _text(remittance, "Ustrd", f"{credit['text']} {credit['reference']}"[:140])


def _balance(statement: ET.Element, code: str, amount: int, currency: str, day: date) -> None:
    balance = ET.SubElement(statement, _name("Bal"))
    kind = ET.SubElement(ET.SubElement(balance, _name("Tp")), _name("CdOrPrtry"))
    _text(kind, "Cd", code)
    _amount(balance, amount, currency)
    _text(ET.SubElement(balance, _name("Dt")), "Dt", day.isoformat())


def _amount(parent: ET.Element, amount: int, currency: str) -> None:
    element = ET.SubElement(parent, _name("Amt"), Ccy=currency.upper())
    element.text = in_units(abs(amount), currency.lower())
    _text(parent, "CdtDbtInd", "CRDT" if amount >= 0 else "DBIT")


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, _name(name)).text = text


def _name(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
