"""How the verbs of payouts read, hold and tell of one."""

from datetime import datetime
from uuid import UUID

from tradesense import trail
from tradesense.infra.db import Transaction
from tradesense.kernel.events import Event
from tradesense.payouts.model import Payout
from tradesense.payouts.refusals import BadRequest, UnknownPayout
from tradesense.payouts.store import payouts as store
from tradesense.trail.model import Fact

BY = "system:payouts"
REASON_MAX = 500


async def lock(tx: Transaction, payout_id: UUID) -> Payout:
    """Read a payout and hold it until `tx` ends. Raises UnknownPayout."""
    payout = await store.lock(tx, payout_id)
    if payout is None:
        raise UnknownPayout(f"no payout {payout_id}")
    return payout


def require_told(reason: str) -> str:
    """Return why a person decided so, without blanks around it. Raises BadRequest."""
    told = reason.strip()
    if not 0 < len(told) <= REASON_MAX or not told.isprintable():
        raise BadRequest(f"say why, in 1 to {REASON_MAX} printable characters")
    return told


async def say(tx: Transaction, payout: Payout, *events: Event, now: datetime, by: str = BY) -> None:
    """Put on the trail what has happened to a payout."""
    stream, cause = f"payout:{payout.id}", f"challenge:{payout.challenge_id}"
    facts = (Fact(event=event, stream=stream, at=now, by=by, cause=cause) for event in events)
    await trail.record(tx, *facts)
