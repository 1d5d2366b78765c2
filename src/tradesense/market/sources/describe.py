"""What a price file holds, in numbers a person can check before playing it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from tradesense.kernel.instants import from_us
from tradesense.market.calendars import session_at
from tradesense.market.model import Instrument
from tradesense.market.sources.files import PriceFile, PriceFiles, read_file
from tradesense.market.sources.layouts import PERIODS_US, ZONES
from tradesense.market.sources.rows import Ticks

_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """
    One file, or one pair of bids and asks.

    Counts are of quotes (a bar makes four): `crossed` bid above ask, `locked` bid equal to ask,
    `late` stamped before the one above, `closed` outside the symbol's session, `rounded` with
    more digits than the instrument has. `gaps` are silences within a session of more than
    `stale_after_s`, after which a quote is stale.
    """

    files: tuple[str, ...]
    sha256: tuple[str, ...]
    layout: str
    time_zone: str
    symbol: str
    period: str
    first: datetime
    last: datetime
    rows: int
    quotes: int
    crossed: int
    locked: int
    late: int
    closed: int
    rounded: int
    gaps: int
    longest_gap_s: int
    stale_after_s: int


def describe(files: PriceFiles) -> list[Description]:
    """Describe each file in the order in which it would be played."""
    return [_describe(file, files.seed) for file in files.files]


def _describe(file: PriceFile, seed: int) -> Description:
    what = file.what
    ticks = read_file(file.paths, what, seed)
    silences_us = _silences(ticks, what.instrument)
    stale_us = what.instrument.stale_after_s * _SECOND_US
    sides = list(zip(ticks.bid, ticks.ask, strict=True))
    return Description(
        files=tuple(str(path) for path in file.paths),
        sha256=file.sha256,
        layout=what.layout,
        time_zone=ZONES[what.layout],
        symbol=what.instrument.symbol,
        period=next(name for name, us in PERIODS_US.items() if us == what.period_us),
        first=from_us(file.first_us),
        last=from_us(file.last_us),
        rows=ticks.rows,
        quotes=file.quotes,
        crossed=sum(bid > ask for bid, ask in sides),
        locked=sum(bid == ask for bid, ask in sides),
        late=_late(ticks.at_us),
        closed=sum(session_at(what.instrument, at_us) is None for at_us in ticks.at_us),
        rounded=ticks.rounded,
        gaps=sum(silence_us > stale_us for silence_us in silences_us),
        longest_gap_s=max(silences_us, default=0) // _SECOND_US,
        stale_after_s=what.instrument.stale_after_s,
    )


def _late(moments: Sequence[int]) -> int:
    late = latest = 0
    for at_us in moments:
        late += at_us < latest
        latest = max(latest, at_us)
    return late


def _silences(ticks: Ticks, instrument: Instrument) -> list[int]:
    """Return how long each quote stayed the last one, within one session."""
    moments = sorted(ticks.at_us)
    found = []
    session = None
    for before_us, at_us in pairwise(moments):
        if session is None or not session.open_us <= before_us < session.close_us:
            session = session_at(instrument, before_us)
        if session is not None and at_us < session.close_us:
            found.append(at_us - before_us)
    return found
