"""
Redis or Valkey: wakes, fans out, keeps copies; never holds truth.

Whatever fails here is logged once and forgotten; the caller goes on, only slower.
"""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tradesense.infra.policies.plan import REDIS_REST_S, REDIS_TIMEOUT_S, redis_settings
from tradesense.kernel.errors import OutcomeUnknown
from tradesense.resilience import Policy, Refused

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

_LISTEN_S = 60.0  # then we listen again; silence is no failure
_MICROSECONDS = 1e6
_FAILURES = (RedisError, OSError, TimeoutError, OutcomeUnknown)

# One command of the server: nothing comes between the look and the write. An empty record is
# the same as none.
_SWAP = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""


class RedisAway(OutcomeUnknown):
    """There is no answer, and for a moment nobody asks again; what was asked may be done."""

    code = "infra.redis_away"


class Redis:
    """A connection that may be absent: publishing then does nothing, subscribing stays silent."""

    def __init__(self, url: str, policy: Policy | None = None) -> None:
        """Connect to `url` when first asked to; "" means that there is no server."""
        self._policy = policy or Policy("redis", redis_settings())
        self._client: redis.asyncio.Redis | None = None
        if url:
            self._client = redis.asyncio.Redis.from_url(
                url,
                socket_timeout=REDIS_TIMEOUT_S,
                socket_connect_timeout=REDIS_TIMEOUT_S,
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

    @property
    def is_absent(self) -> bool:
        """Whether there is no server at all; one that is away is not absent."""
        return self._client is None

    async def look(self, key: str) -> tuple[bytes | None, float]:
        """
        Return what is kept under `key`, and the server's own time at that moment.

        The time is seconds since 1970 by the server's clock. Raises RedisAway.
        """

        async def read(client: redis.asyncio.Redis) -> tuple[bytes | None, float]:
            async with client.pipeline(transaction=True) as both:
                both.get(key)
                both.time()
                kept, (seconds, microseconds) = await both.execute()
            return kept, seconds + microseconds / _MICROSECONDS

        return await self._insist(read)

    async def swap(self, key: str, before: bytes | None, after: bytes, *, for_s: float) -> bool:
        """
        Keep `after` for `for_s` if there still is `before`; say whether there was.

        Raises RedisAway, and then nobody knows whether it is kept.
        """
        life_ms = math.ceil(for_s * 1000)

        async def write(client: redis.asyncio.Redis) -> bool:
            swapped = await client.eval(_SWAP, 1, key, before or b"", after, life_ms)
            return bool(swapped)

        return await self._insist(write)

    async def _ask(self, command: "Callable[[redis.asyncio.Redis], Awaitable[object]]") -> object:
        """Return the server's answer; None without one, and for a while after a failure."""
        try:
            return await self._insist(command)
        except RedisAway:
            return None

    async def _insist(
        self, command: "Callable[[redis.asyncio.Redis], Awaitable[Answer]]"
    ) -> Answer:
        task = asyncio.current_task()
        before = task.cancelling() if task else 0
        try:
            return await self._call(command)
        finally:
            # The client loses a cancellation that meets it while it connects: its task, which
            # nobody will cancel twice, would go on for ever.
            if task and task.cancelling() > before:
                raise asyncio.CancelledError

    async def _call(self, command: "Callable[[redis.asyncio.Redis], Awaitable[Answer]]") -> Answer:
        if self._client is None:
            raise RedisAway("there is no Redis")
        try:
            answer = await self._policy.call(command, self._client)
            self._note_back()
        except Refused as refusal:
            raise RedisAway(f"Redis is away: {refusal}") from refusal
        except _FAILURES as error:
            self._note_away(error)
            raise RedisAway(f"Redis is away: {error}") from error
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
            await asyncio.sleep(REDIS_REST_S)
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
