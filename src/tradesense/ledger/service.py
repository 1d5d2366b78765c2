"""The verbs of posting. Each takes the caller's transaction and never commits it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from psycopg.errors import SerializationFailure

from tradesense import trail
from tradesense.infra.db import Check, LeftUndone, Transaction, leave
from tradesense.kernel.errors import Rejected
from tradesense.ledger import rules, store
from tradesense.ledger.model import PeriodEnded, Request, Transfer, TransferPosted
from tradesense.ledger.refusals import PeriodClosed, UnknownTransfer
from tradesense.trail.model import Fact


async def post(
    tx: Transaction,
    *transfers: Transfer,
    now: datetime,
    by: str = "system:ledger",
    cause: str | None = None,
) -> None:
    """
    Write linked `transfers` into the books: all of them, or none.

    A transfer that stands already, with the same content, is left as it is. Bounded accounts are
    locked here, in the order of their codes, so call this last in a verb, and once. Raises
    InvalidTransfer, TransferMismatch, PeriodClosed or Overdrawn; nothing is written then.
    Where `tx` gathers, what needs no lock is left to be written with the rest, and a refusal
    undoes its block.
    """
    request = Request(transfers=transfers, by=by, cause=cause)
    if not _needs_books(transfers) and leave(tx, _write_left, request, now=now):
        return
    (refusal,) = await post_each(tx, [request], now=now)
    if refusal is not None:
        raise refusal


async def post_each(
    tx: Transaction, requests: Sequence[Request], *, now: datetime
) -> list[Rejected | None]:
    """
    Post each of `requests` that may stand; return each one's refusal, None if it was posted.

    They are judged in their order, as if each came alone, and written in few statements however
    many they are. The same rules as for `post` hold: last in a verb, and once.
    """
    asked = [transfer for request in requests for transfer in request.transfers]
    judged = await _write_new(tx, requests, asked, now)
    if judged is None:
        judged = await _write_known(tx, requests, asked, now)
    if judged.lines:
        await store.extend(tx, judged.lines, judged.running.values())
    return judged.refusals


async def reverse(
    tx: Transaction,
    *,
    transfer_id: UUID,
    reversal_id: UUID,
    reason: str,
    now: datetime,
    by: str = "system:ledger",
) -> None:
    """
    Take back a transfer in full, by its mirror image; the original stays as it is.

    Raises UnknownTransfer, InvalidTransfer if it is a reversal or reversed already.
    """
    original = await find_transfer(tx, transfer_id)
    if original is None:
        raise UnknownTransfer(f"no transfer {transfer_id}")
    again = await find_transfer(tx, reversal_id)
    mirror = Transfer(
        id=reversal_id,
        debit=original.credit,
        credit=original.debit,
        amount=original.amount,
        reason=reason,
        effective_at=again.effective_at if again else now,
        reverses=transfer_id,
    )
    await post(tx, mirror, now=now, by=by)


async def find_transfer(tx: Transaction, transfer_id: UUID) -> Transfer | None:
    """Return a transfer as it stands in the books, or None."""
    found = await store.read_transfers(tx, [transfer_id])
    return found.get(transfer_id)


async def close_period(
    tx: Transaction, *, until: datetime, by: str, now: datetime, why: str | None = None
) -> None:
    """
    Let nothing be effective before `until` any more; waits for whoever is posting right now.

    Corrections of a closed period are dated after it. Closing it again changes nothing. Raises
    PeriodClosed if the books are closed further already.
    """
    closed_until = await store.lock_periods(tx)
    if closed_until == until:
        return
    if closed_until is not None and until < closed_until:
        raise PeriodClosed(f"the books are closed until {closed_until}; a period never reopens")
    await store.close_period(tx, until, by)
    event = PeriodEnded(closed_until=until, why=why)
    await trail.record(tx, Fact(event=event, stream="ledger:periods", at=now, by=by))


async def _write_new(
    tx: Transaction, requests: Sequence[Request], asked: Sequence[Transfer], now: datetime
) -> rules.Judged | None:
    """
    Write them as if none stood in the books; None, and nothing is written, where that may be.

    Most are new, ask for no lock and are refused by nothing: one statement less for those.
    """
    if _needs_books(asked):
        return None
    judged = rules.judge(requests, rules.NOTHING_KNOWN)
    if any(judged.refusals) or not judged.fresh:
        return None
    return judged if await _insert(tx, judged, now) else None


def _needs_books(transfers: Sequence[Transfer]) -> bool:
    """Return whether what stands in the books has a say, or a lock, in any of `transfers`."""
    return bool(
        any(transfer.reverses for transfer in transfers) or rules.bounded_accounts(transfers)
    )


async def _write_left(tx: Transaction, requests: Sequence[Request], now: datetime) -> Check:
    """Write what verbs have left, as if none of it stood in the books."""
    judged = rules.judge(requests, rules.NOTHING_KNOWN)
    for refusal in filter(None, judged.refusals):
        raise LeftUndone(str(refusal)) from refusal
    cursor = await store.insert(tx, judged.fresh, trail.extend({}, *_facts(judged, now)))

    async def check() -> None:
        if not await store.is_inserted(cursor, len(judged.fresh)):
            raise LeftUndone("a transfer stands already, or its period is closed")

    return check


async def _write_known(
    tx: Transaction, requests: Sequence[Request], asked: Sequence[Transfer], now: datetime
) -> rules.Judged:
    bounded = rules.bounded_accounts(asked)
    running = await store.lock_running(tx, bounded) if bounded else {}
    # Read after the locks: who said the same transfer before us has committed by now.
    hashes, closed_until = await store.read_known(tx, [transfer.id for transfer in asked])
    reversed_ids = [transfer.reverses for transfer in asked if transfer.reverses is not None]
    unreversed = await store.read_unreversed(tx, reversed_ids) if reversed_ids else {}
    judged = rules.judge(requests, rules.Known(hashes, running, unreversed, closed_until))
    if judged.fresh and not await _insert(tx, judged, now):
        # Somebody else was in between. The verb runs again, and sees it.
        raise SerializationFailure("the books have changed meanwhile")
    return judged


async def _insert(tx: Transaction, judged: rules.Judged, now: datetime) -> bool:
    # The ids are new, so their streams are: nobody else can have written to them.
    told = trail.extend({}, *_facts(judged, now))
    cursor = await store.insert(tx, judged.fresh, told)
    return await store.is_inserted(cursor, len(judged.fresh))


def _facts(judged: rules.Judged, now: datetime) -> Iterable[Fact]:
    for written in judged.fresh:
        made, request = written.transfer, written.request
        event = TransferPosted(
            transfer_id=made.id,
            debit=made.debit,
            credit=made.credit,
            amount_minor=made.amount.minor,
            currency=made.amount.currency,
            reason=made.reason,
            effective_at=made.effective_at,
            reverses=made.reverses,
        )
        yield Fact(
            event=event,
            stream=f"ledger:{written.id}",
            at=now,
            by=request.by,
            cause=request.cause,
            written=written.posted,
        )
