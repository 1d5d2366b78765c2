"""The tape's order: numbers, statuses, resets in their place, blocks cut where they must be."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesense.kernel.instants import to_us
from tradesense.market import BLOCK_ITEMS_MAX, Kind, Quote, Status, UnknownSymbol
from tradesense.market.model import Position, line
from tradesense.market.rules import seal, text
from tradesense.market.tape.sequencer import Sequencer

PRAGUE, LONDON = "00:00 Europe/Prague", "00:00 Europe/London"
EURO = "EUR/USD"
SECOND = 1_000_000


def us(text):
    return to_us(datetime.fromisoformat(text).replace(tzinfo=UTC))


NOON = us("2014-05-01T12:00")
MIDNIGHT = us("2014-05-01T22:00")  # in Prague


def empty(*resets):
    nothing = Position(last_seq=0, clock_us=0, boundary_us=0, resets_until_us=0)
    sequencer = Sequencer(nothing, seen={}, open_items={})
    sequencer.use_resets(resets)
    return sequencer


def quote(at_us, bid=138_000, ask=138_010, symbol=EURO):
    return Quote(at_us, symbol, bid, ask)


def statuses(*quotes):
    sequencer = empty()
    for one in quotes:
        sequencer.add_quote(one)
    return [item.status for item in sequencer.take().items]


def test_a_crossed_price_is_crossed_and_a_locked_one_valid():
    assert statuses(
        quote(NOON, 138_001, 138_000), quote(NOON + 1, 138_000, 138_000), quote(NOON + 2)
    ) == [Status.CROSSED, Status.VALID, Status.VALID]


def test_a_price_stamped_before_its_symbols_last_is_late_and_at_it_is_not():
    assert statuses(
        quote(NOON), quote(NOON - 1), quote(NOON, 138_005), quote(NOON - 1, symbol="GBP/USD")
    ) == [Status.VALID, Status.LATE, Status.VALID, Status.VALID]


def test_a_price_said_again_is_a_duplicate():
    assert statuses(quote(NOON), quote(NOON), quote(NOON + 1)) == [
        Status.VALID, Status.DUPLICATE, Status.VALID,
    ]  # fmt: skip


def test_a_price_out_of_session_is_closed():
    assert statuses(quote(us("2014-05-04T20:59:59")), quote(us("2014-05-04T21:00"))) == [
        Status.CLOSED, Status.VALID,
    ]  # fmt: skip


def test_a_reset_comes_before_the_first_price_stamped_at_it():
    sequencer = empty(PRAGUE)
    sequencer.add_quote(quote(NOON))
    sequencer.add_quote(quote(MIDNIGHT - 1))
    sequencer.add_quote(quote(MIDNIGHT))

    kinds = [(item.kind, item.at_us) for item in sequencer.take().items]
    assert kinds == [
        (Kind.QUOTE, NOON), (Kind.QUOTE, MIDNIGHT - 1), (Kind.RESET, MIDNIGHT),
        (Kind.QUOTE, MIDNIGHT),
    ]  # fmt: skip


def test_a_reset_without_prices_waits_two_seconds_by_the_clock():
    sequencer = empty(PRAGUE)
    sequencer.add_clock(NOON)
    sequencer.add_clock(MIDNIGHT + 2 * SECOND - 1)
    assert [item.kind for item in sequencer.take().items] == [Kind.CLOCK, Kind.CLOCK]

    sequencer.add_clock(MIDNIGHT + 2 * SECOND)
    reset, clock = sequencer.take().items
    assert (reset.kind, reset.at_us, reset.reset, reset.day) == (
        Kind.RESET, MIDNIGHT, PRAGUE, date(2014, 5, 2),
    )  # fmt: skip
    assert clock.kind == Kind.CLOCK


def test_a_price_stamped_before_a_reset_that_is_on_the_tape_is_late():
    sequencer = empty(PRAGUE)
    sequencer.add_clock(NOON)
    sequencer.add_clock(MIDNIGHT + 3 * SECOND)
    sequencer.add_quote(quote(MIDNIGHT - 1))
    sequencer.add_quote(quote(MIDNIGHT))

    *_, early, on_time = sequencer.take().items
    assert (early.status, on_time.status) == (Status.LATE, Status.VALID)


def test_resets_missed_over_a_gap_are_made_up_for_in_order():
    sequencer = empty(PRAGUE, LONDON)
    sequencer.add_quote(quote(NOON))
    sequencer.add_quote(quote(us("2014-05-03T23:30")))

    resets = [(i.reset, i.day) for i in sequencer.take().items if i.kind == Kind.RESET]
    assert resets == [
        (PRAGUE, date(2014, 5, 2)), (LONDON, date(2014, 5, 2)),
        (PRAGUE, date(2014, 5, 3)), (LONDON, date(2014, 5, 3)),
        (PRAGUE, date(2014, 5, 4)), (LONDON, date(2014, 5, 4)),
    ]  # fmt: skip


def test_a_programme_that_is_new_has_no_resets_of_the_past():
    sequencer = empty(PRAGUE)
    sequencer.add_quote(quote(us("2014-05-01T23:30")))
    sequencer.use_resets([PRAGUE, LONDON])
    sequencer.add_quote(quote(us("2014-05-02T12:00")))
    sequencer.add_quote(quote(us("2014-05-02T23:00")))

    resets = [(i.reset, i.day) for i in sequencer.take().items if i.kind == Kind.RESET]
    assert resets == [(PRAGUE, date(2014, 5, 3)), (LONDON, date(2014, 5, 3))]


def test_a_block_ends_when_it_is_full():
    sequencer = empty()
    for n in range(BLOCK_ITEMS_MAX + 1):
        sequencer.add_quote(quote(NOON + n, 138_000 + n, 138_010 + n))
    batch = sequencer.take()

    (block,) = batch.blocks
    assert (block.first_seq, block.last_seq, block.items) == (1, BLOCK_ITEMS_MAX, BLOCK_ITEMS_MAX)
    assert (block.bounds.bid_min, block.bounds.bid_max) == (138_000, 138_255)
    assert (block.bounds.ask_min, block.bounds.ask_max) == (138_010, 138_265)
    assert block == seal(EURO, batch.items[:-1])


def test_a_reset_ends_every_open_block_with_itself_inside():
    sequencer = empty(PRAGUE)
    sequencer.add_quote(quote(NOON))
    sequencer.add_quote(quote(NOON, symbol="GBP/USD"))
    sequencer.add_quote(quote(MIDNIGHT))

    found = [(b.symbol, b.first_seq, b.last_seq) for b in sequencer.take().blocks]
    assert found == [(EURO, 1, 1), ("GBP/USD", 2, 2), ("clock", 3, 3)]


def test_a_flush_seals_up_to_its_number_and_no_further():
    sequencer = empty()
    for n in range(10):
        sequencer.add_quote(quote(NOON + n))
    sequencer.flush(up_to=4)
    sequencer.flush(up_to=4)
    sequencer.flush()

    found = [(block.first_seq, block.last_seq) for block in sequencer.take().blocks]
    assert found == [(1, 4), (5, 10)]


def test_prices_that_may_not_judge_set_no_bounds():
    sequencer = empty()
    sequencer.add_quote(quote(NOON, 150_000, 1))
    sequencer.flush()
    sequencer.add_quote(quote(NOON + 1))
    sequencer.add_quote(quote(NOON + 2, 150_000, 1))
    sequencer.flush()

    crossed, mixed = sequencer.take().blocks
    assert crossed.bounds is None
    assert (mixed.bounds.bid_max, mixed.bounds.ask_min) == (138_000, 138_010)


def test_the_text_of_a_block_is_one_plain_line_per_item():
    sequencer = empty(PRAGUE)
    sequencer.add_quote(quote(MIDNIGHT - 1))
    sequencer.add_clock(MIDNIGHT + 2 * SECOND)
    items = sequencer.take().items

    assert text(items) == (
        b"1,1398981599999999,quote,138000,138010,valid,0,,\n"
        b"2,1398981600000000,reset,,,,0,00:00 Europe/Prague,2014-05-02\n"
        b"3,1398981602000000,clock,,,,0,,\n"
    )
    assert line(items[0]._replace(synthetic=True)).endswith(",valid,1,,\n")


def test_an_unknown_symbol_is_refused():
    sequencer = empty()
    with pytest.raises(UnknownSymbol, match="no instrument 'EUR/XXX'"):
        sequencer.add_quote(quote(NOON, symbol="EUR/XXX"))


@given(st.data())
def test_stopping_and_going_on_anywhere_makes_the_same_tape(data):
    """Cut a run at any place, load what was committed, go on: items and blocks are the same."""
    count = data.draw(st.integers(1, 600))
    cuts = data.draw(st.sets(st.integers(0, count), max_size=4))
    steps = [
        quote(NOON + n * 90 * SECOND, 138_000 + n % 7, 138_003, data.draw(symbols))
        for n in range(count)
    ]

    whole = empty(PRAGUE)
    for step in steps:
        whole.add_quote(step)
    whole.add_clock(steps[-1].at_us)
    expected = whole.take()

    items, blocks = [], []
    sequencer = empty(PRAGUE)
    for n, step in enumerate(steps):
        if n in cuts:
            batch = sequencer.take()
            items += batch.items
            blocks += batch.blocks
            sequencer = reloaded(items, blocks, batch.resets_until_us)
        sequencer.add_quote(step)
    sequencer.add_clock(steps[-1].at_us)
    batch = sequencer.take()

    assert (*items, *batch.items) == expected.items
    assert (*blocks, *batch.blocks) == expected.blocks


symbols = st.sampled_from(["EUR/USD", "GBP/USD", "XAU/USD"])


def reloaded(items, blocks, resets_until_us):
    """What a new process knows: only what is on the tape."""
    boundaries = [item.at_us for item in items if item.kind == Kind.RESET]
    seen, open_items, sealed = {}, {}, {}
    for block in blocks:
        sealed[block.symbol] = max(sealed.get(block.symbol, 0), block.last_seq)
    for item in items:
        if item.symbol and (item.symbol not in seen or item.at_us >= seen[item.symbol].at_us):
            seen[item.symbol] = Quote(item.at_us, item.symbol, item.bid, item.ask)
        symbol = item.symbol or "clock"
        if item.price_seq > sealed.get(symbol, 0):
            open_items.setdefault(symbol, []).append(item)
    position = Position(
        last_seq=items[-1].price_seq if items else 0,
        clock_us=0,
        boundary_us=max(boundaries, default=0),
        resets_until_us=resets_until_us,
    )
    sequencer = Sequencer(position, seen=seen, open_items=open_items)
    sequencer.use_resets([PRAGUE])
    return sequencer
