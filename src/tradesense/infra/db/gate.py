"""
The write gate: a verb commits once per key.

    claim key -> verb -> COMMIT -> result
      |           |        `- connection lost: nobody knows; claim the same key again:
      |           |             ours is there   it had committed: the result already computed
      |           |             free            it had not: run the verb again
      |           |             locked          the lost session is still at it: wait, then
      |           |                             OutcomeUnknown
      |           `- connection lost, deadlock, serialisation: it did not happen; run it again
      `- another's is there: AlreadyCommitted
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Literal, TypeVar

import psycopg
from psycopg import AsyncClientCursor, errors
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from tradesense.infra.db.pool import (
    NoConnection,
    Pool,
    Session,
    Transaction,
    cut_at,
    inside_transaction,
)
from tradesense.kernel.errors import (
    Conflict,
    InvariantBroken,
    OutcomeUnknown,
    TimedOut,
    Unavailable,
)
from tradesense.resilience import Policy, PolicySettings
from tradesense.resilience.deadline.scope import due

T = TypeVar("T")
Verb = Callable[[Transaction], Awaitable[T]]
Isolation = Literal["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]

PATIENCE_S = 10.0
_PAUSE_S, _PAUSE_MAX_S = 0.01, 0.25
# COMMIT is not given up with the verb: an answer is worth waiting for.
_COMMIT_PATIENCE_S = 5.0
_CANCELLED_COMMIT_PATIENCE_S = (
    3.0  # and of a process that must go: a busy disk is no reason not to know
)
_ROLLBACK_PATIENCE_S = 1.0

_TAKE = "INSERT INTO infra_commits (key) VALUES (%s) ON CONFLICT DO NOTHING RETURNING xid::text"
_WHOSE = "SELECT xid::text FROM infra_commits WHERE key = %s"

# The server says that it did not happen and that it might later.
_PASSING = (
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.LockNotAvailable,
    errors.ReadOnlySqlTransaction,
    errors.TooManyConnections,
    errors.DiskFull,
    errors.OutOfMemory,
    errors.IdleInTransactionSessionTimeout,  # we were frozen, or had no share of a processor
)


class AlreadyCommitted(Conflict):
    """The verb of this key has committed before; nothing was done now."""

    code = "infra.already_committed"


class _DidNotHappen(Exception):
    """An attempt rolled back for a passing reason, its cause."""


class _MayHaveHappened(Exception):
    """The connection was lost at COMMIT, or the key is locked by a session that was lost."""


@dataclass(slots=True)
class _Call(Generic[T]):
    """One call of `run`, over its attempts."""

    verb: Verb[T]
    key: str | None
    isolation: Isolation
    deadline: float
    # What was computed by attempts whose COMMIT got no answer, by transaction id.
    unsure: dict[str, T] = field(default_factory=dict)

    def computed_by(self, holder: str) -> T:
        """Return our result if transaction `holder` was ours. Raises AlreadyCommitted."""
        if holder not in self.unsure:
            raise AlreadyCommitted(f"{self.key} has committed before")
        return self.unsure[holder]


class Database:
    """PostgreSQL under one role."""

    def __init__(self, pool: Pool, policy: Policy) -> None:
        self._pool = pool
        self._policy = policy

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        url: str,
        *,
        min_size: int = 1,
        max_size: int = 8,
        name: str = "tradesense",
        is_owner: bool = False,
        policy: Policy | None = None,
    ) -> AsyncIterator["Database"]:
        """
        Open the database at `url`, with at most `max_size` connections, named `name` there.

        Each verb and each reading is a call under `policy`, by its priority where the policy
        sheds; by default all wait for a connection as long as they have patience.

        Connects when first asked to, so it opens while the server is away. Whatever connects
        raises TooPowerful for the owner of the tables (unless `is_owner`) and for a superuser.
        """
        pool = Pool(url, kept=min_size, size=max_size, name=name, is_owner=is_owner)
        try:
            yield cls(pool, policy or Policy("database", PolicySettings()))
        finally:
            await pool.close()

    async def run(
        self,
        verb: Verb[T],
        *,
        key: str,
        patience_s: float = PATIENCE_S,
        isolation: Isolation = "READ COMMITTED",
    ) -> T:
        """
        Run `verb` in one transaction and return once it is committed; once per `key`.

        Runs it again, for at most `patience_s`, where it surely did not commit. Raises
        AlreadyCommitted if `key` had committed before this call, Unavailable if it did not
        happen in time, OutcomeUnknown if nobody can say. What the verb raises rolls it back.
        """
        return await self._persist(_Call(verb, key, isolation, _deadline(patience_s)))

    async def repeat(
        self,
        verb: Verb[T],
        *,
        patience_s: float = PATIENCE_S,
        isolation: Isolation = "READ COMMITTED",
    ) -> T:
        """
        Run a verb that does no harm when it commits twice: a beat, a clean-up. No key.

        Raises Unavailable if it did not happen in time, OutcomeUnknown if nobody can say.
        """
        return await self._persist(_Call(verb, None, isolation, _deadline(patience_s)))

    @asynccontextmanager
    async def reading(self, *, patience_s: float = PATIENCE_S) -> AsyncIterator[Transaction]:
        """
        Open a read-only transaction: one snapshot, no commit key.

        Raises Unavailable, also when the connection is lost inside the block: read again.
        `patience_s` bounds the whole block.
        """
        deadline = _deadline(patience_s)
        with _outermost():
            async with self._policy.block(), self._pool.lend(deadline) as tx:
                try:
                    with cut_at(tx, deadline):
                        await tx.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                        yield tx
                        await tx.rollback()
                except errors.QueryCanceled as error:
                    raise TimedOut(f"the database took too long: {error}") from error
                except (psycopg.OperationalError, errors.IdleInTransactionSessionTimeout) as error:
                    raise Unavailable(f"the database went away: {error}") from error

    async def _persist(self, call: _Call[T]) -> T:
        async with self._policy.block():  # all attempts: nobody is turned away between two
            return await self._insist(call)

    async def _insist(self, call: _Call[T]) -> T:
        pause_s = _PAUSE_S
        while True:
            try:
                with _outermost():
                    return await self._attempt(call)
            except (_DidNotHappen, _MayHaveHappened, NoConnection) as error:
                if time.monotonic() + pause_s >= call.deadline:
                    reason = error if isinstance(error, NoConnection) else error.__cause__
                    if call.unsure or isinstance(error, _MayHaveHappened):
                        raise OutcomeUnknown(f"no answer to COMMIT: {reason}") from error
                    raise TimedOut(f"the database did not take it in time: {reason}") from error
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _PAUSE_MAX_S)

    async def _attempt(self, call: _Call[T]) -> T:
        async with self._pool.lend(call.deadline) as tx:
            try:
                with cut_at(tx, call.deadline):
                    own, holder = await _claim(tx, call)
                    if holder:
                        return call.computed_by(holder)
                    call.unsure.clear()  # the key was free: none of them had committed
                    result = await call.verb(tx)
                    _require_open(tx)
                await _commit(tx, call, own, result)
            except psycopg.Error as error:
                await _roll_back(tx)
                if isinstance(error, errors.QueryCanceled):
                    raise TimedOut(f"the database took too long: {error}") from error
                if tx.closed or isinstance(error, _PASSING):
                    raise _DidNotHappen from error
                raise
            except Exception:
                await _roll_back(tx)
                raise
            return result


def _deadline(patience_s: float) -> float:
    """Return when to give up, in monotonic seconds: by our patience, or whoever asked us's."""
    return min(time.monotonic() + patience_s, due.get())


