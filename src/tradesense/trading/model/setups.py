"""What an account is set up with: its money, its limits, its target, what it may trade."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal
from uuid import UUID

from tradesense.market.model import Instrument

# A billion dollars at 1:1000, and a price that jumps a hundred thousandfold, fit into 64 bits.
MINOR_MAX = 10**11
LEVERAGE_MAX = 1_000

# Rules that the terms seal and the engine follows: how long a market order waits for a fresh
# quote, and a breach for the first quote of a session from a symbol that is held.
ORDER_WAIT_S = 10
REOPENING_WAIT_S = 60


class Measure(StrEnum):
    """What a guard tests."""

    EQUITY = "equity"
    BALANCE = "balance"


class Comparison(StrEnum):
    """When a tested value crosses its floor."""

    BELOW = "below"
    AT_OR_BELOW = "at_or_below"


class Effect(StrEnum):
    """What a crossed guard does."""

    FAIL = "fail"


class OnCashFlow(StrEnum):
    """
    What a withdrawal, or its coming back, does to a floor.

    SHIFT: a floor that follows the reset balance moves by the amount until the next reset; a
    static one stays. KEEP: neither moves. FLOOR_TO_INITIAL: the floor is the initial balance
    while anything is withdrawn.
    """

    SHIFT = "shift"
    KEEP = "keep"
    FLOOR_TO_INITIAL = "floor_to_initial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Static:
    """A floor that never moves."""

    floor_minor: int
    kind: Literal["static"] = "static"


@dataclass(frozen=True, slots=True, kw_only=True)
class BelowResetBalance:
    """A floor `amount_minor` below the balance at the last reset (at first: the opening's)."""

    amount_minor: int
    kind: Literal["below_reset_balance"] = "below_reset_balance"


Recipe = Static | BelowResetBalance


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A loss limit, compiled from sealed terms. `name` is unique within its account."""

    name: str
    measure: Measure
    recipe: Recipe
    comparison: Comparison
    effect: Effect = Effect.FAIL
    on_cash_flow: OnCashFlow = OnCashFlow.SHIFT


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Closed profit to reach with everything flat, after `days_min` days with an opening."""

    profit_minor: int
    days_min: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSetup:
    """
    Everything the engine needs to run one account; fixed for its life.

    `reset` is the local time and IANA zone at which its day ends ("00:00 Europe/Prague").
    The conversion symbol of a quote currency follows from `instruments`: see
    `engine.arithmetic.conversion`.
    """

    account_id: UUID
    challenge_id: UUID
    phase: str
    currency: str
    initial_minor: int
    leverage: int
    instruments: tuple[Instrument, ...]
    guards: tuple[Guard, ...]
    target: Target | None
    reset: str
    terms_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """How one quote currency becomes account currency: by `symbol`, or by its inverse."""

    symbol: str
    inverted: bool
    price_digits: int
