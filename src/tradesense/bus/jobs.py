"""Deliver sealed entries to consumers: from PostgreSQL's positions, whatever else is away."""

from collections.abc import Sequence

from tradesense import trail
from tradesense.bus import service, store
from tradesense.bus.subscription import Subscription
from tradesense.infra.db import Transaction
from tradesense.infra.runtime import Runtime

# A position that only passes over kinds of no interest is saved this seldom: a write per this
# many entries, and so many entries to look through again after a restart.
PASSED_OVER_MAX = 500


class Consumer:
    """Delivers to one subscription; remembers how far it has looked, so that idling is cheap."""

    def __init__(self, runtime: Runtime, subscription: Subscription) -> None:
        self._runtime = runtime
        self._subscription = subscription
        self._saved = 0
        self._looked_up_to = 0

    async def is_due(self, tx: Transaction) -> bool:
        """Return whether anything is due; moves the memory of how far that was looked for."""
        if await store.has_due_wait(tx, self._subscription.name):
            return True
        sealed = await trail.sealed_size(tx)
        if sealed <= self._looked_up_to:
            return False
        if self._looked_up_to == 0:
            self._saved = await store.find_position(tx, self._subscription.name)
        after = max(self._saved, self._looked_up_to)
        kinds = list(self._subscription.kinds)
        if await trail.read_sealed(tx, after=after, limit=1, kinds=kinds):
            return True
        self._looked_up_to = sealed
        return sealed - self._saved >= PASSED_OVER_MAX

    async def deliver(self) -> bool:
        """Apply what is due, at most one batch; return whether there was anything."""
        async with self._runtime.db.reading() as tx:
            if not await self.is_due(tx):
                return False
        runtime = self._runtime
        now = runtime.now()
        looked_up_to = await runtime.db.run(
            lambda tx: service.deliver(tx, self._subscription, now=now),
            key=f"bus:{self._subscription.name}:{runtime.new_id()}",
        )
        if looked_up_to is None:
            return False
        self._looked_up_to = self._saved = looked_up_to
        return True


async def deliver_due(runtime: Runtime, subscriptions: Sequence[Subscription]) -> int:
    """Deliver one batch to each consumer; return how many had anything due."""
    await runtime.db.repeat(lambda tx: service.subscribe(tx, subscriptions))
    return sum([await Consumer(runtime, subscription).deliver() for subscription in subscriptions])
