"""What wakes the engine: NOTIFY from the feed and from whoever asks; else a look now and then."""

import asyncio
import logging
from functools import partial

import psycopg
from psycopg.rows import TupleRow

from tradesense.kernel.errors import OutcomeUnknown, Unavailable
from tradesense.resilience import Policy

log = logging.getLogger(__name__)

CHANNELS = ("tape", "commands")
LOOK_EVERY_S = 0.05  # without any notice; below what a person calls slow
_AWAY_PAUSE_S = 0.5
_CONNECT_TIMEOUT_S = 3


class Waker:
    """Says when there may be something to do. A lost notice costs 50 ms, never more."""

    def __init__(self, url: str, policy: Policy) -> None:
        self._url = url
        self._policy = policy
        self._noticed = asyncio.Event()

    async def wait(self) -> None:
        """Return at the next notice, or after 50 ms."""
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await self._noticed.wait()
        except TimeoutError:
            return
        self._noticed.clear()

    async def listen(self) -> None:
        """Listen for ever; a database that is away is asked again twice a second."""
        while True:
            try:
                await self._listen_once()
            except (psycopg.OperationalError, Unavailable, OutcomeUnknown) as error:
                log.info("no notices for now: %s", error)
            await asyncio.sleep(_AWAY_PAUSE_S)

    async def _listen_once(self) -> None:
        connect = partial(
            psycopg.AsyncConnection.connect,
            self._url,
            autocommit=True,
            application_name="engine notices",
            connect_timeout=_CONNECT_TIMEOUT_S,
            keepalives_idle=5,
            keepalives_interval=2,
            keepalives_count=3,
        )
        connection: psycopg.AsyncConnection[TupleRow] = await self._policy.call(connect)
        async with connection:
            for channel in CHANNELS:
                await connection.execute(f"LISTEN {channel}".encode())
            self._noticed.set()  # whatever was said while we were away
            async for _ in connection.notifies():
                self._noticed.set()
