"""The verbs of our accounts and of statements: register, import, all or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tradesense import ledger, trail
from tradesense.infra.db import Transaction
from tradesense.ledger.model import Transfer
from tradesense.payments.bank import model
from tradesense.payments.bank.model import BankAccount, BankLine, ReadStatement
from tradesense.payments.bank.refusals import (
    AccountDiffers,
    BadAccount,
    DuplicateLine,
    StatementDiffers,
)
from tradesense.payments.bank.rules import books, statements
from tradesense.payments.bank.rules.accounts import find_flaw
from tradesense.payments.bank.service.matching import propose_strong
from tradesense.payments.bank.service.outgoing import recognise
from tradesense.payments.bank.store import lines as store
from tradesense.trail.model import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came of one statement; `is_new` is False for one that was imported before."""

    statement_id: UUID
    account: str
    bank_id: str
    currency: str
    lines: int
    closing_minor: int
    is_new: bool


async def register_account(
    tx: Transaction, *, account: BankAccount, by: str, now: datetime
) -> BankAccount:
    """
    Let buyers pay into `account`, and its statements be imported; one per currency.

    A second time changes nothing. Raises BadAccount or AccountDiffers.
    """
    flaw = find_flaw(account)
    if flaw is not None:
        raise BadAccount(flaw)
    if await store.add_account(tx, account, now=now):
        event = model.BankAccountRegistered(account.account, account.currency)
        stream = f"bank-account:{account.account}"
        await trail.record(tx, Fact(event=event, stream=stream, at=now, by=by))
    elif account not in await store.list_accounts(tx):
        raise AccountDiffers(
            f"{account.currency} or {account.account} is registered otherwise already; "
            "`tradesense bank accounts` shows how"
        )
    return account


async def import_statements(
    tx: Transaction, told: Sequence[ReadStatement], *, by: str, now: datetime
) -> list[Imported]:
    """
    Keep statements and book their lines: every one of them, or none.

    One that was imported before, with the same content, is left as it is. Raises
    MalformedStatement, UnbalancedStatement, ForeignAccount, StatementDiffers, StatementMissing or
    DuplicateLine; nothing is kept then.
    """
    return [await _import(tx, each, by=by, now=now) for each in told]


async def _import(tx: Transaction, told: ReadStatement, *, by: str, now: datetime) -> Imported:
    statements.require_sound(told)
    account = await store.lock_account(tx, told.account)
    statements.require_ours(told, account)
    sha256 = statements.content_sha256(told)
    known = await store.find_statement_sha256(tx, told.account, told.bank_id)
    if known is not None and known != sha256:
        raise StatementDiffers(
            f"statement {told.bank_id} of {told.account} was imported before, and said something "
            "else; ask the bank which one is right"
        )
    if known is None:
        newest = await store.find_newest(tx, told.account)
        statements.require_next(told, None if newest is None else newest[1])
        ordinal = 1 if newest is None else newest[0] + 1
        await _keep(tx, told, ordinal=ordinal, sha256=sha256, by=by, now=now)
    return Imported(
        statement_id=statements.statement_id(told),
        account=told.account,
        bank_id=told.bank_id,
        currency=told.currency,
        lines=len(told.lines),
        closing_minor=told.closing_minor,
        is_new=known is None,
    )


async def _keep(
    tx: Transaction, told: ReadStatement, *, ordinal: int, sha256: bytes, by: str, now: datetime
) -> None:
    lines = statements.lines_of(told)
    opening = books.opening(told, now) if ordinal == 1 else None
    await store.add_statement(
        tx,
        told,
        statement_id=statements.statement_id(told),
        ordinal=ordinal,
        sha256=sha256,
        transfer_id=None if opening is None else opening.id,
        by=by,
        now=now,
    )
    await _keep_lines(tx, told, lines)
    event = model.StatementImported(
        statement_id=statements.statement_id(told),
        account=told.account,
        currency=told.currency,
        bank_id=told.bank_id,
        opening_minor=told.opening_minor,
        closing_minor=told.closing_minor,
        lines=len(lines),
        content_sha256=sha256.hex(),
    )
    stream = f"bank-account:{told.account}"
    await trail.record(tx, Fact(event=event, stream=stream, at=now, by=by))
    await _book(tx, [*([opening] if opening else []), *map(books.booked, lines)], by=by, now=now)
    known = await recognise(tx, lines, now=now)
    await propose_strong(tx, [line for line in lines if line.line_id not in known], now=now)


async def _keep_lines(tx: Transaction, told: ReadStatement, lines: Sequence[BankLine]) -> None:
    identities = statements.identities(told)
    known = await store.find_known(tx, told.account, identities)
    for line, identity in zip(told.lines, identities, strict=True):
        if identity in known:
            raise DuplicateLine(
                f"{line.where}: this line was imported before, with another statement"
            )
    await store.add_lines(
        tx,
        [
            (line, identity, books.booking_id(line.line_id))
            for line, identity in zip(lines, identities, strict=True)
        ],
    )


async def _book(tx: Transaction, transfers: Sequence[Transfer], *, by: str, now: datetime) -> None:
    if transfers:
        await ledger.post(tx, *transfers, by=by, now=now)
