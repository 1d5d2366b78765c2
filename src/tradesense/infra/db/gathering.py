"""
Writes whose outcome nobody waits for, said to the server together.

    gathered ─▶ leave ─▶ leave ─▶ any statement, or the block's end: all that was left is written
                                        │ one of them cannot be
                                        ▼
                                   the block is undone; whoever opened it goes the careful way

What was left is written before anything else is said to the server, so whatever is said later
finds it there.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import psycopg

from tradesense.infra.db.pool import Session, Transaction

Check = Callable[[], Awaitable[None]]
# Says all that was left to it at a moment, and returns what reads the answer: that raises
# LeftUndone if something could not be written.
Write = Callable[[Transaction, Sequence[Any], datetime], Awaitable[Check]]


class LeftUndone(Exception):
    """What was left could not be written as hoped; nothing of its block stays."""


class Gathering:
    """What is left to be written in one block of one session, in the order of its writers."""

    def __init__(self, session: Session) -> None:
        self._session = session
        outer = session.gathering
        # Of two blocks one after the other the name means the later one's, as it should.
        self.savepoint = "gathered" if outer is None else f"{outer.savepoint}_in"
        self._is_marked = False  # the savepoint is there: something was said
        self._is_writing = False
        self._left: dict[tuple[Write, datetime], list[Any]] = {}
        self._trouble: BaseException | None = None

    def leave(self, write: Write, item: object, now: datetime) -> None:
        """Leave `item` to `write`."""
        self._left.setdefault((write, now), []).append(item)

    def forget(self) -> None:
        """Leave nothing: what it belonged to is undone."""
        self._left.clear()

    async def catch_up(self) -> None:
        """Write what was left; whoever wants to say something else says it after that."""
        if self._is_writing or (self._is_marked and not self._left):
            return
        self._is_writing = True
        try:
            await self._write()
        except BaseException as trouble:
            self._trouble = trouble
            raise
        finally:
            self._is_writing = False

    async def _write(self) -> None:
        left, self._left = self._left, {}
        async with self._session.pipeline():  # nobody waits for what another says
            if not self._is_marked:
                self._is_marked = True
                await self._session.execute(f"SAVEPOINT {self.savepoint}".encode())
            checks = [
                await write(self._session, items, now) for (write, now), items in left.items()
            ]
        for check in checks:
            await check()

    async def end(self) -> None:
        """Write what is still left. Raises LeftUndone also for a trouble that was swallowed."""
        if self._left:
            await self.catch_up()
        if self._trouble is not None:
            raise LeftUndone from self._trouble

    async def undo(self) -> None:
        """Undo all that was said in the block."""
        self.forget()
        if self._is_marked:
            self._is_writing = True  # nothing comes before this
            await self._session.execute(f"ROLLBACK TO SAVEPOINT {self.savepoint}".encode())


@asynccontextmanager
async def gathered(tx: Transaction) -> AsyncIterator[None]:
    """
    Open a block in which verbs may leave writes; undone as a whole if it raises.

    Raises LeftUndone if what was left could not be written. Its savepoint is not released: that
    is a statement more, and the end of the transaction does it.
    """
    if not isinstance(tx, Session):
        raise TypeError("only a transaction of the gate can gather what is left to be written")
    outer, gathering = tx.gathering, Gathering(tx)
    if outer is not None:
        await outer.catch_up()  # undoing this block undoes nothing of the one around it
    tx.gathering = gathering
    try:
        yield
        await gathering.end()
    except psycopg.OperationalError:
        raise  # the transaction's own trouble
    except Exception:
        await gathering.undo()
        raise
    finally:
        tx.gathering = outer


def leave(tx: Transaction, write: Write, item: object, *, now: datetime) -> bool:
    """Leave `item` to `write` if `tx` gathers; return whether it does."""
    if not isinstance(tx, Session) or tx.gathering is None:
        return False
    tx.gathering.leave(write, item, now)
    return True
