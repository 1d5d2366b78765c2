"""The verbs of operators: take a case, say what it was, mend it by a transfer with four eyes."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from tradesense import ledger, trail
from tradesense.infra.db import Transaction
from tradesense.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tradesense.kernel.events import Event
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.ledger.model import Transfer
from tradesense.payments.reconciliation.model import (
    Case,
    CaseAssigned,
    CaseResolved,
    CaseState,
    Correction,
    CorrectionProposed,
)
from tradesense.payments.reconciliation.service import stream_of
from tradesense.payments.reconciliation.store import cases
from tradesense.trail.model import Fact


class UnknownCase(NotFound):
    """No case has this id."""

    code = "reconciliation.unknown_case"


class NeverRun(NotFound):
    """No run with this provider is complete."""

    code = "reconciliation.never_run"


class CaseEnded(Conflict):
    """The case is resolved; it opens again by itself if its difference comes back."""

    code = "reconciliation.case_ended"


class NothingSaid(Invalid):
    """A resolution says what the difference was."""

    code = "reconciliation.nothing_said"


class BadCorrection(Invalid):
    """A correction is a transfer between two accounts of the chart."""

    code = "reconciliation.bad_correction"


class NothingProposed(Conflict):
    """The case has no correction that waits for a second person."""

    code = "reconciliation.nothing_proposed"


class CorrectionOpen(Conflict):
    """A correction waits for a second person already."""

    code = "reconciliation.correction_open"


class SameEyes(Forbidden):
    """Who proposes a correction cannot approve it."""

    code = "reconciliation.same_eyes"


async def assign(tx: Transaction, *, case_id: UUID, owner: str, by: str, now: datetime) -> Case:
    """
    Give an open case to `owner`; a second time changes nothing.

    Raises UnknownCase or CaseEnded.
    """
    case = await _lock_open(tx, case_id)
    if case.owner == owner and case.state is CaseState.ASSIGNED:
        return case
    taken = replace(case, owner=owner, state=CaseState.ASSIGNED)
    await cases.save(tx, taken)
    await _record(tx, case, CaseAssigned(case_id=case_id, owner=owner), by=by, now=now)
    return taken


async def resolve(
    tx: Transaction, *, case_id: UUID, resolution: str, is_accepted: bool, by: str, now: datetime
) -> Case:
    """
    End a case by saying what it was; who says it becomes its owner if it has none.

    An accepted difference may stay as it is, and counts as resolved while it does not change;
    any other opens the case again if the next run still finds it. Raises UnknownCase,
    CaseEnded or NothingSaid.
    """
    if not resolution.strip():
        raise NothingSaid("say in a few words what the difference was")
    case = await _lock_open(tx, case_id)
    return await _resolve(
        tx, case, resolution=resolution, is_accepted=is_accepted, transfer_id=None, by=by, now=now
    )


async def propose_correction(
    tx: Transaction,
    *,
    case_id: UUID,
    debit: str,
    credit: str,
    amount: Money,
    reason: str,
    by: str,
    now: datetime,
) -> Case:
    """
    Propose a transfer that mends an open case; somebody else approves it.

    Raises UnknownCase, CaseEnded, BadCorrection or CorrectionOpen.
    """
    case = await _lock_open(tx, case_id)
    correction = Correction(
        debit=debit,
        credit=credit,
        amount=amount,
        reason=reason,
        proposed_by=by,
        proposed_at=now,
    )
    _check(correction)
    number = await cases.count_corrections(tx, case_id)
    correction_id = derive(case_id, "correction", number)
    if not await cases.add_correction(tx, case_id, correction_id, correction):
        raise CorrectionOpen("a correction is waiting already; approve it, or resolve the case")
    event = CorrectionProposed(
        case_id=case_id,
        debit=debit,
        credit=credit,
        amount_minor=amount.minor,
        currency=amount.currency,
    )
    await _record(tx, case, event, by=by, now=now)
    return replace(case, correction=correction)


async def approve_correction(tx: Transaction, *, case_id: UUID, by: str, now: datetime) -> Case:
    """
    Post the correction that another operator proposed, and end the case by it.

    Raises UnknownCase, CaseEnded, NothingProposed, SameEyes, or as `ledger.post` does.
    """
    case = await _lock_open(tx, case_id)
    correction = case.correction
    if correction is None or correction.transfer_id is not None:
        raise NothingProposed(f"nothing is proposed for case {case_id}")
    if correction.proposed_by == by:
        raise SameEyes("somebody else than its proposer approves a correction")
    number = await cases.count_corrections(tx, case_id)
    transfer = Transfer(
        id=derive(case_id, "correction", number, "posted"),
        debit=correction.debit,
        credit=correction.credit,
        amount=correction.amount,
        reason=correction.reason,
        effective_at=now,
    )
    await cases.approve_correction(tx, case_id, by=by, transfer_id=transfer.id)
    resolved = await _resolve(
        tx,
        case,
        resolution=correction.reason,
        is_accepted=True,
        transfer_id=transfer.id,
        by=by,
        now=now,
    )
    await ledger.post(tx, transfer, now=now, by=by, cause=f"case:{case_id}")
    return replace(resolved, correction=replace(correction, transfer_id=transfer.id))


async def get(tx: Transaction, case_id: UUID) -> Case:
    """Return a case. Raises UnknownCase."""
    case = await cases.find(tx, case_id)
    if case is None:
        raise UnknownCase(f"no case {case_id}")
    return case


async def _resolve(
    tx: Transaction,
    case: Case,
    *,
    resolution: str,
    is_accepted: bool,
    transfer_id: UUID | None,
    by: str,
    now: datetime,
) -> Case:
    resolved = replace(
        case,
        owner=case.owner or by,
        state=CaseState.RESOLVED,
        resolution=resolution,
        is_accepted=is_accepted,
        resolved_at=now,
    )
    await cases.save(tx, resolved)
    event = CaseResolved(
        case_id=case.case_id,
        resolution=resolution,
        is_accepted=is_accepted,
        transfer_id=transfer_id,
    )
    await _record(tx, case, event, by=by, now=now)
    return resolved


def _check(correction: Correction) -> None:
    accounts = [ledger.find_account(code) for code in (correction.debit, correction.credit)]
    if None in accounts or correction.debit == correction.credit:
        raise BadCorrection(
            f"{correction.debit!r} and {correction.credit!r} must be two accounts of the chart"
        )
    if correction.amount.minor <= 0 or any(
        account is not None and account.currency != correction.amount.currency
        for account in accounts
    ):
        raise BadCorrection("a correction is a positive amount in the currency of both accounts")
    if not correction.reason.strip():
        raise BadCorrection("say why, in a few words; it stands in the books for good")


async def _lock_open(tx: Transaction, case_id: UUID) -> Case:
    case = await cases.lock(tx, case_id)
    if case is None:
        raise UnknownCase(f"no case {case_id}")
    if not case.is_open:
        raise CaseEnded(
            f"case {case_id} is {case.state}; it opens again if its difference comes back"
        )
    return case


async def _record(tx: Transaction, case: Case, event: Event, *, by: str, now: datetime) -> None:
    stream = stream_of(case.difference.provider)
    await trail.record(tx, Fact(event=event, stream=stream, at=now, by=by))
