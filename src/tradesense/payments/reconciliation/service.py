"""The verbs of a run: copy, book, read all sides, conclude. None commits or reads the clock."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from tradesense import ledger, trail
from tradesense.infra.db import Transaction
from tradesense.kernel.ids import derive
from tradesense.kernel.money import MINOR_DIGITS, Money
from tradesense.ledger.model import Age, Request, Transfer
from tradesense.payments.model import Movement
from tradesense.payments.reconciliation import rules
from tradesense.payments.reconciliation.model import (
    Booked,
    Booking,
    Books,
    Copied,
    Findings,
    ReconciliationCompleted,
    Record,
    Run,
    Totals,
)
from tradesense.payments.reconciliation.rules.entries import Entry
from tradesense.payments.reconciliation.store import bank, cases, movements, runs, sides
from tradesense.trail.model import Fact

BY = "system:reconciliation"


async def copy(tx: Transaction, *, seen: Sequence[Movement], known: Mapping[str, Copied]) -> int:
    """
    Keep what a provider shows; return how many lines are new or another than before.

    `known` was read before the provider was asked, so that two who copy at once agree. A line
    of `known` that is not among `seen` is no longer in the provider's books.
    """
    fresh = []
    for movement in seen:
        old = known.get(movement.ref)
        if old is None:
            subject = movement.payment_ref or movement.object_ref or movement.ref
            fresh.append(Copied(movement=movement, subject=subject))
        elif old.is_gone or old.movement != movement:
            fresh.append(Copied(movement=movement, subject=old.subject, versions=old.versions + 1))
    shown = {movement.ref for movement in seen}
    fresh += [
        replace(old, versions=old.versions + 1, is_gone=True)
        for ref, old in known.items()
        if ref not in shown and not old.is_gone
    ]
    await movements.add_versions(tx, fresh)
    return len(fresh)


async def book(
    tx: Transaction, *, lines: Sequence[Movement], now: datetime, effective_at: datetime | None
) -> Sequence[Movement]:
    """
    Post what only the provider knows of: fees, payouts, adjustments; each once.

    Effective when the provider says it was, or at `effective_at` for periods that are closed
    by now. Returns the lines that the ledger refused, whole.
    """
    wanted = [(line, entry) for line in lines for entry in rules.entries_of(line)]
    transfers = [_transfer(line, entry, effective_at) for line, entry in wanted]
    requests = [Request(transfers=(transfer,), by=BY) for transfer in transfers]
    if not requests:
        return []
    refusals = await ledger.post_each(tx, requests, now=now)
    refused: dict[str, Movement] = {}
    for (line, entry), transfer, refusal in zip(wanted, transfers, refusals, strict=True):
        if refusal is not None:
            refused[line.ref] = line
            continue
        booking = Booking(movement_ref=line.ref, part=entry.part, transfer_id=transfer.id)
        await movements.add_bookings(tx, line.provider, [booking])
    return list(refused.values())


async def read_books(tx: Transaction, *, provider: str, since: datetime) -> Books:
    """Return all sides of a provider over what moved since then; `tx` is one snapshot."""
    prefix = f"clearing:{provider}:"
    ages = [age for age in await ledger.list_ages(tx) if age.account.startswith(prefix)]
    lately = [
        transfer.id
        for age in ages
        for transfer in await ledger.list_transfers(tx, age.account, since=since)
    ]
    linked = [transfer.id for transfer in await ledger.list_linked(tx, lately)]
    subjects = await sides.list_subjects(tx, provider, since=since, transfer_ids=linked)
    copied = await movements.list_copied_of(tx, provider, subjects)
    bookings = await movements.list_bookings(tx, provider, [line.movement.ref for line in copied])
    records = await sides.list_records(tx, provider, subjects)
    explained = await cases.list_correcting(tx, provider)
    asked = {*linked, *explained, *_named_in(subjects)}
    asked |= {booking.transfer_id for booking in bookings}
    asked |= {record.transfer_id for record in records if record.transfer_id is not None}
    transfers = await ledger.list_linked(tx, sorted(asked))
    return Books(
        provider=provider,
        movements=tuple(copied),
        records=tuple(_recorded(records, transfers)),
        bookings=tuple(bookings),
        transfers=tuple(
            booked for each in transfers if (booked := _on_clearing(each, prefix)) is not None
        ),
        explained=frozenset(explained),
        owners=await sides.read_owners(tx, provider, subjects),
        credits=tuple(await bank.list_lines(tx, since=_first_of(copied, since))),
        bank_until=await bank.read_coverage(tx),
        totals=_totals(ages, await movements.sum_provider(tx, provider)),
    )


async def conclude(
    tx: Transaction,
    *,
    run: Run,
    findings: Findings,
    totals: Sequence[Totals],
    trail_size: int,
    now: datetime,
) -> Run:
    """
    Open, reopen and end cases, and complete the run: report and fact, in this one commit.

    A run that is complete already is returned as it stands.
    """
    standing = await runs.lock(tx, run.run_id)
    if standing is not None and standing.report is not None:
        return standing
    known = await cases.lock_of(tx, run.provider)
    changes = rules.after_finding(known, findings.differences, now=now)
    for change in changes:
        await cases.save(tx, change.case)
    after = {**known, **{change.case.case_id: change.case for change in changes}}
    told = {
        each.currency: {"provider": each.provider_minor, "clearing": each.clearing_minor}
        for each in totals
    }
    report = rules.report_of(
        run, findings, cases=after.values(), totals=told, trail_size=trail_size
    )
    digest = sha256(report.encode()).hexdigest()
    completed = ReconciliationCompleted(
        run_id=run.run_id,
        cadence=run.cadence,
        since=run.since,
        until=run.until,
        differences=len(findings.differences),
        open_cases=sum(case.is_open for case in after.values()),
        by_kind=rules.count_kinds(findings),
        report_sha256=digest,
    )
    stream = stream_of(run.provider)
    events = [*(change.event for change in changes), completed]
    await trail.record(tx, *(Fact(event=event, stream=stream, at=now, by=BY) for event in events))
    version = await trail.stream_version(tx, stream)
    done = replace(run, report=report, sha256=digest, stream_version=version)
    await runs.complete(tx, done, now=now)
    return done


def stream_of(provider: str) -> str:
    """Return where the facts of a provider's reconciliation are."""
    return f"reconciliation:{provider}"


