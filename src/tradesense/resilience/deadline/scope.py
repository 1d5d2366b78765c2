"""
The time by which everything inside a block must be done, handed down by a context variable.

    with deadline(2.0):
        await policy.call(...)     # its timeouts and retries see at most two seconds

The block itself is not interrupted: whatever waits inside asks how much is left.
"""

from contextvars import ContextVar, Token
from types import TracebackType

from tradesense.resilience.settings import require_seconds
from tradesense.resilience.surroundings import REAL, Surroundings

NEVER = float("inf")

# A moment on the monotonic clock.
due: ContextVar[float] = ContextVar("tradesense_deadline", default=NEVER)


class deadline:  # noqa: N801 -- reads as the block it opens
    """A block that must be done within `seconds`; one inside another can only shorten it."""

    __slots__ = ("_clock", "_seconds", "_token")

    def __init__(self, seconds: float, *, surroundings: Surroundings = REAL) -> None:
        require_seconds("seconds", seconds, or_zero=True)
        self._seconds = seconds
        self._clock = surroundings.monotonic
        self._token: Token[float] | None = None

    def __enter__(self) -> None:
        self._token = due.set(min(due.get(), self._clock() + self._seconds))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._token is not None:
            due.reset(self._token)


def left_s(surroundings: Surroundings = REAL) -> float:
    """Return the seconds until the deadline, infinite without one, negative after it."""
    return due.get() - surroundings.monotonic()
