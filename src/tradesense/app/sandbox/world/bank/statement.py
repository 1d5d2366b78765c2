"""Statements of the platform's bank, as ISO 20022 writes them: camt.053."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from xml.etree import ElementTree as ET

from tradesense.app.sandbox.store import Json, Store
from tradesense.app.sandbox.world.bank.moves import IBAN, list_since
from tradesense.app.sandbox.world.cards import in_units

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"


def close(store: Store, *, currency: str, at: int) -> Json:
    """
    Close the next statement of an account: everything that no statement has shown yet.

    Returns its number, how many lines it has, and itself; where nothing has moved it has none.
    """
    number = store.count("bank_statement") + 1
    earlier = store.list_page("bank_statement", limit=1, equal={"currency": currency}, created={})
    last: Json = earlier[0] if earlier else {"seen": "", "closing": 0}
    moved = list_since(store, currency=currency, after=last["seen"])
    today = datetime.fromtimestamp(at, UTC).date()
    named = f"{today:%Y}-{number:06d}-{currency.upper()}"
    closing = last["closing"] + sum(int(each["amount"]) for each in moved)
    store.add(
        {
            "id": f"stmt_{number:012d}",
            "object": "bank_statement",
            "created": at,
            "currency": currency,
            "seen": moved[-1]["id"] if moved else last["seen"],
            "closing": closing,
        }
    )
    text = camt053(
        moved, named=named, currency=currency, since=today, until=today, opening=last["closing"]
    )
    return {"number": number, "lines": len(moved), "camt053": text}


def camt053(
    credits_: Sequence[Json],
    *,
    named: str,
    currency: str,
    since: date,
    until: date,
    opening: int,
) -> str:
    """
    Return a statement as ISO 20022 camt.053.001.08, with opening and closing balance.

    `named` is the bank's name for it, of at most 35 characters.
    """
    ET.register_namespace("", NAMESPACE)
    document = ET.Element(_name("Document"))
    message = ET.SubElement(document, _name("BkToCstmrStmt"))
    header = ET.SubElement(message, _name("GrpHdr"))
    _text(header, "MsgId", f"M-{named}"[:35])
    _text(header, "CreDtTm", f"{until.isoformat()}T23:59:59Z")
    statement = ET.SubElement(message, _name("Stmt"))
    _text(statement, "Id", named)
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
    _other_side(details, credit)
    remittance = ET.SubElement(details, _name("RmtInf"))
    _text(remittance, "Ustrd", f"{credit['text']} {credit['reference']}"[:140])


def _other_side(details: ET.Element, credit: Json) -> None:
    """Who paid what came, or was paid what left; and why it came back."""
    side = "Dbtr" if credit["amount"] >= 0 else "Cdtr"
    parties = ET.SubElement(details, _name("RltdPties"))
    party = ET.SubElement(ET.SubElement(parties, _name(side)), _name("Pty"))
    _text(party, "Nm", credit["debtor"][:140])
    if credit.get("account"):
        account = ET.SubElement(parties, _name(f"{side}Acct"))
        _text(ET.SubElement(account, _name("Id")), "IBAN", credit["account"])
    if credit.get("reason"):
        returned = ET.SubElement(details, _name("RtrInf"))
        _text(ET.SubElement(returned, _name("Rsn")), "Cd", credit["reason"])


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
