"""Runs of reconciliation: the provider is asked between transactions, everything else in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import structlog

from tradesense import trail
from tradesense.infra.runtime import Runtime
from tradesense.kernel.errors import OutcomeUnknown, Unavailable
from tradesense.kernel.ids import derive
from tradesense.payments.bank import apply_payout
from tradesense.payments.model import Movement, Provider
from tradesense.payments.providers import UnknownAtProvider
from tradesense.payments.reconciliation import rules, service
from tradesense.payments.reconciliation.model import Copied, Findings, Run, Totals
from tradesense.payments.reconciliation.store import bank, movements, runs, sides

HOURLY, DAILY, ASKED = "hourly", "daily", "asked"

# How much of what was compared before is compared again. More than any grace, so that whatever
# is underway is seen until it has ended; once a day far more, for what a provider changes late.
OVERLAP = {
    HOURLY: timedelta(days=12),
    DAILY: timedelta(days=40),
    ASKED: timedelta(days=40),
}
_SLOT = {HOURLY: "%Y-%m-%dT%H", DAILY: "%Y-%m-%d"}
BATCH = 500
OWNERS_MAX = 100  # asked about per run; strangers are few

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What to compare: `now` is a moment of the wall clock, as providers live in it."""

    cadence: str
    now: datetime
    since: datetime | None = None


async def reconcile(runtime: Runtime, provider: Provider, asked: Asked) -> Run:
    """
    Copy the provider's books, book what only they tell, compare all sides, keep what was found.

    Once per hour or day; asked for again it returns that run. Each step may die and be done
    again: it finds what it did. Raises Unavailable or OutcomeUnknown; then do it again.
    """
    run = await _start(runtime, provider.name, asked)
    if run.report is not None:
        return run
    await _copy(runtime, provider, run)
    await _book(runtime, provider.name)
    await _ask_owners(runtime, provider)
    async with runtime.db.reading() as tx:
        books = await service.read_books(tx, provider=provider.name, since=run.since)
        trail_size = await trail.sealed_size(tx)
    findings = rules.find_differences(books, now=run.until)
    return await _conclude(runtime, run, findings, totals=books.totals, trail_size=trail_size)


async def reconcile_bank(runtime: Runtime, asked: Asked) -> Run:
    """
    Say which lines of the bank are payouts, and look for those that nobody explains.

    After the providers, whose payouts they are.
    """
    run = await _start(runtime, rules.BANK, asked)
    if run.report is not None:
        return run
    await _apply_arrived(runtime, run)
    async with runtime.db.reading() as tx:
        lines = await bank.list_lines(tx, since=run.since)
        references = await movements.list_payout_references(tx)
        trail_size = await trail.sealed_size(tx)
    findings = rules.find_unexplained(lines, references, now=run.until)
    return await _conclude(runtime, run, findings, totals=(), trail_size=trail_size)


async def _apply_arrived(runtime: Runtime, run: Run) -> None:
    """Take what has surely arrived out of the payouts underway; said twice, it is taken once."""
    # Far enough back that a payout which the bank shows twice is seen twice.
    since = min(run.since, run.until - OVERLAP[DAILY])
    async with runtime.db.reading() as tx:
        credits_ = await bank.list_lines(tx, since=since)
        sent = await movements.list_sent_payouts(tx)
    for credit, payout in rules.find_arrived(credits_, sent):
        await runtime.db.repeat(
            partial(
                apply_payout,
                line_id=credit.line_id,
                provider=payout.provider,
                by="system:reconciliation",
                now=runtime.now(),
            )
        )


async def _conclude(
    runtime: Runtime, run: Run, findings: Findings, *, totals: Sequence[Totals], trail_size: int
) -> Run:
    done = await runtime.db.repeat(
        lambda tx: service.conclude(
            tx,
            run=run,
            findings=findings,
            totals=totals,
            trail_size=trail_size,
            now=runtime.now(),
        )
    )
    say = log.warning if findings.differences else log.info
    say("reconciled", of=run.provider, cadence=run.cadence, found=len(findings.differences))
    return done


