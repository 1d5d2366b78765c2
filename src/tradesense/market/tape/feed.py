"""
The only sequencer: takes prices from a source and commits them, in order, to the tape.

    load ──> play ──> commit ──> play ──> …
     ▲                  │ lost, moved, unknown
     └──────────────────┘

What is in memory is only ever what is committed: after any doubt it is read again, and the
source goes on after the last committed quote. So a kill at any instruction changes nothing.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import NoReturn, Protocol

from tradesense.infra.db import Database, Transaction
from tradesense.infra.lease import Lease
from tradesense.kernel.errors import OutcomeUnknown, Unavailable
from tradesense.kernel.instants import to_us
from tradesense.market import service
from tradesense.market.model import CLOCK, Instrument, Quote, SourceOpened
from tradesense.market.service import TapeMoved
from tradesense.market.store import lines, records
from tradesense.market.tape.live import LiveMarket
from tradesense.market.tape.sequencer import Sequencer

log = logging.getLogger(__name__)

BATCH = 4096  # quotes per commit: 30 ms of work, and what a kill can cost
DRIVEN_LOOK_S = 0.003  # how soon a step of the driven clock is seen
FLUSH_LOOK_S = 0.05
LIVE_STEP_S = 0.08  # so that a quote is committed within a tenth of a second
LIVE_FLUSH_S = 60.0
_CLOCK_AFTER_US = 1_000_000  # a live tape without prices still tells the time, every second
_DOUBT_PAUSE_S = 0.2

Resets = Callable[[Transaction], Awaitable[Iterable[str]]]


class Source(Protocol):
    """Prices with a beginning: the same name means the same quotes in the same order."""

    @property
    def seed(self) -> int:
        """The seed from which its chance follows."""

    @property
    def name(self) -> str:
        """What identifies these prices."""

    @property
    def listing(self) -> tuple[str, ...]:
        """The files it plays, `sha256 name layout symbol` each."""

    def quotes(self, *, skip: int = 0) -> Iterator[Quote]:
        """Yield every quote in order of time but for the first `skip`."""


@dataclass(slots=True)
class _Tape:
    """The end of the tape as it is committed, ready to go on."""

    sequencer: Sequencer
    taken: int
    last: dict[str, Quote]  # the latest valid quote of each symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What every commit of the feed needs. `resets` reads which programmes' days end when."""

    db: Database
    lease: Lease
    now: Callable[[], datetime]
    resets: Resets

    async def play(self, source: Source) -> NoReturn:
        """
        Play `source` under a driven clock: its prices up to the clock, then the clock's step.

        Prices are committed asynchronously: whoever acts on one commits after it, in the same
        log, and what a crash of the server takes is played again, equal to the byte. The
        clock's step is on disk before anybody sees it, and with it every price before it.
        """
        while True:
            try:
                await self._play_from_the_tape(source)
            except (Unavailable, OutcomeUnknown, TapeMoved) as error:
                log.info("feed: reading the tape again: %s", error)
                await asyncio.sleep(_DOUBT_PAUSE_S)

    async def simulate(self, seed: int, instruments: Iterable[Instrument]) -> NoReturn:
        """Put a simulated market on the tape in real time, stamped now."""
        opened = tuple(instruments)
        while True:
            try:
                await self._simulate_from_the_tape(seed, opened)
            except (Unavailable, OutcomeUnknown, TapeMoved) as error:
                log.info("feed: reading the tape again: %s", error)
                await asyncio.sleep(_DOUBT_PAUSE_S)

    async def _play_from_the_tape(self, source: Source) -> NoReturn:
        tape = await self._load(source.name, source.listing, source.seed)
        quotes = source.quotes(skip=tape.taken)
        looked_at = time.monotonic()
        while True:
            now_us = to_us(self.now())
            if now_us > tape.sequencer.clock_us:
                quotes = await self._play_until(now_us, tape, quotes, source.name)
                continue
            if time.monotonic() - looked_at > FLUSH_LOOK_S:
                looked_at = time.monotonic()
                await self._flush_as_asked(tape, source.name)
            await asyncio.sleep(DRIVEN_LOOK_S)

    async def _play_until(
        self, now_us: int, tape: _Tape, quotes: Iterator[Quote], source: str
    ) -> Iterator[Quote]:
        """Commit what is stamped up to `now_us`, then the clock; return the quotes left."""
        async with self.db.reading() as tx:
            tape.sequencer.use_resets(await self.resets(tx))
        while True:
            batch = list(islice(quotes, BATCH))
            due = 0
            for quote in batch:
                if quote.at_us > now_us:
                    break
                tape.sequencer.add_quote(quote)
                due += 1
            tape.taken += due
            if due < BATCH:
                tape.sequencer.add_clock(now_us)
                await self._commit(tape, source)
                return chain(batch[due:], quotes)
            await self._commit(tape, source, wait_for_disk=False)

    async def _simulate_from_the_tape(
        self, seed: int, instruments: tuple[Instrument, ...]
    ) -> NoReturn:
        source = f"live:{seed}"
        tape = await self._load(source, (), seed)
        market = LiveMarket.resume(seed, instruments, taken=tape.taken, last=tape.last)
        flushed_at, told_us = time.monotonic(), 0
        while True:
            async with self.db.reading() as tx:
                tape.sequencer.use_resets(await self.resets(tx))
                asked = await records.list_flushes(tx)
            now_us = to_us(self.now())
            for quote in market.quotes_due(now_us):
                tape.sequencer.add_quote(quote)
                told_us = now_us
            tape.sequencer.pass_time(now_us)
            if now_us - told_us >= _CLOCK_AFTER_US:
                tape.sequencer.add_clock(now_us)
                told_us = now_us
            for up_to in asked:
                tape.sequencer.flush(up_to)
            if time.monotonic() - flushed_at >= LIVE_FLUSH_S:
                tape.sequencer.flush()
                flushed_at = time.monotonic()
            tape.taken = market.taken
            await self._commit(tape, source, flushed=asked)
            await asyncio.sleep(LIVE_STEP_S)

    async def _flush_as_asked(self, tape: _Tape, source: str) -> None:
        async with self.db.reading() as tx:
            asked = await records.list_flushes(tx)
        for up_to in asked:
            tape.sequencer.flush(up_to)
        if asked:
            await self._commit(tape, source, flushed=asked)

    async def _commit(
        self, tape: _Tape, source: str, *, flushed: Iterable[int] = (), wait_for_disk: bool = True
    ) -> None:
        batch = tape.sequencer.take()
        done = max(flushed, default=None)
        if not batch.items and not batch.blocks and done is None:
            return

        async def publish(tx: Transaction) -> None:
            if not wait_for_disk:
                await tx.execute("SET LOCAL synchronous_commit = off")
            await self.lease.confirm(tx)
            await service.publish(tx, batch, source=source, taken=tape.taken, flushed=done)

        await self.db.repeat(publish)

    async def _load(self, source: str, listing: tuple[str, ...], seed: int) -> _Tape:
        """Read the end of the tape; say on the trail where its next prices come from."""
        async with self.db.reading() as tx:
            position = await lines.get_position(tx)
            seen = await lines.list_seen(tx)
            valid = await lines.list_valid(tx)
            open_items = {}
            for symbol in (CLOCK, *(quote.symbol for quote in seen)):
                sealed = await records.find_sealed_until(tx, symbol)
                open_items[symbol] = await lines.list_items_of(
                    tx, symbol, first_seq=sealed + 1, last_seq=position.last_seq
                )
        sequencer = Sequencer(
            position, seen={quote.symbol: quote for quote in seen}, open_items=open_items
        )
        opened = SourceOpened(source, position.last_seq + 1, listing, seed)
        now = self.now()

        async def open_source(tx: Transaction) -> int:
            await self.lease.confirm(tx)
            return await service.open_source(tx, opened, now=now)

        taken = await self.db.repeat(open_source)
        last = {
            item.symbol: Quote(item.at_us, item.symbol, item.bid, item.ask)
            for item in valid
            if item.symbol is not None and item.bid is not None and item.ask is not None
        }
        return _Tape(sequencer, taken, last)