async def _claim(tx: Session, call: _Call[T]) -> tuple[str, str]:
    """Begin, and take the key: our transaction id, and that of whoever had it, "" if nobody."""
    begin = f"BEGIN ISOLATION LEVEL {call.isolation};"
    if call.key is None:
        await tx.execute(begin.encode())
        return "", ""
    try:
        # One round trip for both: the client puts the key into the text.
        cursor = AsyncClientCursor(tx, row_factory=tuple_row)
        await cursor.execute(f"{begin} {_TAKE}".encode(), (call.key,))
        cursor.nextset()
        taken = await cursor.fetchone()
        if taken is not None:
            return taken[0], ""
        await cursor.execute(_WHOSE, (call.key,))
        found = await cursor.fetchone()
    except errors.LockNotAvailable as error:
        raise _MayHaveHappened from error
    if found is None:
        raise _DidNotHappen from None  # it was forgotten between our two statements
    await tx.rollback()
    return "", found[0]


async def _commit(tx: Session, call: _Call[T], own: str, result: T) -> None:
    """
    Commit. Never cancelled: a cancelled COMMIT may be visible here and replicated nowhere.

    Raises _MayHaveHappened if the connection is lost, OutcomeUnknown if only this server
    acknowledged it, CancelledError once the COMMIT has had its answer.
    """
    committing = asyncio.ensure_future(tx.commit())
    patience_s = max(_COMMIT_PATIENCE_S, call.deadline - time.monotonic())
    with cut_at(tx, time.monotonic() + patience_s):
        cancelled = await _outlast(committing, tx)
    error = committing.exception()
    if cancelled:
        raise asyncio.CancelledError
    if error is not None:
        if not tx.closed:
            raise error  # the server answered: it rolled back
        if call.key is not None:
            call.unsure[own] = result
            raise _MayHaveHappened from error
        raise _DidNotHappen from error  # or it did, and doing it again does no harm
    if tx.unreplicated:
        await tx.close()
        raise OutcomeUnknown("committed here, but no replica has acknowledged it")


async def _outlast(committing: "asyncio.Future[None]", tx: Session) -> bool:
    """Wait for COMMIT's answer, through cancellations; return whether there was one."""
    cancelled = False
    with ExitStack() as cuts:
        while not committing.done():
            try:
                await asyncio.wait({committing})
            except asyncio.CancelledError:
                cancelled = True
                cuts.enter_context(cut_at(tx, time.monotonic() + _CANCELLED_COMMIT_PATIENCE_S))
    return cancelled


async def _roll_back(tx: Session) -> None:
    """Leave the transaction, to save the connection; what cannot be saved is closed."""
    try:
        with cut_at(tx, time.monotonic() + _ROLLBACK_PATIENCE_S):
            await tx.rollback()
    except psycopg.Error:
        await tx.close()  # the server rolls back what hangs up


def _require_open(tx: Session) -> None:
    match tx.pgconn.transaction_status:
        case TransactionStatus.INTRANS:
            return
        case TransactionStatus.INERROR:
            # COMMIT would answer ROLLBACK, without an error.
            raise InvariantBroken("a verb swallowed a database error; use a savepoint around it")
        case TransactionStatus.IDLE:
            raise InvariantBroken("a verb ended its transaction; only the gate does")
        case _:
            raise psycopg.OperationalError("the connection was lost inside the verb")


@contextmanager
def _outermost() -> Iterator[None]:
    if inside_transaction.get():
        raise InvariantBroken("a transaction is open already; verbs take the caller's `tx`")
    inside_transaction.set(True)
    try:
        yield
    finally:
        inside_transaction.set(False)


async def forget_commits(tx: Transaction, *, before: datetime) -> int:
    """Delete keys that no caller can come back with; return how many. `before` is wall time."""
    done = await tx.execute("DELETE FROM infra_commits WHERE committed_at < %s", (before,))
    return done.rowcount
