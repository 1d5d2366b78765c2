"""
Connections of one role, lent out one transaction at a time.

Ours and not psycopg's pool because of what happens when the server comes back: that one
retries after 1, 2, 4, 8 seconds whatever its clients' patience, and finds dead connections
by a round trip each; this one looks at the socket and connects when somebody is waiting.
"""

import asyncio
import logging
import os
import select
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Protocol, Self

import psycopg
from psycopg import AsyncConnection, AsyncCopy, AsyncCursor, AsyncTransaction
from psycopg.errors import Diagnostic
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, Row, dict_row

from tradesense.kernel.errors import Invalid, Unavailable

log = logging.getLogger(__name__)

Transaction = AsyncConnection[DictRow]


class NoConnection(Unavailable):
    """No connection could be had in time; nothing was sent."""

    code = "infra.no_connection"


class TooPowerful(Invalid):
    """The role could rewrite what must only grow; no process of ours runs under it."""

    code = "infra.too_powerful"


class Left(Protocol):
    """What verbs have left to be written before anything else is said, after a savepoint."""

    savepoint: str

    def leave(self, write: Any, item: object, now: datetime) -> None:
        """Leave something to a writer."""

    def forget(self) -> None:
        """Leave nothing."""

    async def catch_up(self) -> None:
        """Write it now."""


class Speaker(AsyncCursor[Row]):
    """A cursor of a session: what was left on that is written first."""

    async def execute(self, *said: Any, **how: Any) -> Self:
        """Say one statement."""
        await catch_up(self.connection)
        return await super().execute(*said, **how)

    async def executemany(self, *said: Any, **how: Any) -> None:
        """Say one statement many times."""
        await catch_up(self.connection)
        await super().executemany(*said, **how)

    @asynccontextmanager
    async def copy(self, *said: Any, **how: Any) -> AsyncIterator[AsyncCopy]:
        """Say a COPY."""
        await catch_up(self.connection)
        async with super().copy(*said, **how) as copy:
            yield copy


async def catch_up(connection: AsyncConnection[Any]) -> None:
    """Write what was left on `connection`."""
    if isinstance(connection, Session) and connection.gathering is not None:
        await connection.gathering.catch_up()


class Session(AsyncConnection[DictRow]):
    """
    A connection that knows what was left to be written on it.

    It remembers whether a COMMIT of its was acknowledged by this server alone.
    """

    unreplicated = False
    gathering: Left | None = None

    @asynccontextmanager
    async def transaction(
        self,
        savepoint_name: str | None = None,
        force_rollback: bool = False,  # noqa: FBT001, FBT002 -- the signature is psycopg's
    ) -> AsyncIterator[AsyncTransaction]:
        """Open a savepoint: what was left before it is before it, and inside it, inside."""
        await catch_up(self)
        async with super().transaction(savepoint_name, force_rollback) as inner:
            try:
                yield inner
                await catch_up(self)
            except BaseException:
                if self.gathering is not None:
                    self.gathering.forget()
                raise

    def listen(self) -> None:
        """Start to remember."""
        self.add_notice_handler(self._remember)

    async def refuse_power(self) -> None:
        """Raise TooPowerful for a superuser and for whoever owns our tables."""
        try:
            found = await (await self.execute(_POWER)).fetchone()
        except BaseException:
            self.pgconn.finish()  # cancelled, say: nobody else knows this connection yet
            raise
        if found is not None:
            await self.close()
            raise TooPowerful(
                f"the database user {found['who']} is a superuser or owns our tables, so it could "
                "rewrite the trail; give this process a login of its own, in the group "
                "tradesense_app (for the sealer: tradesense_sealer)"
            )

    def _remember(self, notice: Diagnostic) -> None:
        if "synchronous replication" in (notice.message_primary or ""):
            self.unreplicated = True


inside_transaction: ContextVar[bool] = ContextVar("inside_transaction", default=False)

