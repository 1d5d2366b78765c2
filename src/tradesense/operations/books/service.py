"""The verbs of operators on the books. Each takes the caller's transaction and never commits it."""

from datetime import datetime

from tradesense import ledger
from tradesense.infra.db import Transaction
from tradesense.kernel.errors import Conflict, Invalid
from tradesense.kernel.money import Money
from tradesense.ledger import Age, StatementLine
from tradesense.operations.books import rules
from tradesense.operations.service import require_reason

LINES_MAX = 500


class BadPeriod(Invalid):
    """The text names no period, or a range no time."""

    code = "operations.bad_period"


class PeriodNotOver(Conflict):
    """Only a period that has ended a while ago can be closed: it never reopens."""

    code = "operations.period_not_over"


async def get_balance(
    tx: Transaction,
    account: str,
    *,
    as_of: datetime | None = None,
    known_at: datetime | None = None,
) -> Money:
    """Return what a book account holds, or held. Raises InvalidTransfer for one off the chart."""
    return await ledger.balance_of(tx, account, as_of=as_of, known_at=known_at)


async def get_statement(
    tx: Transaction,
    account: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 50,
    after: int | None = None,
) -> list[StatementLine]:
    """
    Return lines of an account, the newest first, effective from `since` on and before `until`.

    `after` is the version the last page ended with. Raises InvalidTransfer, BadPeriod.
    """
    if since is not None and until is not None and until <= since:
        raise BadPeriod("the range ends before it begins: `until` is later than `since`")
    return await ledger.list_statement(
        tx, account, before=after, limit=min(limit, LINES_MAX), since=since, until=until
    )


async def list_passing(tx: Transaction) -> list[Age]:
    """Return how old what stands is, of every account that money only passes through."""
    kinds = [name for name, kind in ledger.CHART.items() if kind.age_max is not None]
    return [age for kind in kinds for age in await ledger.list_ages(tx, kind=kind)]


async def close_books(
    tx: Transaction, *, period: str, why: str, by: str, now: datetime
) -> datetime:
    """
    Let nothing be effective any more in a period, nor before it; return its end.

    Closing it again changes nothing. Raises BadPeriod, WhyMissing, PeriodNotOver while it lasts
    and for an hour after it, and PeriodClosed if the books are closed further already.
    """
    until = rules.end_of(period)
    if until is None:
        raise BadPeriod(f"{period!r} is no period: write 2026-10, 2026-10-31 or 2026")
    reason = require_reason(why)
    if now < until + rules.PERIOD_GRACE:
        raise PeriodNotOver(
            f"{period} can be closed from {until + rules.PERIOD_GRACE:%Y-%m-%d %H:%M} UTC on: "
            "what is closed never reopens"
        )
    await ledger.close_period(tx, until=until, by=by, now=now, why=reason)
    return until
