"""
The engine's loop: read what is new, step it in memory, commit all of it, publish.

    load ──> read ──> step ──> commit ──> publish ──> read ──> …
     ▲                           │ lost, moved, unknown
     └───────────────────────────┘

One transaction holds everything that a batch of inputs caused: accounts, orders, fills, stamps,
marks, the cursor, the facts and the verdicts. So a kill at any instruction either leaves the
batch out, and the next engine steps the same inputs to the same end, or has all of it.
Whatever goes wrong, memory is dropped and read again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn
from uuid import UUID

from tradesense import market, trail
from tradesense.infra.db import Database, Transaction
from tradesense.infra.lease import Lease
from tradesense.kernel.errors import Conflict, OutcomeUnknown, Unavailable
from tradesense.kernel.instants import from_us, to_us
from tradesense.market.model import TapeItem
from tradesense.trading.engine.arithmetic import Mark
from tradesense.trading.engine.book import Book
from tradesense.trading.engine.state import Account, Market, Open, Output
from tradesense.trading.model import GuardBreached, Outcome, TargetReached
from tradesense.trading.running import loading, projecting, saving
from tradesense.trading.running.loading import Waiting
from tradesense.trading.running.publishing import Publisher
from tradesense.trading.running.wake import Waker

log = logging.getLogger(__name__)

ITEMS_MAX = 5_000  # per commit: 50 ms of stepping, so that the lease's beat is never late
COMMANDS_MAX = 500
# Facts per call: the server ends a transaction that hears nothing of its client for 2 s.
FACTS_MAX = 2_000
ENGINE = "system:engine"
_DOUBT_PAUSE_S = 0.2

Conclude = Callable[[Transaction, Outcome, datetime], Awaitable[object]]
"""What follows from an outcome, in the transaction that stores it (`challenges.conclude`)."""


class EngineMoved(Conflict):
    """Rows are not as memory left them; nothing was written now, memory is read again."""

    code = "trading.engine_moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Everything one commit holds. `last` is the last tape item it consumed, if any."""

    before: int
    after: saving.Cursor
    last: TapeItem | None
    marks: dict[str, Mark]
    stamps: tuple[saving.Stamp, ...]
    accounts: tuple[Account, ...]
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """
    The only writer of accounts, orders, positions and fills.

    `is_driven`: time moves only when a story moves it; commands are then taken only once the
    tape holds every price up to now, so that the same story gives the same stamps.
    """

    db: Database
    lease: Lease
    now: Callable[[], datetime]
    is_driven: bool
    conclude: Conclude
    waker: Waker
    publisher: Publisher

    async def run(self) -> NoReturn:
        """Go on for ever. Raises LeaseLost."""
        while True:
            try:
                await self._run_from_the_rows()
            except (Unavailable, OutcomeUnknown, EngineMoved) as error:
                log.info("engine: reading everything again: %s", error)
                await asyncio.sleep(_DOUBT_PAUSE_S)

    async def _run_from_the_rows(self) -> NoReturn:
        book = await self.load()
        while True:
            if not await self.advance(book):
                await self.waker.wait()

    async def load(self) -> Book:
        """Return what the rows say, as memory."""
        async with self.db.reading() as tx:
            return Book(await loading.load_market(tx), await loading.load_at_work(tx))

    async def advance(self, book: Book) -> bool:
        """Take and commit what is new; return whether anything was."""
        items, waiting = await self._read(book)
        if not items and not waiting:
            return False
        batch = step(book, items, waiting)

        async def commit(tx: Transaction) -> None:
            await self._commit(tx, batch)

        await self.db.repeat(commit)
        self.publisher.note(book, batch.outputs)
        return True

    async def _read(self, book: Book) -> tuple[list[TapeItem], list[Waiting]]:
        async with self.db.reading() as tx:
            after = book.market.price_seq
            items = await market.read_tape(tx, after=after, limit=ITEMS_MAX)
            if len(items) == ITEMS_MAX or not self._takes_commands(book.market, items):
                return items, []
            waiting = await loading.load_waiting(tx, limit=COMMANDS_MAX)
            await _fetch_accounts(tx, book, waiting)
        return items, [each for each in waiting if _is_answerable(book, each, waiting)]

    def _takes_commands(self, known: Market, items: Sequence[TapeItem]) -> bool:
        if not self.is_driven:
            return True
        clocks = (item.at_us for item in items if item.kind == market.Kind.CLOCK)
        return max(clocks, default=known.clock_us) >= to_us(self.now())

    async def _commit(self, tx: Transaction, batch: Batch) -> None:
        await self.lease.confirm(tx)
        if batch.last is not None:
            # The feed commits without waiting for the disk: a crash of the server may have
            # taken back what we read.
            there = await market.read_tape(tx, after=batch.last.price_seq - 1, limit=1)
            if there != [batch.last]:
                raise EngineMoved(f"tape item {batch.last.price_seq} is not what it was")
        if not await saving.move_cursor(tx, before=batch.before, after=batch.after):
            raise EngineMoved(f"the cursor is not at {batch.before}")
        if await saving.save_stamps(tx, batch.stamps) != len(batch.stamps):
            raise EngineMoved("a command was stamped by somebody else")
        await saving.save_marks(tx, batch.marks)
        if batch.accounts:
            await saving.save_accounts(tx, batch.accounts, batch.outputs)
            await projecting.save_outputs(tx, batch.outputs)
            for first in range(0, len(batch.outputs), FACTS_MAX):
                told = batch.outputs[first : first + FACTS_MAX]
                await trail.record(tx, *(_fact(output) for output in told))
        for output in batch.outputs:
            if isinstance(output.event, GuardBreached | TargetReached):
                await self.conclude(tx, output.event, from_us(output.at_us))


