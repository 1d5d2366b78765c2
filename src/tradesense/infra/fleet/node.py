"""One process in the fleet: beats for each of its breakers, as long as it lives."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from tradesense.infra.fleet.store import RedisFleet
from tradesense.infra.redis import Redis
from tradesense.resilience.breaker import Breaker, BreakerSettings
from tradesense.resilience.fleet import FleetSettings, Member
from tradesense.resilience.policy import Policy

BEAT_S = 1.0
# Redis answers in a millisecond, or gives up by itself after a quarter of a second; this only
# bounds a beat that meets one trouble after another.
_PATIENCE_S = 1.0


class Node:
    """
    The members of one process, by the name of their breaker. Belongs to one event loop.

    `guards` may grow: it is looked through before every round of beats. A policy without a
    breaker is passed over.
    """

    def __init__(
        self,
        name: str,
        redis: Redis,
        guards: Iterable[Policy | Breaker],
        *,
        fleet: str = "",
        beat_s: float = BEAT_S,
        judge: Callable[[BreakerSettings], FleetSettings] = FleetSettings.like,
    ) -> None:
        self.name = name
        self.members: dict[str, Member] = {}
        self._guards = guards
        self._beat_s = beat_s
        self._judge = judge
        self._settings: dict[str, FleetSettings] = {}
        self._store = RedisFleet(redis, self._settings.__getitem__, fleet=fleet)

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            await self.beat()
            await asyncio.sleep(self._beat_s)

    async def beat(self) -> None:
        """Beat once for each breaker. Never raises: a beat that fails leaves its breaker alone."""
        for guard in self._guards:
            breaker = guard.breaker if isinstance(guard, Policy) else guard
            if breaker is not None:
                await self._member(breaker).beat()

    def _member(self, breaker: Breaker) -> Member:
        if breaker.name not in self.members:
            self._settings[breaker.name] = self._judge(breaker.settings)
            self.members[breaker.name] = Member(
                self.name, breaker, self._store, beat_s=self._beat_s, patience_s=_PATIENCE_S
            )
        return self.members[breaker.name]


@asynccontextmanager
async def joined(
    redis: Redis,
    guards: Iterable[Policy | Breaker],
    *,
    node: str,
    fleet: str = "",
    beat_s: float = BEAT_S,
    judge: Callable[[BreakerSettings], FleetSettings] = FleetSettings.like,
) -> AsyncIterator[Node]:
    """
    Let the breakers of `guards` (`Policies`, `Breakers`) be in the fleet for the block.

    `node` says where this process runs, and is the same when it is started again: a process that
    crashes takes the place of its dead self, whose failures would else be a second voice in the
    quorum. `fleet` names all who belong together, where several fleets share a server. Without
    any Redis there is no fleet, and nothing beats.
    """
    here = Node(node, redis, guards, fleet=fleet, beat_s=beat_s, judge=judge)
    if redis.is_absent:
        yield here
        return
    try:
        async with asyncio.TaskGroup() as group:
            beating = group.create_task(here.run())
            try:
                yield here
            finally:
                beating.cancel()
    except BaseExceptionGroup as failed:
        # The block's own error, as it was raised there.
        raise failed.exceptions[0] from None
