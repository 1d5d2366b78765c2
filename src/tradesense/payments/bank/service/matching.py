"""The verbs of matches: suggest, propose, approve by somebody else, reject."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tradesense import ledger, trail
from tradesense.infra.db import Transaction
from tradesense.kernel.events import Event
from tradesense.kernel.ids import derive
from tradesense.payments import service as payments
from tradesense.payments.bank import model
from tradesense.payments.bank.model import (
    BankLine,
    LineKind,
    Match,
    MatchStatus,
    Offer,
    Strength,
    Suggestion,
)
from tradesense.payments.bank.refusals import (
    AlreadyDecided,
    BadMatch,
    LineTaken,
    SamePerson,
    UnknownLine,
    UnknownMatch,
)
from tradesense.payments.bank.rules import books, matching
from tradesense.payments.bank.rules.references import references_in
from tradesense.payments.bank.service.offers import view_of
from tradesense.payments.bank.store import lines as lines_store
from tradesense.payments.bank.store import matches as store
from tradesense.payments.store import payments as receipts
from tradesense.trail.model import Fact

SYSTEM = "system:bank"


async def list_suggestions(tx: Transaction) -> list[Suggestion]:
    """Return what the lines that nobody knows yet may be."""
    open_lines = await lines_store.list_lines(tx, only_unmatched=True)
    return await _suggest(tx, open_lines)


async def propose_strong(tx: Transaction, lines: Sequence[BankLine], *, now: datetime) -> None:
    """Propose in the system's name what needs no judgement: reference, amount, currency agree."""
    for one in await _suggest(tx, lines):
        if one.strength is Strength.STRONG:
            await propose(
                tx,
                match_id=derive(one.line_ids[0], "match"),
                kind=LineKind.PAYMENT,
                line_ids=one.line_ids,
                payment_ids=one.payment_ids,
                reason=one.reason,
                by=SYSTEM,
                now=now,
            )


async def propose(
    tx: Transaction,
    *,
    match_id: UUID,
    kind: LineKind,
    line_ids: Sequence[UUID],
    payment_ids: Sequence[UUID] = (),
    party: str = "",
    reason: str,
    by: str,
    now: datetime,
) -> Match:
    """
    Propose what some lines are; nothing is settled before another person approves.

    The same id again changes nothing. Raises BadMatch, UnknownLine or LineTaken.
    """
    matching.require_reason(reason)
    lines = await _lines(tx, line_ids)
    offers = await _offers(tx, payment_ids)
    taken = [line.line_id for line in lines if line.kind is not None]
    match = Match(
        match_id=match_id,
        kind=kind,
        line_ids=tuple(line.line_id for line in lines),
        payment_ids=tuple(offer.payment_id for offer in offers),
        party=party,
        reason=reason,
        proposed_by=by,
        proposed_at=now,
        status=MatchStatus.OPEN,
    )
    if taken:
        raise LineTaken(f"line {taken[0]} is known for what it is already")
    matching.require_sense(kind, lines, offers, party=party)
    if await store.add_match(tx, match):
        event = model.MatchProposed(
            match_id, kind, match.line_ids, match.payment_ids, party, reason
        )
        await _record(tx, match_id, event, by, now)
    return match


async def approve(tx: Transaction, *, match_id: UUID, by: str, now: datetime) -> Match:
    """
    Agree to a proposal of another: its lines leave `unapplied`, its payments are settled.

    What came is honoured where it is what a payment asks for, and sent back where it is not.
    Raises UnknownMatch, AlreadyDecided, SamePerson or LineTaken; nothing has happened then.
    """
    match = await _lock_open(tx, match_id)
    if by in {match.proposed_by, SYSTEM}:
        raise SamePerson("who proposed a match may not approve it; ask somebody else to look")
    lines = await _lines(tx, match.line_ids)
    transfers = []
    for line in lines:
        counter = books.counter_account(match.kind, match.party, line.currency)
        transfers.append(books.applied(line, counter, now))
        if not await lines_store.apply_line(
            tx,
            line,
            kind=match.kind,
            party=match.party,
            match_id=match_id,
            transfer_id=transfers[-1].id,
            now=now,
        ):
            raise LineTaken(f"line {line.line_id} became known for what it is meanwhile")
        await record_applied(tx, line, match.kind, match.party, by=by, now=now)
    await store.decide(tx, match_id, MatchStatus.APPROVED, by=by, now=now)
    await _record(tx, match_id, model.MatchApproved(match_id), by, now)
    if match.kind is LineKind.PAYMENT:
        await _settle(tx, match, lines, now=now)
    await ledger.post(tx, *transfers, now=now, by=by)
    return match


