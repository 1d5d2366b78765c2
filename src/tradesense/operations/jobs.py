"""
How a process follows what operators decide about breakers.

It asks the database every second, and at once when Redis says that there is something new. What
it has read it goes on following while the database is away, and it ends what is due by itself.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import structlog

from tradesense.infra.policies import watching
from tradesense.infra.runtime import Runtime
from tradesense.kernel.errors import OutcomeUnknown, Unavailable
from tradesense.operations import service
from tradesense.operations.model import WAKE, Directive, Wanted
from tradesense.resilience import Breaker, Policies

LOOK_EVERY_S = 1.0
FIRST_LOOK_S = 1.0  # a database that is away keeps nobody from starting

log = structlog.get_logger()


class Follower:
    """Applies directives to the breakers of this process, each once."""

    def __init__(self, policies: Policies) -> None:
        self._breakers = {p.name: p.breaker for p in policies if p.breaker is not None}
        self._followed: dict[str, int] | None = None  # versions; None before the first look
        self._ends: dict[str, float] = {}  # monotonic seconds

    def follow(self, directives: Iterable[Directive], now: float) -> None:
        """Apply what is new among `directives`, read at `now` in monotonic seconds."""
        is_first = self._followed is None
        followed = self._followed or {}
        for decided in directives:
            breaker = self._breakers.get(decided.policy)
            if breaker is None or followed.get(decided.policy) == decided.version:
                continue  # decided by a release that knows more than we do, or applied before
            followed[decided.policy] = decided.version
            self._ends.pop(decided.policy, None)
            if decided.is_standing:
                _hold(breaker, decided)
                if decided.left_s is not None:
                    self._ends[decided.policy] = now + decided.left_s
            elif not is_first:  # a breaker that is new is closed
                breaker.close(_why(decided))
        self._followed = followed

    def lapse(self, now: float) -> None:
        """Give back to themselves the breakers whose time is over at `now`."""
        for name in [name for name, end in self._ends.items() if end <= now]:
            del self._ends[name]
            self._breakers[name].close("the time is over for which an operator held it")


@asynccontextmanager
async def following(runtime: Runtime, process: str) -> AsyncIterator[None]:
    """
    Follow operators' directives, and show this process's policies, for the length of the block.

    What stands is applied before the block begins, unless the database is away.
    """
    follower = Follower(runtime.policies)
    await _look(runtime, follower)
    try:
        async with (
            watching(runtime.settings.home, process, runtime.policies),
            asyncio.TaskGroup() as group,
        ):
            news = asyncio.Event()
            tasks = [
                group.create_task(_go_on(runtime, follower, news)),
                group.create_task(_listen(runtime, news)),
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None  # the block's own


async def _go_on(runtime: Runtime, follower: Follower, news: asyncio.Event) -> None:
    while True:
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await news.wait()
        except TimeoutError:
            pass  # nobody has said anything: look all the same
        news.clear()
        await _look(runtime, follower)
        follower.lapse(time.monotonic())


async def _look(runtime: Runtime, follower: Follower) -> None:
    try:
        async with runtime.db.reading(patience_s=FIRST_LOOK_S) as tx:
            directives = await service.list_directives(tx)
    except (Unavailable, OutcomeUnknown) as error:
        log.debug("breakers stay as they are", reason=str(error))
    else:
        follower.follow(directives, time.monotonic())


async def _listen(runtime: Runtime, news: asyncio.Event) -> None:
    async for _ in runtime.redis.subscribe(WAKE):
        news.set()


def _hold(breaker: Breaker, decided: Directive) -> None:
    match decided.state:
        case Wanted.FORCE_OPEN:
            breaker.force_open(_why(decided))
        case Wanted.DISABLE:
            breaker.disable(_why(decided))
        case Wanted.WATCH_ONLY:
            breaker.watch_only(_why(decided))
        case Wanted.CLOSE:
            breaker.close(_why(decided))


def _why(decided: Directive) -> str:
    return f"{decided.why} ({decided.by})"
