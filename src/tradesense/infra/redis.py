"""
Redis or Valkey: wakes, fans out, keeps copies; never holds truth.

Whatever fails here is logged once and forgotten; the caller goes on, only slower.
"""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tradesense.kernel.errors import OutcomeUnknown
from tradesense.resilience import BreakerSettings, Policy, PolicySettings, Refused, Streak

log = logging.getLogger(__name__)

# A hung server must not slow anybody who could do without it.
_TIMEOUT_S = 0.25
_LISTEN_S = 60.0  # then we listen again; silence is no failure
_REST_S = 1.0  # after a failure nobody asks again for this long
_FAILURES = (RedisError, OSError, TimeoutError, OutcomeUnknown)

SETTINGS = PolicySettings(
    timeout_s=2 * _TIMEOUT_S,  # to connect, and to be answered
    breaker=BreakerSettings(
        window=Streak(failures=1),  # everybody can do without it, so one failure is enough
        rest_s=_REST_S,
        rest_growth=1.0,
        rest_max_s=_REST_S,
        probe_lease_s=_REST_S,
        failures=_FAILURES,
    ),
)


class Redis:
    """A connection that may be absent: publishing then does nothing, subscribing stays silent."""

    def __init__(self, url: str, policy: Policy | None = None) -> None:
        """Connect to `url` when first asked to; "" means that there is no server."""
        self._policy = policy or Policy("redis", SETTINGS)
        self._client: redis.asyncio.Redis | None = None
        if url:
            self._client = redis.asyncio.Redis.from_url(
                url,
                socket_timeout=_TIMEOUT_S,
                socket_connect_timeout=_TIMEOUT_S,
                retry=Retry(NoBackoff(), 0),
            )
        self._is_away = False

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, policy: Policy | None = None) -> AsyncIterator["Redis"]:
        """Open `url` for the length of the block; each command is a call under `policy`."""
        opened = cls(url, policy)
        try:
            yield opened
        finally:
            if opened._client is not None:
                await opened._client.aclose()

    async def publish(self, channel: str, message: bytes) -> None:
        """Tell whoever listens on `channel` now. Never raises for a server that is away."""
        await self._ask(lambda client: client.publish(channel, message))

    async def find(self, key: str) -> bytes | None:
        """Return what is kept under `key`; None too while the server is away."""
        found = await self._ask(lambda client: client.get(key))
        return found if isinstance(found, bytes) else None

    async def keep(self, key: str, value: bytes, *, for_s: float) -> None:
        """Keep a copy of what is known elsewhere; it may be gone at any moment before `for_s`."""
        if for_s > 0:
            await self._ask(lambda client: client.set(key, value, px=math.ceil(for_s * 1000)))

    async def _ask(self, command: "Callable[[redis.asyncio.Redis], Awaitable[object]]") -> object:
        """Return the server's answer; None without one, and for a while after a failure."""
        if self._client is None:
            return None
        try:
            answer = await self._policy.call(command, self._client)
            self._note_back()
        except Refused:
            return None
        except _FAILURES as error:
            self._note_away(error)
            return None
        return answer

    async def subscribe(self, *channels: str) -> AsyncIterator[bytes]:
        """
        Yield messages of `channels` for ever, silent while the server is away.

        Messages sent meanwhile are lost: whoever listens polls the database as well.
        """
        while self._client is not None:
            try:
                async with self._client.pubsub(ignore_subscribe_messages=True) as listener:
                    await self._policy.call(_subscribe, listener, channels)
                    self._note_back()
                    while True:
                        message = await listener.get_message(timeout=_LISTEN_S)
                        if message is not None:
                            yield message["data"]
            except Refused as refusal:
                log.debug("not listening: %s", refusal)
            except _FAILURES as error:
                self._note_away(error)
            await asyncio.sleep(_REST_S)
        await asyncio.Event().wait()

    def _note_away(self, error: Exception) -> None:
        if not self._is_away:
            self._is_away = True
            log.warning("Redis is away, we go on without it: %s", error)

    def _note_back(self) -> None:
        if self._is_away:
            self._is_away = False
            log.warning("Redis is back")


async def _subscribe(listener: redis.asyncio.client.PubSub, channels: tuple[str, ...]) -> None:
    await listener.subscribe(*channels)
