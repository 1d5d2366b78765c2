"""A breaker of any library, what it guards, and words for what happens to them."""

import asyncio
import contextlib
import datetime as dt
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

AsyncFn = Callable[..., Coroutine[Any, Any, Any]]
Guard = Callable[[Any], Any]  # the subject's decorator, as its documents show it


@dataclass(frozen=True)
class Asked:
    """
    The breaker a case wants, with one probe at half-open.

    It opens after so many failures in a row; one that goes by rates, at 75 % of that many calls.
    """

    failures: int = 2
    rest_s: float = 0.05
    lease_s: float = 0.05
    ignored: tuple[type[Exception], ...] = ()
    recorded: tuple[type[Exception], ...] = (Exception,)
    broken_listener: bool = False


class Subject(Protocol):
    """A library under test. `retry` and `timeout` are None where it has none of its own."""

    name: str
    package: str  # its modules, to move their wall clock
    rejections: tuple[type[BaseException], ...]
    retry: Callable[[AsyncFn], AsyncFn] | None  # three tries, next to no pause
    timeout: Callable[[AsyncFn], AsyncFn] | None  # far more time than the call needs

    def breaker(self, asked: Asked) -> Guard:
        """Return a new breaker's decorator; decorated functions share the breaker."""

    async def wait(self, seconds: float) -> None:
        """Let the breaker's time pass."""


class Broken(Exception):
    """What a failing dependency raises."""


class Harmless(Exception):
    """What the settings of a case say is no failure."""


@dataclass
class Dependency:
    """What is guarded. It counts who reached it."""

    guard: Guard
    reached: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def answering(self) -> AsyncFn:
        async def answer() -> str:
            self.reached += 1
            return "answer"

        return self._guarded(answer)

    def failing(self, error: Callable[[], BaseException] = Broken) -> AsyncFn:
        async def fail() -> str:
            self.reached += 1
            raise error()

        return self._guarded(fail)

    def waiting(self, error: Callable[[], BaseException] | None = None) -> AsyncFn:
        """Waits for the gate, then answers, or fails with `error`."""

        async def wait() -> str:
            self.reached += 1
            await self.gate.wait()
            if error is not None:
                raise error()
            return "late answer"

        return self._guarded(wait)

    def _guarded(self, fn: AsyncFn) -> AsyncFn:
        guarded: AsyncFn = self.guard(fn)
        return guarded


class World:
    """One case's subject, breaker and dependency, with words for what happens to them."""

    def __init__(self, subject: Subject, asked: Asked) -> None:
        self.subject = subject
        self.asked = asked
        self.dependency = Dependency(subject.breaker(asked))
        self._tasks: list[asyncio.Task[Any]] = []

    async def fails(self, times: int = 1) -> None:
        """Make calls that fail."""
        call = self.dependency.failing()
        for _ in range(times):
            with contextlib.suppress(Broken, *self.subject.rejections):
                await call()

    async def refuses(self, fn: AsyncFn | None = None) -> bool:
        """Return whether a call is refused without reaching the dependency."""
        before = self.dependency.reached
        try:
            await (fn or self.dependency.answering())()
        except self.subject.rejections:
            return self.dependency.reached == before
        except Broken:
            return False
        return False

    async def passes(self) -> bool:
        """Return whether a call that answers gets its answer."""
        return not await self.refuses()

    async def opens(self) -> None:
        """Open the breaker by failures, however many answers it remembers."""
        call = self.dependency.failing()
        for _ in range(self.asked.failures * 10):
            if await self.refuses(call):
                return
        raise AssertionError("it guards nothing: failures do not open it")

    async def rests(self) -> None:
        """Open the breaker and let the rest pass: the next call is a probe."""
        await self.opens()
        await self.subject.wait(self.asked.rest_s * 1.6)

    def begins(self, fn: AsyncFn) -> "asyncio.Task[Any]":
        """Begin a call that will take a while."""
        task = asyncio.get_running_loop().create_task(settled(fn))
        self._tasks.append(task)
        return task

    async def is_underway(self, count: int = 1) -> None:
        """Wait until so many calls have reached the dependency."""
        for _ in range(200):
            if self.dependency.reached >= count:
                return
            await asyncio.sleep(0)
        raise AssertionError("the call never reached the dependency")

    async def cancels(self) -> None:
        """Begin a call, and cancel it while it waits."""
        before = self.dependency.reached
        task = asyncio.ensure_future(self.dependency.waiting()())
        await self.is_underway(before + 1)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def ends(self) -> None:
        """Leave no call behind."""
        self.dependency.gate.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def settled(fn: AsyncFn) -> Any:
    try:
        return await fn()
    except Exception as error:  # noqa: BLE001 -- the case looks at it
        return error


@contextlib.contextmanager
def wall_clock_moved(package: str, by_s: float) -> Iterator[None]:
    """
    Move the wall clock as the modules of `package` see it.

    The machine's own clock belongs to everybody on it; so Python's names for it are replaced,
    in `time`, in `datetime`, and in every module that took them from there.
    """
    real_time, real_datetime = time.time, dt.datetime  # noqa: TID251 -- it is what is moved

    class Moved(real_datetime):  # type: ignore[valid-type, misc] # a class by any name
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            return real_datetime.now(tz) + dt.timedelta(seconds=by_s)

        @classmethod
        def utcnow(cls) -> Any:
            utc = real_datetime.now(dt.UTC).replace(tzinfo=None)
            return utc + dt.timedelta(seconds=by_s)

    def moved_time() -> float:
        return real_time() + by_s

    theirs = [m for name, m in sys.modules.items() if name.split(".")[0] == package]
    places: list[Any] = [time, dt, *theirs]
    swaps: list[tuple[Any, str, object]] = []
    for place in places:
        for name, value in list(vars(place).items()):
            if value is real_time or value is real_datetime:
                swaps.append((place, name, value))
                setattr(place, name, moved_time if value is real_time else Moved)
    try:
        yield
    finally:
        for place, name, value in swaps:
            setattr(place, name, value)