async def reconcile_due(
    runtime: Runtime, providers: Sequence[Provider], *, now: datetime
) -> Sequence[Run]:
    """
    Do what this hour and this day still lack, provider by provider, the bank last.

    A provider that is away does not keep the others waiting; raises what it raised at the end.
    """
    done, away = [], []
    for cadence in (DAILY, HOURLY):
        asked = Asked(cadence=cadence, now=now)
        for provider in providers:
            try:
                done.append(await reconcile(runtime, provider, asked))
            except (Unavailable, OutcomeUnknown) as error:
                away.append(error)
        done.append(await reconcile_bank(runtime, asked))
    if away:
        raise away[0]
    return done


def _run_id(provider: str, asked: Asked, runtime: Runtime) -> UUID:
    if asked.cadence not in _SLOT:
        return runtime.new_id()
    slot = asked.now.astimezone(UTC).strftime(_SLOT[asked.cadence])
    return derive("reconciliation", provider, asked.cadence, slot)


async def _start(runtime: Runtime, provider: str, asked: Asked) -> Run:
    """Commit that there is such a run; one that died is taken up with the moment of now."""
    until = asked.now.replace(microsecond=0)  # providers date their lines by the second
    async with runtime.db.reading() as tx:
        last = await runs.find_last(tx, provider)
        first_at = await sides.first_payment_at(tx)
    known_at = min(last.until if last else first_at or until, until)
    since = asked.since or known_at - OVERLAP[asked.cadence]
    run = Run(
        run_id=_run_id(provider, asked, runtime),
        provider=provider,
        cadence=asked.cadence,
        since=since.replace(microsecond=0),
        until=until,
    )
    standing = await runtime.db.repeat(lambda tx: runs.add(tx, run))
    return standing if standing.report is not None else run


async def _copy(runtime: Runtime, provider: Provider, run: Run) -> None:
    async with runtime.db.reading() as tx:
        between = await movements.list_copied_between(
            tx, provider.name, since=run.since, until=run.until
        )
    seen = list(await provider.list_movements(since=run.since, until=run.until))
    async with runtime.db.reading() as tx:
        others = await movements.list_copied_refs(tx, provider.name, [each.ref for each in seen])
    expected = {
        line.movement.ref: line for line in between if run.since <= line.movement.at < run.until
    }
    shown = {movement.ref for movement in seen}
    for start in range(0, len(seen), BATCH):
        part = seen[start : start + BATCH]
        known = {each.ref: others[each.ref] for each in part if each.ref in others}
        known |= {each.ref: expected[each.ref] for each in part if each.ref in expected}
        await _keep(runtime, part, known)
    await _keep(runtime, [], {ref: line for ref, line in expected.items() if ref not in shown})


async def _keep(runtime: Runtime, seen: Sequence[Movement], known: dict[str, Copied]) -> None:
    if seen or known:
        await runtime.db.repeat(lambda tx: service.copy(tx, seen=seen, known=known))


async def _book(runtime: Runtime, provider: str) -> None:
    """Book whatever is not booked yet; what falls into a closed period is dated today."""
    after: tuple[datetime, str] | None = None
    while True:
        async with runtime.db.reading() as tx:
            lines = await movements.list_unbooked(tx, provider, after=after, limit=BATCH)
        if not lines:
            return
        after = (lines[-1].at, lines[-1].ref)
        refused = await _post(runtime, lines, effective_at=None)
        if refused:
            stuck = await _post(runtime, refused, effective_at=runtime.now())
            for line in stuck:
                log.error("reconciliation.unbooked", provider=provider, movement=line.ref)


async def _post(
    runtime: Runtime, lines: Sequence[Movement], *, effective_at: datetime | None
) -> Sequence[Movement]:
    return await runtime.db.repeat(
        lambda tx: service.book(tx, lines=lines, now=runtime.now(), effective_at=effective_at)
    )


async def _ask_owners(runtime: Runtime, provider: Provider) -> None:
    """Ask whose payments those are that we know nothing of: ours, another's, nobody's."""
    async with runtime.db.reading() as tx:
        refs = await movements.list_unowned(tx, provider.name, limit=OWNERS_MAX)
    for ref in refs:
        claimed = await _claimed(provider, ref)
        await runtime.db.repeat(
            lambda tx, ref=ref, claimed=claimed: movements.add_owner(  # type: ignore[misc] # defaults bind the loop's values
                tx, provider.name, payment_ref=ref, claimed=claimed
            )
        )


async def _claimed(provider: Provider, ref: str) -> UUID | None:
    try:
        return (await provider.fetch(ref)).payment_id
    except UnknownAtProvider:
        return None
