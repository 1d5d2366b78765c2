"""
Reads camt.053, the bank-to-customer statement of ISO 20022, versions 02 and 08.

Only what is booked counts: entries that are pending or for information are in no balance, and
are left out. An entry of several transfers becomes a line for each, if their amounts are given
and add up to the entry's; otherwise it stays one line.
"""

from tradesense.payments.bank.model import ReadLine, ReadStatement
from tradesense.payments.bank.refusals import MalformedStatement
from tradesense.payments.bank.statements.amounts import (
    read_account,
    read_amount,
    read_currency,
    read_day,
    read_text,
    shown,
)
from tradesense.payments.bank.statements.tree import Element, read_tree

NAMESPACES = {f"urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}" for version in ("02", "08")}
BOOKED = "BOOK"
NOT_IN_BALANCE = {"PDNG", "INFO", "FUTR"}
OPENING = ("OPBD", "PRCD")  # "previously closed" is what some banks call the opening balance
CLOSING = ("CLBD",)
ID_MAX, NAME_MAX, TEXT_MAX = 35, 140, 2_000
NOT_GIVEN = {"NOTPROVIDED", "NOT PROVIDED", "NOTAVAILABLE", "NONREF"}


def read_camt053(content: bytes) -> list[ReadStatement]:
    """Return the statements of a document, in its order. Raises MalformedStatement."""
    namespace, root = read_tree(content)
    if namespace not in NAMESPACES or root.name != "Document":
        raise MalformedStatement(
            f"{root.where}: not a camt.053 of version 02 or 08 but {shown(namespace or root.name)}"
        )
    return [_statement(each) for each in root.get("BkToCstmrStmt").each("Stmt")]


def _statement(told: Element) -> ReadStatement:
    account = told.get("Acct/Id/IBAN", "Acct/Id/Othr/Id")
    opening, closing = _balance(told, OPENING), _balance(told, CLOSING)
    currency = read_currency(_currency(closing), closing.where)
    written = told.said("Acct/Ccy") or currency
    if {written, _currency(opening)} != {currency}:
        raise MalformedStatement(f"{told.where}: account and balances are of several currencies")
    bank_id = told.get("Id")
    lines = [
        line
        for number, entry in enumerate(told.each("Ntry"), 1)
        if _is_booked(entry)
        for line in _lines(entry, currency, number)
    ]
    return ReadStatement(
        account=read_account(account.text, account.where),
        currency=currency,
        bank_id=read_text(bank_id.text, bank_id.where, at_most=ID_MAX),
        opening_minor=_signed(opening, currency),
        closing_minor=_signed(closing, currency),
        lines=tuple(lines),
    )


def _balance(told: Element, codes: tuple[str, ...]) -> Element:
    """Return the one balance of a kind. Raises MalformedStatement if there is none, or two."""
    for code in codes:
        found = [each for each in told.each("Bal") if each.said("Tp/CdOrPrtry/Cd") == code]
        if len(found) > 1:
            raise MalformedStatement(f"{found[1].where}: the balance {code} is given twice")
        if found:
            return found[0]
    raise MalformedStatement(f"{told.where}: the balance {' or '.join(codes)} is missing")


def _is_booked(entry: Element) -> bool:
    status = entry.get("Sts/Cd", "Sts")
    if status.text == BOOKED:
        return True
    if status.text not in NOT_IN_BALANCE:
        raise MalformedStatement(f"{status.where}: {shown(status.text)} is no status of an entry")
    return False


def _lines(entry: Element, currency: str, number: int) -> list[ReadLine]:
    details = list(entry.each("NtryDtls/TxDtls"))
    total = _signed(entry, currency)
    parts = [_part(each, entry, currency) for each in details]
    if len(details) > 1 and None not in parts and sum(filter(None, parts)) == total:
        return [
            _line(entry, each, part or 0, f"{number}.{within}")
            for within, (each, part) in enumerate(zip(details, parts, strict=True), 1)
        ]
    only = details[0] if len(details) == 1 else entry
    return [_line(entry, only, total, str(number))]