async def reject(tx: Transaction, *, match_id: UUID, reason: str, by: str, now: datetime) -> Match:
    """
    Refuse a proposal, or take back one's own.

    Raises BadMatch, UnknownMatch or AlreadyDecided.
    """
    matching.require_reason(reason)
    match = await _lock_open(tx, match_id)
    await store.decide(tx, match_id, MatchStatus.REJECTED, by=by, now=now)
    await _record(tx, match_id, model.MatchRejected(match_id, reason), by, now)
    return match


async def apply_payout(
    tx: Transaction, *, line_id: UUID, provider: str, by: str, now: datetime
) -> bool:
    """
    Say that a line is a payout of `provider` (or one it took back), because its records prove it.

    For reconciliation, which has the provider's own record of the same amount and reference.
    Returns False, and changes nothing, if the line is known for what it is. Raises UnknownLine.
    """
    (line,) = await _lines(tx, [line_id])
    kind = LineKind.PROVIDER_PAYOUT
    counter = books.counter_account(kind, provider, line.currency)
    transfer = books.applied(line, counter, now)
    if not await lines_store.apply_line(
        tx, line, kind=kind, party=provider, match_id=None, transfer_id=transfer.id, now=now
    ):
        return False
    await record_applied(tx, line, kind, provider, by=by, now=now)
    await ledger.post(tx, transfer, now=now, by=by)
    return True


async def record_applied(
    tx: Transaction, line: BankLine, kind: LineKind, party: str, *, by: str, now: datetime
) -> None:
    """Put on the trail what a line turned out to be."""
    event = model.LineApplied(
        line_id=line.line_id,
        kind=kind,
        party=party,
        amount_minor=line.amount_minor,
        currency=line.currency,
        transfer_id=derive(line.line_id, "applied"),
    )
    await trail.record(tx, Fact(event=event, stream=f"bank-line:{line.line_id}", at=now, by=by))


async def _settle(
    tx: Transaction, match: Match, lines: Sequence[BankLine], *, now: datetime
) -> None:
    """Settle each payment by what it received, under a name that this money alone has."""
    offers = await _offers(tx, match.payment_ids)
    received = matching.shares(lines, offers)
    for offer in offers:
        await payments.lock(tx, offer.payment_id)
        ref = offer.reference
        if await receipts.find_receipt(tx, books.MANUAL, ref) is not None:
            ref = f"{ref}/{match.match_id.hex[:12]}"
        await store.save_share(
            tx, match.match_id, offer.payment_id, ref=ref, received_minor=received[offer.payment_id]
        )
        seen = await view_of(tx, ref)
        await payments.settle(tx, payment_id=offer.payment_id, seen=seen, now=now)


async def _suggest(tx: Transaction, lines: Sequence[BankLine]) -> list[Suggestion]:
    references = [each for line in lines for each in references_in(matching.written(line))]
    return matching.suggest(lines, await store.list_offers(tx, references))


async def _lock_open(tx: Transaction, match_id: UUID) -> Match:
    match = await store.lock_match(tx, match_id)
    if match is None:
        raise UnknownMatch(f"no match {match_id}")
    if match.status is not MatchStatus.OPEN:
        raise AlreadyDecided(f"match {match_id} was {match.status} by {match.decided_by}")
    return match


async def _lines(tx: Transaction, line_ids: Sequence[UUID]) -> list[BankLine]:
    """Return the lines in the order of their ids, in which they are locked. Raises UnknownLine."""
    found = await lines_store.find_lines(tx, line_ids)
    for line_id in line_ids:
        if line_id not in found:
            raise UnknownLine(f"no line {line_id}")
    return [found[line_id] for line_id in sorted(found)]


async def _offers(tx: Transaction, payment_ids: Sequence[UUID]) -> list[Offer]:
    found = await store.find_offers(tx, payment_ids)
    for payment_id in payment_ids:
        if payment_id not in found:
            raise BadMatch(f"payment {payment_id} was never offered by bank transfer")
    return [found[payment_id] for payment_id in sorted(found)]


async def _record(tx: Transaction, match_id: UUID, event: Event, by: str, now: datetime) -> None:
    await trail.record(tx, Fact(event=event, stream=f"bank-match:{match_id}", at=now, by=by))
