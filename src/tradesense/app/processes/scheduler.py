"""The scheduler: chores that are due by the wall clock, done by one process at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from tradesense import payments
from tradesense.app import invariants
from tradesense.infra.clock import SystemClock
from tradesense.infra.db import forget_commits
from tradesense.infra.idempotency import forget_answers, list_unanswered
from tradesense.infra.lease import LeaseLost, hold
from tradesense.infra.runtime import Runtime
from tradesense.infra.settings import Settings
from tradesense.kernel.errors import OutcomeUnknown, Unavailable
from tradesense.ledger import jobs as books
from tradesense.operations.jobs import following
from tradesense.payments import jobs as payment_jobs

# A commit key is asked for again within seconds; a week also covers a machine that slept.
COMMITS_KEPT = timedelta(days=7)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to do again and again; doing it twice does no harm."""

    name: str
    every_s: float
    do: Callable[[Runtime], Awaitable[None]]


async def main(settings: Settings) -> None:
    """Do the chores until cancelled; a database that is away is waited for."""
    async with (
        Runtime.open(settings, name="scheduler", connections=3) as runtime,
        following(runtime, "scheduler"),
    ):
        while True:
            try:
                async with hold(runtime.db, "scheduler"), asyncio.TaskGroup() as group:
                    for chore in CHORES:
                        group.create_task(_again_and_again(chore, runtime))
            except LeaseLost as lost:
                log.warning("another scheduler took over", reason=str(lost))


async def _again_and_again(chore: Chore, runtime: Runtime) -> None:
    while True:
        await asyncio.sleep(chore.every_s)
        try:
            await chore.do(runtime)
        except (Unavailable, OutcomeUnknown) as error:
            log.info("chore put off", chore=chore.name, reason=str(error))


async def _forget(runtime: Runtime) -> None:
    answers = await runtime.db.repeat(forget_answers)
    # What is remembered is stamped by the database's clock, not by a story's.
    now = SystemClock().now()
    commits = await runtime.db.repeat(lambda tx: forget_commits(tx, before=now - COMMITS_KEPT))
    log.debug("forgotten", answers=answers, commits=commits)


async def _report_unanswered(runtime: Runtime) -> None:
    async with runtime.db.reading() as tx:
        abandoned = await list_unanswered(tx)
    for name, for_s in abandoned:
        # A key is its client's secret as long as it is valid; where it was used is enough.
        log.warning("an errand was never finished", scope=name.scope, abandoned_for_s=for_s)


async def _keep_books(runtime: Runtime) -> None:
    await books.follow(runtime)
    await books.expire_due(runtime)


async def _reconcile(runtime: Runtime) -> None:
    if runtime.settings.clock == "driven":
        return  # providers live in wall-clock time; a story's hours are not theirs
    async with payment_jobs.open_providers(runtime) as providers:
        # The firm's own bank is reconciled as the bank that it is.
        others = [provider for provider in providers if not provider.tariff.is_manual]
        await payments.reconciliation.reconcile_due(runtime, others, now=SystemClock().now())


async def _check_promises(runtime: Runtime) -> None:
    for sentence, rows in (await invariants.check_in(runtime.db)).items():
        if rows:
            log.error("a promise is broken", promise=sentence, rows=rows)


CHORES = (
    Chore("follow the trail in the books, end late reservations", 1, _keep_books),
    Chore("forget old keys and answers", 600, _forget),
    Chore("report errands that nobody finished", 600, _report_unanswered),
    Chore("reconcile with providers and the bank, hourly and daily", 300, _reconcile),
    Chore("check every promise", 600, _check_promises),
)
