"""The verbs of the ledger. Each takes the caller's transaction and never commits it."""

from datetime import datetime
from uuid import UUID

from psycopg.errors import SerializationFailure

from tradesense import trail
from tradesense.infra.db import Transaction
from tradesense.kernel.errors import Conflict, Invalid, NotFound
from tradesense.kernel.money import Money
from tradesense.ledger import rules, store
from tradesense.ledger.chart import find_account
from tradesense.ledger.model import Side, Transfer, TransferPosted, TrialLine
from tradesense.trail.model import Fact


class InvalidTransfer(Invalid):
    """The transfer makes no sense in these books; the message says why."""

    code = "ledger.invalid_transfer"


class TransferMismatch(Conflict):
    """The id names another transfer already; an id is said again only with the same content."""

    code = "ledger.transfer_mismatch"


class Overdrawn(Conflict):
    """A bounded account does not hold enough."""

    code = "ledger.overdrawn"


class UnknownTransfer(NotFound):
    """No transfer has this id."""

    code = "ledger.unknown_transfer"


async def post(
    tx: Transaction,
    *transfers: Transfer,
    now: datetime,
    by: str = "system:ledger",
    cause: str | None = None,
) -> None:
    """
    Write `transfers` into the books: all of them, or none.

    A transfer that stands already, with the same content, is left as it is. Bounded accounts are
    locked here, in the order of their codes, so call this last in a verb, and once. Raises
    InvalidTransfer, TransferMismatch or Overdrawn; nothing is written then.
    """
    wanted = _distinct(transfers)
    bounded = rules.bounded_accounts(wanted)
    running = await store.lock_running(tx, bounded) if bounded else {}
    # Read after the locks: who said the same transfer before us has committed by now.
    known = await store.read_hashes(tx, [transfer.id for transfer in wanted])
    fresh = [transfer for transfer in wanted if not _is_known(transfer, known)]
    if not fresh:
        return
    await _require_mirrors(tx, fresh)
    extended = rules.extend(running, fresh)
    if isinstance(extended, rules.Overdraw):
        raise Overdrawn(
            f"{extended.account} holds {_money(extended)}; "
            f"transfer {extended.transfer.id} asks for {extended.transfer.amount}"
        )
    hashes = {transfer: rules.payload_sha256(transfer) for transfer in fresh}
    if await store.insert(tx, hashes) != len(fresh):
        # Somebody is committing one of these ids at this moment. The verb runs again, and sees it.
        raise SerializationFailure("a transfer of the same id was committed concurrently")
    if extended.lines:
        await store.extend(tx, extended)
    await trail.record(tx, *(_fact(transfer, now, by, cause) for transfer in fresh))


async def reverse(
    tx: Transaction, *, transfer_id: UUID, reversal_id: UUID, reason: str, now: datetime
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
    await post(tx, mirror, now=now)


async def find_transfer(tx: Transaction, transfer_id: UUID) -> Transfer | None:
    """Return a transfer as it stands in the books, or None."""
    found = await store.read_transfers(tx, [transfer_id])
    return found.get(transfer_id)


async def balance_of(tx: Transaction, account: str) -> Money:
    """
    Return what `account` holds, positive on its normal side; zero if nothing ever moved.

    Raises InvalidTransfer if the chart has no such account.
    """
    known = find_account(account)
    if known is None:
        raise InvalidTransfer(f"no account {account!r} on the chart")
    turnover = await store.read_turnover(tx, known)
    signed = turnover if known.normal is Side.DEBIT else -turnover
    return Money(signed, known.currency)


async def trial_balance(tx: Transaction) -> list[TrialLine]:
    """Return every account that ever moved, by code; per currency, debits equal credits."""
    return await store.list_trial_lines(tx)


def _distinct(transfers: tuple[Transfer, ...]) -> list[Transfer]:
    by_id: dict[UUID, Transfer] = {}
    for transfer in transfers:
        flaw = rules.find_flaw(transfer)
        if flaw is not None:
            raise InvalidTransfer(f"transfer {transfer.id}: {flaw}")
        if by_id.setdefault(transfer.id, transfer) != transfer:
            raise TransferMismatch(f"two transfers are called {transfer.id}")
    return list(by_id.values())


def _is_known(transfer: Transfer, known: dict[UUID, bytes]) -> bool:
    stored = known.get(transfer.id)
    if stored is None:
        return False
    if stored != rules.payload_sha256(transfer):
        raise TransferMismatch(f"transfer {transfer.id} stands in the books with other content")
    return True


async def _require_mirrors(tx: Transaction, fresh: list[Transfer]) -> None:
    reversals = [transfer for transfer in fresh if transfer.reverses is not None]
    if not reversals:
        return
    originals = await store.read_unreversed(tx, [r.reverses for r in reversals if r.reverses])
    for reversal in reversals:
        original = originals.get(reversal.reverses) if reversal.reverses else None
        if original is None:
            raise InvalidTransfer(f"no unreversed transfer {reversal.reverses} to reverse")
        if not rules.is_mirror(reversal, original):
            raise InvalidTransfer(f"transfer {reversal.id} is not the mirror of {original.id}")


def _money(overdraw: rules.Overdraw) -> Money:
    return Money(abs(overdraw.balance_minor), overdraw.transfer.amount.currency)


def _fact(transfer: Transfer, now: datetime, by: str, cause: str | None) -> Fact:
    event = TransferPosted(
        transfer_id=transfer.id,
        debit=transfer.debit,
        credit=transfer.credit,
        amount_minor=transfer.amount.minor,
        currency=transfer.amount.currency,
        reason=transfer.reason,
        effective_at=transfer.effective_at,
        reverses=transfer.reverses,
    )
    return Fact(event=event, stream=f"ledger:{transfer.id}", at=now, by=by, cause=cause)
