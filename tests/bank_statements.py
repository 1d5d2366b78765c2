"""Statements as a bank would write them, from a few words; for tests."""

from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from xml.sax.saxutils import escape

IBAN = "DE89370400440532013000"
BUYER = "GB33BUKB20201555555555"
DAY = date(2014, 5, 2)
HEADER = (
    "statement_id,account,currency,booked_on,valued_on,amount,balance,counterparty,"
    "counterparty_account,text,end_to_end_id,bank_ref"
)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One movement; `amount` in whole units and parts, negative where money left us."""

    amount: str
    text: str = ""
    ref: str = ""
    name: str = "Ada Lovelace"
    account: str = BUYER
    end_to_end: str = ""
    code: str = ""
    status: str = "BOOK"
    is_return: bool = False
    day: date = DAY

    @property
    def is_credit(self):
        return not self.amount.startswith("-")

    @property
    def size(self):
        return self.amount.removeprefix("-")


@dataclass(frozen=True, kw_only=True)
class Paper:
    """One statement; the closing balance follows unless it is said."""

    bank_id: str = "S1"
    account: str = IBAN
    currency: str = "EUR"
    opening: str = "0.00"
    entries: tuple[Entry, ...] = ()
    closing: str | None = None
    version: str = "08"
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def ends_with(self):
        booked = [Decimal(e.amount) for e in self.entries if e.status == "BOOK"]
        return self.closing or str(sum(booked, Decimal(self.opening)))

    def next(self, bank_id, *entries):
        return replace(self, bank_id=bank_id, opening=self.ends_with, closing=None, entries=entries)

    def xml(self):
        return document(self)

    def table(self, *, decimal="point"):
        separator = "," if decimal == "point" else ";"
        rows, balance = [HEADER.replace(",", separator)], Decimal(self.opening)
        for entry in self.entries:
            balance += Decimal(entry.amount)
            amounts = [entry.amount, str(balance)]
            if decimal == "comma":
                amounts = [amount.replace(".", ",") for amount in amounts]
            cells = [self.bank_id, self.account, self.currency, entry.day.isoformat(), "", *amounts]
            cells += [entry.name, entry.account, entry.text, entry.end_to_end, entry.ref]
            rows.append(separator.join(_quoted(cell, separator) for cell in cells))
        return "\r\n".join([*rows, ""]).encode()


def document(*papers):
    version = papers[0].version
    body = "".join(_statement(paper) for paper in papers)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}">\n'
        f"<BkToCstmrStmt><GrpHdr><MsgId>M</MsgId></GrpHdr>\n{body}</BkToCstmrStmt></Document>\n"
    ).encode()


def _statement(paper):
    entries = "".join(_entry(entry, paper) for entry in paper.entries)
    return (
        f"<Stmt><Id>{escape(paper.bank_id)}</Id>"
        f"<Acct><Id><IBAN>{paper.account}</IBAN></Id><Ccy>{paper.currency}</Ccy></Acct>\n"
        f"{_balance('OPBD', paper.opening, paper)}{_balance('CLBD', paper.ends_with, paper)}"
        f"{entries}</Stmt>\n"
    )


def _balance(code, amount, paper):
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_signed(amount, paper)}"
        f"<Dt><Dt>{DAY}</Dt></Dt></Bal>\n"
    )


def _signed(amount, paper):
    side = "DBIT" if amount.startswith("-") else "CRDT"
    return (
        f'<Amt Ccy="{paper.currency}">{amount.removeprefix("-")}</Amt><CdtDbtInd>{side}</CdtDbtInd>'
    )


def _entry(entry, paper):
    old = paper.version == "02"
    role = "Dbtr" if entry.is_credit else "Cdtr"
    name = f"<Nm>{escape(entry.name)}</Nm>"
    party = name if old else f"<Pty>{name}</Pty>"
    status = entry.status if old else f"<Cd>{entry.status}</Cd>"
    code = f"<BkTxCd><Prtry><Cd>{entry.code}</Cd></Prtry></BkTxCd>" if entry.code else ""
    returned = "<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>" if entry.is_return else ""
    reference = f"<AcctSvcrRef>{escape(entry.ref)}</AcctSvcrRef>" if entry.ref else ""
    text = f"<RmtInf><Ustrd>{escape(entry.text)}</Ustrd></RmtInf>" if entry.text else ""
    return (
        f"<Ntry>{_signed(entry.amount, paper)}<Sts>{status}</Sts>"
        f"<BookgDt><Dt>{entry.day}</Dt></BookgDt><ValDt><Dt>{entry.day}</Dt></ValDt>"
        f"{reference}{code}<NtryDtls><TxDtls>"
        f"<Refs><EndToEndId>{escape(entry.end_to_end) or 'NOTPROVIDED'}</EndToEndId></Refs>"
        f"<RltdPties><{role}>{party}</{role}>"
        f"<{role}Acct><Id><IBAN>{entry.account}</IBAN></Id></{role}Acct></RltdPties>"
        f"{text}{returned}</TxDtls></NtryDtls></Ntry>\n"
    )


def _quoted(cell, separator):
    if any(char in cell for char in f'"\r\n{separator}'):
        return '"' + cell.replace('"', '""') + '"'
    return cell