async def _fetch_accounts(tx: Transaction, book: Book, waiting: Sequence[Waiting]) -> None:
    """Bring closed accounts back into the book while somebody asks something of them."""
    wanted = {each.command.account_id for each in waiting} - book.accounts.keys()
    if wanted:
        for account in await loading.load_accounts(tx, sorted(wanted)):
            book.add(account)


def _is_answerable(book: Book, one: Waiting, waiting: Sequence[Waiting]) -> bool:
    """Whether the account exists, or an earlier command opens it."""
    account_id = one.command.account_id
    if account_id in book.accounts:
        return True
    opens = (each.id for each in waiting if _opens(each, account_id))
    if min(opens, default=one.id + 1) <= one.id:
        return True
    log.error("command %d asks something of account %s, which is none", one.id, account_id)
    return False


def _opens(each: Waiting, account_id: UUID) -> bool:
    return each.command.account_id == account_id and isinstance(each.command.ask, Open)


def step(book: Book, items: Sequence[TapeItem], waiting: Sequence[Waiting]) -> Batch:
    """Let `items`, then `waiting`, take effect on the book; return what to commit."""
    known = book.market
    before, marks = known.price_seq, dict(known.marks)
    outputs: list[Output] = []
    for item in items:
        outputs += book.apply(item)
    stamps = []
    for each in waiting:
        outputs += book.take(each.command)
        account = book.accounts[each.command.account_id]
        stamps.append(saving.Stamp(each.id, account.input_seq, known.price_seq))
    changed = {symbol: mark for symbol, mark in known.marks.items() if marks.get(symbol) != mark}
    return Batch(
        before=before,
        after=saving.Cursor(
            price_seq=known.price_seq, feed_us=known.feed_us, clock_us=known.clock_us
        ),
        last=items[-1] if items else None,
        marks=changed,
        stamps=tuple(stamps),
        accounts=tuple(book.drain_changed().values()),
        outputs=tuple(outputs),
    )


def _fact(output: Output) -> trail.Fact:
    return trail.Fact(
        event=output.event,
        stream=f"account:{output.account_id}",
        at=from_us(output.at_us),
        by=ENGINE,
    )
