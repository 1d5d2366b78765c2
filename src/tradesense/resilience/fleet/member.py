"""
One process in the fleet: beats to a store, and lets its own breaker follow.

    async with asyncio.TaskGroup() as group:
        group.create_task(Member("api-1", breaker, store).run())

No call ever waits for the store. It may be killed, hang or lose everything: beats then fail, or
find a new record, and each breaker goes on by its own counts.
"""

import asyncio
import logging
from typing import Protocol

from tradesense.resilience.breaker.guard import Breaker
from tradesense.resilience.fleet.decisions import Beat, View
from tradesense.resilience.fleet.following import (
    Close,
    Following,
    GoOn,
    ProbeNow,
    Rest,
    beat_of,
    follow,
)
from tradesense.resilience.settings import require_seconds
from tradesense.resilience.surroundings import REAL, Surroundings

_log = logging.getLogger(__name__)


class FleetStore(Protocol):
    """Keeps the records of a fleet, by the name of the breaker."""

    async def exchange(self, breaker: str, beat: Beat) -> View:
        """Apply `decisions.step` to the record, atomically and by the store's own clock."""


class Member:
    """Beats every `beat_s`; a beat that takes longer than `patience_s` has failed."""

    def __init__(
        self,
        name: str,
        breaker: Breaker,
        store: FleetStore,
        *,
        beat_s: float = 1.0,
        patience_s: float = 0.25,
        surroundings: Surroundings = REAL,
    ) -> None:
        require_seconds("beat_s", beat_s)
        require_seconds("patience_s", patience_s)
        self.name = name
        self.is_alone = False
        self.beats_heard = self.beats_failed = 0
        self._breaker = breaker
        self._store = store
        self._beat_s = beat_s
        self._patience_s = patience_s
        self._sleep = surroundings.sleep
        self._following = Following()

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            await self.beat()
            await self._sleep(self._beat_s)

    async def beat(self) -> None:
        """Tell the fleet what is counted here, and let the breaker follow what it answers."""
        news = beat_of(self.name, self._breaker.snapshot(), self._following)
        view = await self._exchange(news)
        # The breaker may have moved on while the store was asked.
        local = self._breaker.snapshot()
        self._following, order = follow(self._following, view, local, self._beat_s)
        match order:
            case Rest(at_least_s, why):
                self._breaker.rest(at_least_s, why)
            case ProbeNow():
                self._breaker.end_rest()
            case Close(why):
                self._breaker.close(why)
            case GoOn():
                pass

    async def _exchange(self, news: Beat) -> View | None:
        try:
            async with asyncio.timeout(self._patience_s):
                view = await self._store.exchange(self._breaker.name, news)
        except Exception as error:  # noqa: BLE001 -- whatever ails the store, we go on alone
            self.beats_failed += 1
            if not self.is_alone:
                _log.warning("%s goes on without the fleet: %r", self._breaker.name, error)
            self.is_alone = True
            return None
        self.is_alone = False
        self.beats_heard += 1
        return view
