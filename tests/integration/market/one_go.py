"""The tape that a feed makes which nothing ever stops: the sequencer alone, in memory."""

from tradesense.kernel.instants import to_us
from tradesense.market.model import Position
from tradesense.market.tape.sequencer import Sequencer


def in_one_go(source, *moments):
    """Return the batch of `source` under a clock that steps to each of `moments`."""
    nothing = Position(last_seq=0, clock_us=0, boundary_us=0, resets_until_us=0)
    sequencer = Sequencer(nothing, seen={}, open_items={})
    quotes = list(source.quotes())
    for moment in moments:
        due = [quote for quote in quotes if quote.at_us <= to_us(moment)]
        del quotes[: len(due)]
        for quote in due:
            sequencer.add_quote(quote)
        sequencer.add_clock(to_us(moment))
    sequencer.flush()
    return sequencer.take()