def _part(detail: Element, entry: Element, currency: str) -> int | None:
    """Return the signed amount of one transfer of an entry, None if it is not given in ours."""
    amount = detail.find("Amt", "AmtDtls/TxAmt/Amt")
    if amount is None or amount.attributes.get("Ccy") != currency:
        return None
    minor = read_amount(amount.text, currency, amount.where)
    return _turned(detail if detail.find("CdtDbtInd") else entry, minor)


def _line(entry: Element, detail: Element, amount_minor: int, number: str) -> ReadLine:
    # What is booked by hand may lack a value date; it is worth what it is from the booking on.
    booked = entry.get("BookgDt/Dt", "BookgDt/DtTm")
    valued = entry.find("ValDt/Dt", "ValDt/DtTm") or booked
    party, account = _other_side(detail, is_credit=amount_minor > 0)
    own_ref = detail.said("Refs/AcctSvcrRef")
    shared = entry.said("AcctSvcrRef")
    if "." in number and not own_ref:
        own_ref = f"{shared}/{number.partition('.')[2]}" if shared else ""
    where = f"{entry.where} {number}"
    return ReadLine(
        where=where,
        booked_on=read_day(booked.text, booked.where),
        valued_on=read_day(valued.text, valued.where),
        amount_minor=amount_minor,
        counterparty=read_text(party, where, at_most=NAME_MAX),
        counterparty_account=read_account(account, where),
        text=_remittance(entry, detail, where),
        end_to_end_id=_given(detail.said("Refs/EndToEndId"), where),
        bank_ref=_given(own_ref or shared, where),
        code=_code(entry, detail, where),
        is_return=detail.find("RtrInf") is not None,
    )


def _other_side(detail: Element, *, is_credit: bool) -> tuple[str, str]:
    """Return name and account of who paid us, or whom we paid."""
    role = "Dbtr" if is_credit else "Cdtr"
    name = detail.said(f"RltdPties/{role}/Pty/Nm", f"RltdPties/{role}/Nm")
    account = f"RltdPties/{role}Acct/Id"
    return name, detail.said(f"{account}/IBAN", f"{account}/Othr/Id")


def _remittance(entry: Element, detail: Element, where: str) -> str:
    """Return what the payer wrote: the structured reference first, then the free text."""
    parts = [each.text for each in detail.each("RmtInf/Strd/CdtrRefInf/Ref")]
    parts += [each.text for each in detail.each("RmtInf/Ustrd")]
    parts = parts or [entry.said("AddtlNtryInf")]
    return read_text(" ".join(parts), where, at_most=TEXT_MAX)


def _given(text: str, where: str) -> str:
    """Return an id, if it is one: the schemes have words for "none"."""
    known = read_text(text, where, at_most=ID_MAX + 5)  # ours add the place within a batch
    return "" if known.upper() in NOT_GIVEN else known


def _code(entry: Element, detail: Element, where: str) -> str:
    """Return `PMNT/RCDT/ESCT`, or the bank's own code."""
    code = detail.find("BkTxCd") or entry.find("BkTxCd")
    if code is None:
        return ""
    steps = [code.said("Domn/Cd"), code.said("Domn/Fmly/Cd"), code.said("Domn/Fmly/SubFmlyCd")]
    joined = "/".join(step for step in steps if step) or code.said("Prtry/Cd")
    return read_text(joined, where, at_most=ID_MAX)


def _currency(told: Element) -> str:
    return told.get("Amt").attributes.get("Ccy", "")


def _signed(told: Element, currency: str) -> int:
    """Return the amount of a balance or an entry, positive where it is ours."""
    amount = told.get("Amt")
    if _currency(told) != currency:
        raise MalformedStatement(f"{amount.where}: Ccy is not {currency}, as the balances are")
    return _turned(told, read_amount(amount.text, currency, amount.where))


def _turned(told: Element, minor: int) -> int:
    direction = told.get("CdtDbtInd")
    if direction.text not in {"CRDT", "DBIT"} or minor < 0:
        raise MalformedStatement(f"{direction.where}: CRDT or DBIT, of an amount without a sign")
    return minor if direction.text == "CRDT" else -minor
