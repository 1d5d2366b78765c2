"""The verbs of outages. Each takes the caller's transaction and never commits it."""

from datetime import datetime

from tradesense import trail
from tradesense.infra.db import Transaction
from tradesense.kernel.events import Event
from tradesense.payments.outages import rules, store
from tradesense.payments.outages.model import (
    Condition,
    Outage,
    ProviderContained,
    ProviderRestored,
)
from tradesense.trail.model import Fact

BY = "system:payments"


async def judge(tx: Transaction, *, provider: str, now: datetime) -> Outage:
    """Contain or restore a provider by what all processes saw of it; return how we stand to it."""
    outage = await store.lock(tx, provider)
    seen = await store.see(tx, provider, window_s=rules.WINDOW_S, recent_s=rules.recovery_s(outage))
    changed = rules.judge(outage, seen, now)
    if changed is None:
        return outage
    await store.save(tx, changed)
    await trail.record(tx, Fact(event=_told(changed), stream=f"provider:{provider}", at=now, by=BY))
    return changed


def _told(outage: Outage) -> Event:
    match outage.condition:
        case Condition.CONTAINED:
            return ProviderContained(outage.outage_id, outage.provider, outage.why)
        case Condition.WELL:
            return ProviderRestored(outage.outage_id, outage.provider)
