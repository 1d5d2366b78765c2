"""The nouns of market: what is traded, what it was quoted at, and where that stands on the tape."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from tradesense.kernel.events import Event

# Clock and reset items have no symbol of their own; their blocks are sealed under this name.
CLOCK = "clock"

BLOCK_ITEMS_MAX = 256


class Status(StrEnum):
    """Whether a quote may judge. Only `valid` does; the others are recorded and do nothing."""

    VALID = "valid"  # bid = ask (locked) included
    CROSSED = "crossed"  # bid > ask
    LATE = "late"  # stamped before its symbol's latest quote, or before the latest boundary
    DUPLICATE = "duplicate"  # the very quote before it on its symbol, said again
    CLOSED = "closed"  # stamped outside its symbol's session


class Kind(StrEnum):
    """What a tape item is: a price, a step of the clock, or a programme's local midnight."""

    QUOTE = "quote"
    CLOCK = "clock"
    RESET = "reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """
    What can be traded.

    Prices are whole numbers of 10^-price_digits of `quote`, quantities whole numbers of
    10^-qty_digits of `base`; `min_qty` is such a number, and the step as well.
    """

    symbol: str
    base: str
    quote: str
    price_digits: int
    qty_digits: int
    min_qty: int
    stale_after_s: int
    calendar: str
    asset_class: str  # forex | metal | crypto | index


# Quotes and tape items are tuples: a day has a hundred thousand, and a frozen dataclass takes
# four times as long to make.
class Quote(NamedTuple):
    """What a source says a symbol is worth: `bid` and `ask` in the instrument's price units."""

    at_us: int
    symbol: str
    bid: int
    ask: int
    synthetic: bool = False
    status: Status = Status.VALID


class TapeItem(NamedTuple):
    """One numbered line of the tape. Quotes have a symbol, prices and a status; resets a name."""

    price_seq: int
    kind: Kind
    at_us: int
    symbol: str | None = None
    bid: int | None = None
    ask: int | None = None
    status: Status | None = None
    synthetic: bool = False
    reset: str | None = None  # "00:00 Europe/Prague"
    day: date | None = None  # the local date on which the reset falls


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where the tape stands; 0 where nothing has happened yet."""

    last_seq: int
    clock_us: int  # the latest clock item
    boundary_us: int  # the latest reset item
    resets_until_us: int  # every boundary up to here is on the tape


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """The latest-stamped quote of a symbol, whatever its status, and its latest valid one."""

    seen: TapeItem
    valid: TapeItem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The valid quotes of a block: lowest and highest bid and ask, in price units."""

    bid_min: int
    bid_max: int
    ask_min: int
    ask_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Up to 256 consecutive tape items of one symbol (or of `clock`), and their text's hash."""

    symbol: str
    first_seq: int
    last_seq: int
    items: int
    first_us: int
    last_us: int
    bounds: Bounds | None  # None where no quote is valid
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockText:
    """A sealed block with its exact text: one `line` per item."""

    block: Block
    text: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What the feed commits at once: the next items, and the blocks that they have filled."""

    items: tuple[TapeItem, ...]
    blocks: tuple[Block, ...]
    resets_until_us: int


@dataclass(frozen=True, slots=True)
class PriceBlockSealed(Event):
    """A block was sealed; its prices can no longer change unseen."""

    block: Block


@dataclass(frozen=True, slots=True)
class SourceOpened(Event):
    """The tape took prices from a new source from this number on."""

    source: str
    from_seq: int
    files: tuple[str, ...]  # "sha256 name", in the order given
    seed: int


def line(item: TapeItem) -> str:
    """
    Return the canonical text of `item`, with its line end: what the block's hash is taken of.

    `price_seq,at_us,kind,bid,ask,status,synthetic,reset,day`: numbers in decimal, `synthetic`
    as 1 or 0, `day` as 2014-05-02, and nothing where there is no value.
    """
    seq, kind, at_us, _, bid, ask, status, synthetic, reset, day = item
    if kind == Kind.QUOTE:
        return f"{seq},{at_us},quote,{bid},{ask},{status},{synthetic:d},,\n"
    return f"{seq},{at_us},{kind},,,,{synthetic:d},{reset or ''},{day or ''}\n"