# Every session's bounds. A holder of locks that stands still for 2 s loses them (a frozen
# process would keep them for ever); a server whose client has gone stops within a second.
SESSION = {
    "statement_timeout": "30s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "2s",
    "client_connection_check_interval": "1s",
    "timezone": "UTC",
}
_POWER = """
SELECT current_user AS who FROM pg_roles
WHERE rolname = current_user AND (rolsuper OR EXISTS (
    SELECT FROM pg_class WHERE relname = 'infra_commits' AND pg_has_role(relowner, 'MEMBER')))
"""
_CONNECT_TIMEOUT_S = 3.0
_IDLE_KEPT_S = 60.0


class Pool:
    """At most `size` connections; those above `kept` are closed after a minute without work."""

    def __init__(self, url: str, *, kept: int, size: int, name: str, is_owner: bool) -> None:
        self._url = url
        self._is_owner = is_owner
        self._kept = kept
        self._name = name
        self._places = asyncio.Semaphore(size)
        self._idle: list[tuple[float, Session]] = []

    @asynccontextmanager
    async def lend(self, deadline: float) -> AsyncIterator[Session]:
        """
        Lend a live connection, outside any transaction; wait for it until `deadline`.

        It comes back to the pool if it is outside a transaction again, else it is closed,
        which rolls back. The deadline is in monotonic seconds. Raises NoConnection, TooPowerful.
        """
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                await self._places.acquire()
        except TimeoutError:
            raise NoConnection("every connection to the database is busy") from None
        try:
            lent = self._take_idle() or await self._connect(deadline)
            try:
                yield lent
            finally:
                self._take_back(lent)
        finally:
            self._places.release()

    async def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            await self._idle.pop()[1].close()

    def _take_idle(self) -> Session | None:
        while self._idle:
            _, idle = self._idle.pop()
            if not idle.closed and not _has_something_to_say(idle):
                return idle
            idle.pgconn.finish()  # close() without the await
        return None

    async def _connect(self, deadline: float) -> Session:
        patience_s = min(_CONNECT_TIMEOUT_S, deadline - time.monotonic())
        try:
            async with asyncio.timeout(patience_s):
                session = await Session.connect(
                    self._url,
                    autocommit=True,  # BEGIN and COMMIT are the gate's to say
                    row_factory=dict_row,
                    cursor_factory=Speaker,
                    application_name=self._name,
                    options=" ".join(f"-c {name}={value}" for name, value in SESSION.items()),
                    keepalives_idle=5,
                    keepalives_interval=2,
                    keepalives_count=3,
                    tcp_user_timeout=5_000,
                )
                if not self._is_owner:
                    await session.refuse_power()
        except (psycopg.OperationalError, TimeoutError) as error:
            raise NoConnection(f"cannot reach the database: {str(error) or 'no answer'}") from error
        session.listen()
        return session

    def _take_back(self, lent: Session) -> None:
        if lent.closed or lent.pgconn.transaction_status != TransactionStatus.IDLE:
            lent.pgconn.finish()
            return
        now = time.monotonic()
        self._idle.append((now, lent))
        while len(self._idle) > self._kept and self._idle[0][0] < now - _IDLE_KEPT_S:
            self._idle.pop(0)[1].pgconn.finish()


@contextmanager
def cut_at(connection: Transaction, deadline: float) -> Iterator[None]:
    """
    Cut the connection's socket at `deadline`: what waits on it gets an OperationalError.

    A cancelled task would not do: psycopg asks the server to cancel and waits for its answer,
    which a hung server never gives.
    """
    loop = asyncio.get_running_loop()
    timer = loop.call_later(max(0.0, deadline - time.monotonic()), cut, connection)
    try:
        yield
    finally:
        timer.cancel()


def cut(connection: Transaction) -> None:
    """Shut the connection's socket, both ways, at once."""
    if connection.closed:
        return
    with socket.socket(fileno=os.dup(connection.fileno())) as end:
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError as error:
            log.debug("the server had hung up before we did: %s", error)


def _has_something_to_say(connection: Session) -> bool:
    """Say whether a server that should be silent is not: it has hung up, or is about to."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
