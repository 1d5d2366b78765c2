"""
The verbs of reservations. Each takes the caller's transaction and never commits it.

Like posting they lock bounded accounts first, in the order of their codes, and reservations
after them: call them last in a verb, and once.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.errors import SerializationFailure

from tradesense import trail
from tradesense.infra.db import Transaction
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.ledger import rules, service
from tradesense.ledger import store as books
from tradesense.ledger.model import (
    Outcome,
    Request,
    Reservation,
    ReservationResolved,
    Running,
    Transfer,
    TransferReserved,
)
from tradesense.ledger.pending import store
from tradesense.ledger.refusals import InvalidTransfer, ReservationEnded, UnknownTransfer
from tradesense.trail.model import Fact

EXPIRED_AT_ONCE = 500  # reservations per transaction of `expire_due`


async def reserve(
    tx: Transaction,
    *transfers: Transfer,
    expires_in_s: float | None,
    now: datetime,
    by: str = "system:ledger",
) -> None:
    """
    Hold what linked `transfers` would take out of bounded accounts: for all of them, or none.

    They expire after `expires_in_s` of the database's time, never if it is None. One that was
    reserved already, with the same content, is left as it is. Raises InvalidTransfer,
    TransferMismatch, PeriodClosed or Overdrawn; nothing is held then.
    """
    if any(transfer.reverses is not None for transfer in transfers):
        raise InvalidTransfer("a reversal is posted at once, never reserved")
    sound = [transfer for transfer in transfers if not rules.find_flaw(transfer)]
    running = await _lock_running(tx, sound)
    hashes, closed_until = await store.read_known(tx, [transfer.id for transfer in sound])
    known = rules.Known(hashes, {}, {}, closed_until)  # nothing moves yet
    judged = rules.judge([Request(transfers=transfers, by=by)], known)
    if judged.refusals[0] is not None:
        raise judged.refusals[0]
    held = rules.hold(running, [each.transfer for each in judged.fresh])
    if isinstance(held, rules.Overdraw):
        raise rules.overdrawn(held)
    if not judged.fresh:
        return
    if await store.insert(tx, judged.fresh, expires_in_s) != len(judged.fresh):
        raise SerializationFailure("a reservation of the same id was committed concurrently")
    if held.running:
        await store.keep_reserved(tx, held.running)
    await trail.record(tx, *(_reserved(each.transfer, now, by) for each in judged.fresh))


async def settle(
    tx: Transaction,
    *,
    reservation_id: UUID,
    now: datetime,
    amount: Money | None = None,
    effective_at: datetime | None = None,
    by: str = "system:ledger",
) -> UUID:
    """
    Post a reservation, in full or `amount` of it, and return the transfer's id.

    What is left of it is free again. It is effective when the reservation said, unless
    `effective_at` says otherwise. Settling it again returns the same id. Raises
    UnknownTransfer, ReservationEnded (by time, too), InvalidTransfer for more than was
    reserved, TransferMismatch for another amount than before, PeriodClosed.
    """
    reservation = await _get(tx, reservation_id)
    reserved = reservation.transfer
    wanted = reserved.amount if amount is None else amount
    if wanted.currency != reserved.amount.currency or wanted.minor > reserved.amount.minor:
        raise InvalidTransfer(f"{wanted} is more than the {reserved.amount} that was reserved")
    transfer = Transfer(
        id=derive("ledger", "reservation", reservation_id),
        debit=reserved.debit,
        credit=reserved.credit,
        amount=wanted,
        reason=reserved.reason,
        effective_at=effective_at or reserved.effective_at,
    )
    running = await _lock_running(tx, [reserved])
    lock = await store.lock_open(tx, [reservation_id])
    if not lock:
        await _require_outcome(tx, reservation_id, Outcome.POSTED)
    elif lock[reservation_id]:
        raise ReservationEnded(f"reservation {reservation_id} has expired")
    else:
        await store.keep_reserved(tx, rules.release(running, [reserved]))
    await service.post(tx, transfer, now=now, by=by)
    if lock:
        await _resolve(tx, [reservation_id], Outcome.POSTED, now=now, by=by, posted=transfer.id)
    return transfer.id


async def void(
    tx: Transaction, *, reservation_id: UUID, now: datetime, by: str = "system:ledger"
) -> None:
    """
    Give up a reservation; what it held is free again. Voiding it again changes nothing.

    Raises UnknownTransfer, ReservationEnded if it was posted or has expired.
    """
    reservation = await _get(tx, reservation_id)
    running = await _lock_running(tx, [reservation.transfer])
    if not await store.lock_open(tx, [reservation_id]):
        await _require_outcome(tx, reservation_id, Outcome.VOIDED)
        return
    await store.keep_reserved(tx, rules.release(running, [reservation.transfer]))
    await _resolve(tx, [reservation_id], Outcome.VOIDED, now=now, by=by)


async def expire_due(tx: Transaction, *, now: datetime, by: str = "system:ledger") -> int:
    """Free what is held by reservations whose time is up; return how many, 500 at most."""
    late = await store.list_late(tx, limit=EXPIRED_AT_ONCE)
    running = await _lock_running(tx, list(late.values()))
    still_open = await store.lock_open(tx, sorted(late))
    if still_open:
        transfers = [late[reservation_id] for reservation_id in still_open]
        await store.keep_reserved(tx, rules.release(running, transfers))
        await _resolve(tx, sorted(still_open), Outcome.EXPIRED, now=now, by=by)
    return len(still_open)


async def find_reservation(tx: Transaction, reservation_id: UUID) -> Reservation | None:
    """Return a reservation and how it ended, or None if there is none of this id."""
    return await store.find(tx, reservation_id)


async def _get(tx: Transaction, reservation_id: UUID) -> Reservation:
    found = await store.find(tx, reservation_id)
    if found is None:
        raise UnknownTransfer(f"no reservation {reservation_id}")
    return found


async def _require_outcome(tx: Transaction, reservation_id: UUID, wanted: Outcome) -> None:
    ended = await _get(tx, reservation_id)  # read again: it ended while we waited for the lock
    if ended.outcome is not wanted:
        raise ReservationEnded(f"reservation {reservation_id} was {ended.outcome}")


async def _lock_running(tx: Transaction, transfers: Sequence[Transfer]) -> dict[str, Running]:
    bounded = rules.bounded_accounts(transfers)
    return await books.lock_running(tx, bounded) if bounded else {}


async def _resolve(
    tx: Transaction,
    reservation_ids: Sequence[UUID],
    outcome: Outcome,
    *,
    now: datetime,
    by: str,
    posted: UUID | None = None,
) -> None:
    await store.resolve(tx, reservation_ids, outcome, posted)
    facts = (
        Fact(
            event=ReservationResolved(
                reservation_id=reservation_id, outcome=outcome, transfer_id=posted
            ),
            stream=f"reservation:{reservation_id}",
            at=now,
            by=by,
        )
        for reservation_id in reservation_ids
    )
    await trail.record(tx, *facts)


def _reserved(transfer: Transfer, now: datetime, by: str) -> Fact:
    event = TransferReserved(
        reservation_id=transfer.id,
        debit=transfer.debit,
        credit=transfer.credit,
        amount_minor=transfer.amount.minor,
        currency=transfer.amount.currency,
        reason=transfer.reason,
        effective_at=transfer.effective_at,
    )
    return Fact(event=event, stream=f"reservation:{transfer.id}", at=now, by=by)
