"""
How much a call matters, handed down by a context variable from whoever knows: the edge.

    with important(Priority.CRITICAL):
        await policy.call(...)
"""

from contextvars import ContextVar, Token
from enum import IntEnum
from types import TracebackType


class Priority(IntEnum):
    """Who goes first, and who is turned away first: the lowest is LOW."""

    CRITICAL = 0
    HIGH = 1
    NORMAL = 2
    LOW = 3


priority: ContextVar[Priority] = ContextVar("tradesense_priority", default=Priority.NORMAL)


class important:  # noqa: N801 -- reads as the block it opens
    """A block whose calls matter as much as `level` says."""

    __slots__ = ("_level", "_token")

    def __init__(self, level: Priority) -> None:
        self._level = level
        self._token: Token[Priority] | None = None

    def __enter__(self) -> None:
        self._token = priority.set(self._level)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._token is not None:
            priority.reset(self._token)
