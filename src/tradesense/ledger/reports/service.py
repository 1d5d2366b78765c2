"""Reading the books. Nothing here writes."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tradesense.infra.db import Transaction
from tradesense.kernel.money import Money
from tradesense.ledger.chart import find_account
from tradesense.ledger.model import Age, BookAccount, Side, StatementLine, Transfer, TrialLine
from tradesense.ledger.refusals import InvalidTransfer
from tradesense.ledger.reports import store

PAGE_MAX = 1_000  # lines of a statement per call
_AGE_PAGE = 500


async def balance_of(
    tx: Transaction,
    account: str,
    *,
    as_of: datetime | None = None,
    known_at: datetime | None = None,
) -> Money:
    """
    Return what `account` holds, positive on its normal side; zero if nothing ever moved.

    With `as_of`, what it held just after that moment of the books (`effective_at`); with
    `known_at`, as far as it was recorded by that moment of the database's clock. Without both
    it counts every transfer that `tx` can see, whether or not the follower has come so far.
    Raises InvalidTransfer if the chart has no such account.
    """
    known = _get_account(account)
    if as_of is None and known_at is None:
        turnover = await store.read_turnover(tx, known)
    else:
        turnover = await store.sum_turnover(tx, account, as_of=as_of, known_at=known_at)
    return Money(_on_normal_side(known, turnover), known.currency)


async def trial_balance(tx: Transaction, *, as_of: datetime | None = None) -> list[TrialLine]:
    """Return every account that ever moved, by code; per currency, debits equal credits."""
    return [
        TrialLine(
            account=code,
            normal=_get_account(code).normal,
            debit=Money(brought, currency),
            credit=Money(taken, currency),
        )
        for code, currency, brought, taken in await store.list_turnovers(tx, as_of=as_of)
    ]


async def list_statement(
    tx: Transaction,
    account: str,
    *,
    before: int | None = None,
    limit: int = 50,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[StatementLine]:
    """
    Return lines of an account, the newest first, below version `before`.

    Only those effective from `since` on and before `until`, where these are given.

    Versions have no gap. A hot account's lines come from the follower, in the order of the
    trail, a moment after the transfers. Raises InvalidTransfer for an account off the chart.
    """
    known = _get_account(account)
    lines = await store.list_lines(
        tx, account, before=before, limit=min(limit, PAGE_MAX), since=since, until=until
    )
    return [
        StatementLine(
            version=line.version,
            transfer=line.transfer,
            amount=Money(_on_normal_side(known, line.amount_minor), known.currency),
            balance=Money(_on_normal_side(known, line.balance_minor), known.currency),
            recorded_at=line.recorded_at,
        )
        for line in lines
    ]


async def list_ages(tx: Transaction, *, kind: str = "clearing") -> list[Age]:
    """
    Return how old the balance of each account of `kind` is.

    What comes in first goes out first, so what stands is what came in last. A clearing account
    that does not age to zero holds money that somebody owes an explanation for.
    """
    return [await _age(tx, _get_account(code)) for code in await store.list_codes(tx, kind)]


async def list_transfers(tx: Transaction, account: str, *, since: datetime) -> list[Transfer]:
    """
    Return the transfers of `account` that are effective from `since` on, oldest first.

    Raises InvalidTransfer for an account off the chart.
    """
    return await store.list_since(tx, _get_account(account).code, since)


async def list_linked(tx: Transaction, ids: Sequence[UUID]) -> list[Transfer]:
    """Return the transfers that `ids` name, whatever reverses them, and whatever they reverse."""
    return await store.list_linked(tx, ids) if ids else []


async def _age(tx: Transaction, account: BookAccount) -> Age:
    turnover = await store.read_turnover(tx, account)
    balance = Money(_on_normal_side(account, turnover), account.currency)
    left, oldest_at, after = abs(turnover), None, None
    side = Side.DEBIT if turnover > 0 else Side.CREDIT
    while left > 0:
        # Newest first: a few pages, unless money has been standing here for long.
        page = await store.list_movements(tx, account.code, side, before=after, limit=_AGE_PAGE)
        for movement in page:
            oldest_at = movement.effective_at
            left -= movement.amount_minor
            if left <= 0:
                break
        if len(page) < _AGE_PAGE:
            break
        after = (page[-1].effective_at, page[-1].transfer_id)
    return Age(account=account.code, balance=balance, oldest_at=oldest_at)


def _get_account(code: str) -> BookAccount:
    account = find_account(code)
    if account is None:
        raise InvalidTransfer(f"no account {code!r} on the chart")
    return account


def _on_normal_side(account: BookAccount, turnover: int) -> int:
    return turnover if account.normal is Side.DEBIT else -turnover
