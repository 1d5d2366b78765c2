"""The feed on a real database: one gapless order, equal in every run, whatever is killed."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from integration.market.one_go import in_one_go
from price_files import real, ticks_of
from tradesense.infra.lease import LeaseLost, hold
from tradesense.kernel.canonical import jsonable
from tradesense.kernel.instants import from_us
from tradesense.market import (
    CLOCK,
    Feed,
    Kind,
    SimulatedMarket,
    Status,
    get_instrument,
    latest_quotes,
    open_files,
    read_blocks,
)
from tradesense.trail import read_stream


async def test_the_clock_brings_its_prices_and_then_itself(tape, clock, tmp_path):
    at = clock.now()
    source = open_files([ticks_of(tmp_path, at, count=10, every_ms=1000)])

    async with tape.played(source):
        await tape.at(at)
        clock.set(at + timedelta(seconds=4))
        await tape.at(clock.now())

    items = await tape.items()
    assert [item.price_seq for item in items] == list(range(1, 8))
    assert [item.kind for item in items] == [Kind.QUOTE, Kind.CLOCK, *[Kind.QUOTE] * 4, Kind.CLOCK]
    assert [from_us(item.at_us) - at for item in items][-1] == timedelta(seconds=4)


async def test_a_feed_stopped_at_any_moment_makes_the_tape_of_one_that_never_stopped(
    tape, clock, tmp_path, chance
):
    source = open_files([ticks_of(tmp_path, clock.now(), count=20_000, every_ms=10)])
    clock.set(clock.now() + timedelta(seconds=300))

    lengths = []
    for _ in range(6):
        async with tape.played(source):
            await asyncio.sleep(chance.random() / 5)
        lengths.append(len(await tape.items()))
    async with tape.played(source):
        await tape.at(clock.now())
        await tape.flush()

    expected = in_one_go(source, clock.now())
    assert tuple(await tape.items()) == expected.items
    async with tape.runtime.db.reading() as tx:
        entries = await read_stream(tx, "tape:EUR/USD")
    assert [entry.data["block"] for entry in entries] == [
        jsonable(block) for block in expected.blocks if block.symbol == "EUR/USD"
    ]
    assert lengths[0] < len(expected.items), "no stop came in between: the test shows nothing"


async def test_sources_and_sealed_blocks_are_facts_on_the_trail(tape, clock, tmp_path):
    source = open_files([ticks_of(tmp_path, clock.now(), count=3_000, every_ms=20)])
    clock.set(clock.now() + timedelta(seconds=90))
    async with tape.played(source):
        await tape.at(clock.now())
        await tape.flush()
    async with tape.runtime.db.reading() as tx:
        entries = await read_stream(tx, "tape:EUR/USD")
        (opened,) = await read_stream(tx, "tape:source")

    blocks = [entry.data["block"] for entry in entries]
    assert [(block["first_seq"], block["items"]) for block in blocks] == [
        *((1 + n * 256, 256) for n in range(11)), (2817, 184),
    ]  # fmt: skip
    assert opened.data["files"] == [
        f"{source.files[0].sha256[0]} oanda_eurusd_20140502_quote.zip lean-oanda EUR/USD"
    ]
    assert all(entry.by == "system:feed" for entry in entries)
    assert entries[0].at == from_us(blocks[0]["last_us"])


async def test_blocks_are_read_back_with_the_text_that_was_sealed(tape, clock, tmp_path):
    source = open_files([ticks_of(tmp_path, clock.now(), count=1_000, every_ms=20)])
    clock.set(clock.now() + timedelta(seconds=90))
    async with tape.played(source):
        await tape.at(clock.now())
        assert await tape.flush(up_to=900) == 900
        assert await tape.flush() == 1_001

    async with tape.runtime.db.reading() as tx:
        blocks = await read_blocks(tx, "EUR/USD", 257, 950)
        (clocks,) = await read_blocks(tx, CLOCK, 1, 2_000)
    assert [(one.block.first_seq, one.block.last_seq) for one in blocks] == [
        (257, 512), (513, 768), (769, 900), (901, 1000),
    ]  # fmt: skip
    assert blocks[0].text.startswith(b"257,1399017605120000,quote,138256,138266,valid,0,,\n")
    assert clocks.text == b"1001,1399017690000000,clock,,,,0,,\n"


async def test_a_missed_midnight_is_on_the_tape_in_its_place(tape, clock, tmp_path):
    late, next_day = (clock.now().replace(hour=h) for h in (21, 23))
    friday = ticks_of(tmp_path, late.replace(day=1), count=2, every_ms=1000)
    saturday_in_prague = ticks_of(tmp_path, next_day.replace(day=5), count=2, every_ms=1000)
    source = open_files([friday, saturday_in_prague])
    clock.set(datetime(2014, 5, 6, tzinfo=UTC))

    async with tape.played(source):
        await tape.at(clock.now())

    resets = [(item.price_seq, item.day) for item in await tape.items() if item.kind == Kind.RESET]
    assert resets == [(seq, date(2014, 5, seq - 1)) for seq in range(3, 8)]


async def test_a_second_feed_cannot_commit(tape, clock, tmp_path, runtime):
    source = open_files([ticks_of(tmp_path, clock.now(), count=10, every_ms=1000)])
    async with hold(runtime.db, "feed", ttl_s=0.5) as old:
        pass
    async with tape.played(source) as feed:
        await tape.at(clock.now())
        frozen = Feed(db=runtime.db, lease=old, now=runtime.now, resets=feed.resets)
        with pytest.raises(LeaseLost):
            await frozen.play(source)


@pytest.mark.parametrize(("vendor", "crossed"), [("oanda", 0), ("fxcm", 12_061)])
async def test_a_payrolls_day_is_on_the_tape_within_five_seconds(tape, clock, vendor, crossed):
    source = open_files(real(f"fx_ticks/{vendor}_eurusd_20140502_quote.zip"))
    clock.set(datetime(2014, 5, 3, tzinfo=UTC))
    loop = asyncio.get_running_loop()

    began = loop.time()
    async with tape.played(source):
        await tape.at(clock.now())
    took_s = loop.time() - began

    items = await tape.items()
    assert sum(item.status == Status.CROSSED for item in items) == crossed
    assert took_s < 5, f"{len(items) / took_s:.0f} prices a second"


async def test_the_simulated_market_plays_like_a_file(tape, clock):
    euro = get_instrument("EUR/USD")
    source = SimulatedMarket(seed=3, instruments=[euro], start=clock.now(), days=1)
    clock.set(clock.now() + timedelta(hours=2))

    async with tape.played(source):
        await tape.at(clock.now())

    quotes = [item for item in await tape.items() if item.kind == Kind.QUOTE]
    assert 200 < len(quotes) < 600
    assert {quote.status for quote in quotes} == {Status.VALID}


async def test_the_live_market_goes_on_after_a_restart_without_a_jump(tape, clock):
    """Weekends have crypto only."""
    bitcoin, euro = get_instrument("BTC/USD"), get_instrument("EUR/USD")
    clock.set(datetime(2014, 5, 3, 12, tzinfo=UTC))
    for _ in range(2):
        async with tape.simulated(7, [bitcoin, euro]):
            for _ in range(15):
                clock.set(clock.now() + timedelta(milliseconds=700))
                await asyncio.sleep(0.1)
    async with tape.runtime.db.reading() as tx:
        latest = await latest_quotes(tx)
        (opened,) = await read_stream(tx, "tape:source")

    items = await tape.items()
    quotes = [item for item in items if item.kind == Kind.QUOTE]
    assert latest.keys() == {"BTC/USD"}
    assert opened.data["source"] == "live:7"
    assert [item.price_seq for item in items] == list(range(1, len(items) + 1))
    assert all(abs(b.bid - a.bid) < a.bid // 500 for a, b in pairwise(quotes))
    assert len(quotes) > 15


async def test_a_closed_market_still_tells_the_time(tape, clock):
    clock.set(datetime(2014, 5, 3, 12, tzinfo=UTC))
    async with tape.simulated(7, [get_instrument("EUR/USD")]):
        await tape.at(clock.now())
        clock.set(clock.now() + timedelta(seconds=1))
        await tape.at(clock.now())

    assert [item.kind for item in await tape.items()] == [Kind.CLOCK, Kind.CLOCK]
