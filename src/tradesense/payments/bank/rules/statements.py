"""Whether a statement may be believed, and what names it and its lines. Pure."""

import hashlib
from collections import Counter
from uuid import UUID

from tradesense.kernel.canonical import canonical
from tradesense.kernel.ids import derive
from tradesense.payments.bank.model import BankAccount, BankLine, ReadLine, ReadStatement
from tradesense.payments.bank.refusals import (
    DuplicateLine,
    ForeignAccount,
    MalformedStatement,
    StatementMissing,
    UnbalancedStatement,
)


def require_sound(told: ReadStatement) -> None:
    """Raise MalformedStatement or UnbalancedStatement for what cannot be true by itself."""
    for line in told.lines:
        if line.amount_minor == 0:
            raise MalformedStatement(f"{line.where}: an amount of 0 moves nothing")
    moved = sum(line.amount_minor for line in told.lines)
    if told.opening_minor + moved != told.closing_minor:
        raise UnbalancedStatement(
            f"statement {told.bank_id}: {told.opening_minor} at the beginning and {moved} in "
            f"{len(told.lines)} lines make {told.opening_minor + moved}, not {told.closing_minor} "
            f"(minor units of {told.currency})"
        )


def require_ours(told: ReadStatement, account: BankAccount | None) -> None:
    """Raise ForeignAccount unless the statement is about `account`, which we have."""
    if account is None:
        raise ForeignAccount(
            f"statement {told.bank_id} is about {told.account}, which is no account of ours; "
            "`tradesense bank accounts` lists them"
        )
    if account.currency != told.currency:
        raise ForeignAccount(
            f"statement {told.bank_id} is in {told.currency}; {account.account} is kept in "
            f"{account.currency}"
        )


def require_next(told: ReadStatement, closed_minor: int | None) -> None:
    """Raise StatementMissing unless it begins where the one before ended."""
    if closed_minor is not None and told.opening_minor != closed_minor:
        raise StatementMissing(
            f"statement {told.bank_id} begins with {told.opening_minor}, but the newest one of "
            f"{told.account} ended with {closed_minor} (minor units of {told.currency}); "
            "import those in between first, in their order"
        )


def statement_id(told: ReadStatement) -> UUID:
    """Return what names a statement: its account, and what the bank calls it."""
    return derive("bank-statement", told.account, told.bank_id)


def content_sha256(told: ReadStatement) -> bytes:
    """Return the hash of what a statement says, however its file was written."""
    lines = [_content(line) for line in told.lines]
    said = [told.account, told.currency, told.bank_id, told.opening_minor, told.closing_minor]
    return hashlib.sha256(canonical([*said, lines])).digest()


def identities(told: ReadStatement) -> list[bytes]:
    """
    Return what tells each line from every other of its account, in their order.

    It is the bank's own reference; where that is missing, the content, and which of several
    equal lines of the statement it is. Raises DuplicateLine for a reference used twice.
    """
    found: dict[bytes, ReadLine] = {}
    seen: Counter[bytes] = Counter()
    for line in told.lines:
        if line.bank_ref:
            said = canonical(["reference", line.bank_ref])
        else:
            content = canonical(_content(line))
            seen[content] += 1
            said = canonical(["content", content.decode(), seen[content]])
        identity = hashlib.sha256(said).digest()
        if identity in found:
            raise DuplicateLine(
                f"{line.where}: the bank's reference {line.bank_ref!r} is also that of "
                f"{found[identity].where}"
            )
        found[identity] = line
    return list(found)


def lines_of(told: ReadStatement) -> list[BankLine]:
    """Return the lines as they are kept."""
    named = statement_id(told)
    return [
        BankLine(
            line_id=derive(named, "line", seq),
            account=told.account,
            booked_on=line.booked_on,
            valued_on=line.valued_on,
            amount_minor=line.amount_minor,
            currency=told.currency,
            counterparty=line.counterparty,
            counterparty_account=line.counterparty_account,
            text=line.text,
            end_to_end_id=line.end_to_end_id,
            bank_ref=line.bank_ref,
            statement_id=named,
            seq=seq,
            code=line.code,
            is_return=line.is_return,
        )
        for seq, line in enumerate(told.lines, 1)
    ]


def _content(line: ReadLine) -> list[str | int | bool]:
    return [
        line.booked_on.isoformat(),
        line.valued_on.isoformat(),
        line.amount_minor,
        line.counterparty,
        line.counterparty_account,
        line.text,
        line.end_to_end_id,
        line.bank_ref,
        line.is_return,
    ]