def _transfer(line: Movement, entry: Entry, effective_at: datetime | None) -> Transfer:
    gains = entry.change_minor > 0
    return Transfer(
        id=derive("movement", line.provider, line.ref, entry.part),
        debit=entry.clearing if gains else entry.counter,
        credit=entry.counter if gains else entry.clearing,
        amount=Money(abs(entry.change_minor), line.currency),
        reason=entry.reason,
        effective_at=effective_at or line.at,
    )


def _on_clearing(transfer: Transfer, prefix: str) -> Booked | None:
    """Return a transfer as a provider's clearing account sees it, None if it does not touch it."""
    is_debit = transfer.debit.startswith(prefix)
    if is_debit == transfer.credit.startswith(prefix):
        return None
    minor = transfer.amount.minor
    return Booked(
        transfer_id=transfer.id,
        account=transfer.debit if is_debit else transfer.credit,
        counter=transfer.credit if is_debit else transfer.debit,
        change_minor=minor if is_debit else -minor,
        currency=transfer.amount.currency,
        at=transfer.effective_at,
        reason=transfer.reason,
        reverses=transfer.reverses,
    )


def _recorded(records: Sequence[Record], transfers: Sequence[Transfer]) -> list[Record]:
    """Date what was done by its transfer: that may be long after it was decided."""
    at = {transfer.id: transfer.effective_at for transfer in transfers}
    return [
        replace(record, at=max(record.at, at[record.transfer_id]))
        if record.transfer_id in at
        else record
        for record in records
    ]


def _first_of(copied: Sequence[Copied], since: datetime) -> datetime:
    return min([since, *(line.movement.at for line in copied)])


def _named_in(subjects: Sequence[str]) -> set[UUID]:
    """Transfers that are cases themselves."""
    mark = "transfer:"
    return {UUID(subject.removeprefix(mark)) for subject in subjects if subject.startswith(mark)}


def _totals(ages: Sequence[Age], theirs: Mapping[str, int]) -> tuple[Totals, ...]:
    ours = {age.balance.currency: age for age in ages}
    return tuple(
        Totals(
            currency=currency,
            provider_minor=theirs.get(currency, 0),
            clearing_minor=ours[currency].balance.minor if currency in ours else 0,
            oldest_at=ours[currency].oldest_at if currency in ours else None,
        )
        for currency in sorted(ours.keys() | theirs.keys())
        if currency in MINOR_DIGITS
    )
