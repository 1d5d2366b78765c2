"""
What runs beside the verbs: the desk that gathers transfers, the follower, the end of reservations.

    submit ─▶ queue ─ as many as wait, 1,000 at most ─▶ one transaction ─▶ each caller's outcome

A batch is as large as what arrived while the one before was written, so nobody waits for a
timer: one caller gets a batch of one, a thousand share two COMMITs. The flights that are free
share a long queue, so that the server writes one batch while we make the other ready.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import structlog

from tradesense.infra.db import Database
from tradesense.infra.runtime import Runtime
from tradesense.kernel.errors import OutcomeUnknown, Rejected, Unavailable
from tradesense.ledger import following, pending, service
from tradesense.ledger.model import Request, Transfer

BATCH_MAX = 1_000  # measured: twice as many are hardly faster, and everybody waits for longer
SHARED_MIN = 100  # below it a second COMMIT costs more than it overlaps
FLIGHTS = 2  # one batch is made ready while the other is written

log = structlog.get_logger()


@dataclass(slots=True)
class _Waiting:
    """A request, and whoever waits for its outcome."""

    request: Request
    told: asyncio.Future[None]


class Desk:
    """Posts the stand-alone transfers of many callers in common transactions."""

    def __init__(self, db: Database, now: Callable[[], datetime], *, batch_max: int) -> None:
        self._db = db
        self._now = now
        self._batch_max = batch_max
        self._queue: deque[_Waiting] = deque()
        self._bell = asyncio.Event()
        self._free = 0  # flights that wait for a batch
        self._is_closing = False

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        db: Database,
        now: Callable[[], datetime],
        *,
        batch_max: int = BATCH_MAX,
        flights: int = FLIGHTS,
    ) -> AsyncIterator["Desk"]:
        """Serve for the length of the block; at its end what was submitted is posted first."""
        desk = cls(db, now, batch_max=batch_max)
        async with asyncio.TaskGroup() as group:
            for _ in range(flights):
                group.create_task(desk._serve())
            try:
                yield desk
            finally:
                desk._is_closing = True
                desk._bell.set()

    async def submit(
        self, *transfers: Transfer, by: str = "system:ledger", cause: str | None = None
    ) -> None:
        """
        Post linked `transfers`, all of them or none; return once they are committed.

        Never inside a transaction: a verb uses `post`. Raises what `post` raises, for these
        transfers alone; Unavailable if nothing happened, OutcomeUnknown if nobody can say:
        then submit the same again. Said twice, a transfer is posted once.
        """
        if self._is_closing:
            raise Unavailable("the desk is closing")
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        request = Request(transfers=transfers, by=by, cause=cause)
        self._queue.append(_Waiting(request, told))
        self._bell.set()
        await told

    async def _serve(self) -> None:
        while True:
            self._free += 1
            await self._bell.wait()
            size = share(len(self._queue), free=self._free, batch_max=self._batch_max)
            batch = [self._queue.popleft() for _ in range(size)]
            self._free -= 1
            if not self._queue and not self._is_closing:
                self._bell.clear()
            if batch:
                await self._write(batch)
            elif self._is_closing:
                return

    async def _write(self, batch: list[_Waiting]) -> None:
        try:
            refusals = await self._post(batch)
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, Unavailable | OutcomeUnknown):
                # A defect that one of them brings out must not reject the others.
                log.exception("a batch failed; its requests go one by one", size=len(batch))
                for waiting in batch:
                    await self._write([waiting])
                return
            for waiting in batch:
                _tell(waiting, error)
            return
        for waiting, refusal in zip(batch, refusals, strict=True):
            _tell(waiting, refusal)

    async def _post(self, batch: list[_Waiting]) -> list[Rejected | None]:
        requests = [waiting.request for waiting in batch]
        now = self._now()
        # Without a key: a transfer's id already makes it happen once, however often it is tried.
        return await self._db.repeat(lambda tx: service.post_each(tx, requests, now=now))


def share(waiting: int, *, free: int, batch_max: int) -> int:
    """Return how much of a queue a flight takes, so that the other free ones have their part."""
    fair = -(-waiting // free)
    return min(waiting, max(fair, SHARED_MIN), batch_max)


def _tell(waiting: _Waiting, error: Exception | None) -> None:
    if waiting.told.done():
        return  # whoever asked has gone
    if error is None:
        waiting.told.set_result(None)
    else:
        waiting.told.set_exception(error)


async def follow(runtime: Runtime) -> int:
    """Bring hot accounts up to the trail; return how many of its positions were new."""
    total = 0
    while step := await runtime.db.repeat(following.follow):
        total += step
    return total


async def expire_due(runtime: Runtime) -> int:
    """End every reservation whose time is up; return how many those were."""
    total = 0
    while ended := await runtime.db.repeat(lambda tx: pending.expire_due(tx, now=runtime.now())):
        total += ended
    return total
