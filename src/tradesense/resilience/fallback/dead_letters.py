"""
Publishing that loses nothing: what cannot be published in all its tries is buried, not dropped.

    publish = OrDeadLetter(Retry("bus", RetrySettings(backoff=Steps((1, 2, 4)), ...)), bury)
    await publish.send(relay, event)      # Delivery.PUBLISHED, or Delivery.BURIED
"""

from collections.abc import Awaitable, Callable, Iterable
from enum import Enum
from typing import Generic, TypeVar

from tradesense.resilience.happenings import Bell, Buried, Listener
from tradesense.resilience.retry.tries import Retry

M = TypeVar("M")


class Delivery(Enum):
    """What became of a message."""

    PUBLISHED = "published"
    BURIED = "buried"


class OrDeadLetter(Generic[M]):
    """Sends messages, and hands those that fail to `bury`, which keeps them until replayed."""

    def __init__(
        self,
        retry: Retry,
        bury: Callable[[M, Exception], Awaitable[None]],
        *,
        listeners: Iterable[Listener] = (),
    ) -> None:
        self.retry = retry
        self.buried = 0
        self._bury = bury
        self._bell = Bell(listeners)

    async def send(self, publish: Callable[[M], Awaitable[object]], message: M) -> Delivery:
        """
        Publish `message`, or bury it after the last try. Raises only what `bury` raises.

        Publishing is at least once: a try whose outcome is unknown is repeated.
        """
        try:
            await self.retry.call(publish, message)
        except Exception as error:  # noqa: BLE001 -- kept with the message: it is not lost
            await self._bury(message, error)
            self.buried += 1
            self._bell.ring(Buried(self.retry.name, error))
            return Delivery.BURIED
        return Delivery.PUBLISHED
