"""
What the three traders will do, written before the first price is played. Pure.

The reckless one rides a day's legs the wrong way at full size until the daily floor breaks.
The stubborn one loses a little less than the daily limit, day after day, until the overall
floor breaks. The clairvoyant one rides the right way, just as much as the phase needs.
Sums are estimates (no account state is known here); the margins below absorb their error.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from tradesense.app.story.plot.legs import Leg, by_day, legs
from tradesense.market.model import Instrument, Quote

LEVERAGE_USED_PERCENT = 80  # of what the terms allow: room for the spread and for losses
RECKLESS_GOAL_BP = 560  # of the start: 5 % breaks the daily floor, the rest is for estimates
STUBBORN_DAY_BP = 420  # stays inside the daily 5 %
STUBBORN_LAST_BP = 340  # the last day's loss: below the daily limit, beyond what was left of 10 %
STUBBORN_BEFORE_LAST_BP = 780  # once this much is lost, the next day is the last
CLAIRVOYANT_EXTRA_BP = 60  # above the target: estimates may be off by the spread
TOKEN_BP = 5  # a day that only needs an opening earns about this much
LEGS_A_DAY_MAX = 6
AFTER_US = 2_000  # an exit or a next entry comes this long after what it follows


class Outcome(StrEnum):
    """How a trader's story ends."""

    DAILY_LOSS = "failed: daily loss"
    OVERALL_LOSS = "failed: overall loss"
    FUNDED = "funded"
    RUNNING = "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """What the clairvoyant needs: basis points of the start, and days with an opening."""

    target_bp: int
    days_min: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """What an order may weigh: the start in account minor units, and the leverage."""

    instrument: Instrument
    initial_minor: int
    leverage: int
    account_currency: str

    def units_max(self, quote: Quote) -> int:
        """Return the largest quantity, in the instrument's integer units, that we dare to hold."""
        dollars = self.initial_minor * self.leverage * LEVERAGE_USED_PERCENT // 100 // 100
        one: int = 10**self.instrument.qty_digits
        if self.instrument.base == self.account_currency:
            return dollars * one
        scale: int = 10**self.instrument.price_digits
        return dollars * one * scale // quote.ask

    def minor(self, points: int, units: int, quote: Quote) -> int:
        """Return what `points` per unit on `units` come to, in account minor units; an estimate."""
        one: int = 10**self.instrument.qty_digits
        raw = points * units * 100 // one
        if self.instrument.base == self.account_currency:
            return raw // quote.ask
        scale: int = 10**self.instrument.price_digits
        return raw // scale

    def units_for(self, minor: int, points: int, quote: Quote) -> int:
        """Return the quantity on which `points` come to `minor`, within what we dare."""
        most = self.units_max(quote)
        at_most = self.minor(points, most, quote)
        if at_most <= 0:
            return self.instrument.min_qty
        units = min(most, most * minor // at_most)
        return max(self.instrument.min_qty, units - units % self.instrument.min_qty)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One action: buy or sell `units` at `at_us`; at `limit` if given, else at the market."""

    at_us: int
    trader: str
    buy: bool
    units: int
    limit: int | None = None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A trader's orders in time order, and the end they should lead to."""

    trader: str
    orders: tuple[Order, ...]
    expected: Outcome


def write(
    quotes: Sequence[Quote], *, sizing: Sizing, zone: str, phases: Sequence[Phase]
) -> tuple[Script, ...]:
    """Return the three scripts for one symbol's valid, in-session `quotes` in time order."""
    days = [(day, legs(of_day)) for day, of_day in by_day(quotes, zone=zone)]
    return (reckless(days, sizing), stubborn(days, sizing), clairvoyant(days, sizing, phases))


def reckless(days: Sequence[tuple[date, list[Leg]]], sizing: Sizing) -> Script:
    """Break the daily floor on the first day whose legs are long enough."""
    goal = sizing.initial_minor * RECKLESS_GOAL_BP // 10_000
    for _, of_day in days:
        chosen, lost = _losing(of_day, goal, sizing)
        if lost >= goal:
            orders = tuple(_ride_wrong("reckless", chosen, sizing, keep_last=True))
            return Script(trader="reckless", orders=orders, expected=Outcome.DAILY_LOSS)
    longest = max(days, key=lambda day: sum(leg.wrong_points() for leg in day[1]), default=None)
    chosen = [] if longest is None else _losing(longest[1], goal, sizing)[0]
    orders = tuple(_ride_wrong("reckless", chosen, sizing, keep_last=False))
    return Script(trader="reckless", orders=orders, expected=Outcome.RUNNING)


def stubborn(days: Sequence[tuple[date, list[Leg]]], sizing: Sizing) -> Script:
    """Lose a bearable part every day until the overall floor breaks."""
    orders: list[Order] = []
    lost = 0
    for _, of_day in days:
        last = lost >= sizing.initial_minor * STUBBORN_BEFORE_LAST_BP // 10_000
        goal = sizing.initial_minor * (STUBBORN_LAST_BP if last else STUBBORN_DAY_BP) // 10_000
        chosen, _ = _losing(of_day, goal, sizing)
        of_today = 0
        for index, leg in enumerate(chosen):
            rest = goal - of_today
            units = sizing.units_for(rest, leg.wrong_points(), leg.start)
            lost_here = sizing.minor(leg.wrong_points(), units, leg.start)
            if lost_here > goal:
                continue  # a leap: the smallest order there is would lose too much
            of_today += lost_here
            keep = last and index == len(chosen) - 1
            orders += _trip("stubborn", leg, units, right=False, keep=keep)
        lost += of_today
        if last and of_today >= goal * 9 // 10:
            return Script(trader="stubborn", orders=tuple(orders), expected=Outcome.OVERALL_LOSS)
    return Script(trader="stubborn", orders=tuple(orders), expected=Outcome.RUNNING)


def clairvoyant(
    days: Sequence[tuple[date, list[Leg]]], sizing: Sizing, phases: Sequence[Phase]
) -> Script:
    """Earn each phase's target over its minimum of days, and no more than it needs."""
    orders: list[Order] = []
    todo = list(phases)
    profit, opened = 0, 0
    for _, of_day in days:
        legs_left = [leg for leg in of_day if leg.right_points() > 0]
        while legs_left and todo:
            goal = _goal(todo[0], sizing, profit=profit, days_opened=opened)
            chosen = _winning(legs_left, goal, sizing)
            earned = 0
            for leg in chosen:
                points = leg.right_points()
                units = sizing.units_for(max(goal - earned, 1), points, leg.start)
                earned += sizing.minor(points, units, leg.start)
                orders += _trip("clairvoyant", leg, units, right=True, keep=False)
            profit, opened = profit + earned, opened + 1
            full = profit >= _needed(todo[0], sizing)
            if not (full and opened >= todo[0].days_min):
                break
            legs_left = [leg for leg in legs_left if leg.start.at_us > chosen[-1].end.at_us]
            todo.pop(0)
            profit, opened = 0, 0
    expected = Outcome.RUNNING if todo else Outcome.FUNDED
    return Script(trader="clairvoyant", orders=tuple(orders), expected=expected)


def _needed(phase: Phase, sizing: Sizing) -> int:
    return sizing.initial_minor * (phase.target_bp + CLAIRVOYANT_EXTRA_BP // 2) // 10_000


def _goal(phase: Phase, sizing: Sizing, *, profit: int, days_opened: int) -> int:
    """Return what to earn today, in minor units: an even share of what the phase still needs."""
    needed = sizing.initial_minor * (phase.target_bp + CLAIRVOYANT_EXTRA_BP) // 10_000 - profit
    share = needed // max(1, phase.days_min - days_opened)
    return max(share, sizing.initial_minor * TOKEN_BP // 10_000)


def _losing(of_day: Sequence[Leg], goal: int, sizing: Sizing) -> tuple[list[Leg], int]:
    """Return the longest legs, in time order, that at full size lose `goal`, and what they lose."""
    chosen: list[Leg] = []
    lost = 0
    for leg in sorted(of_day, key=lambda leg: -leg.wrong_points())[:LEGS_A_DAY_MAX]:
        if lost >= goal:
            break
        chosen.append(leg)
        lost += sizing.minor(leg.wrong_points(), sizing.units_max(leg.start), leg.start)
    return sorted(chosen, key=lambda leg: leg.start.at_us), lost


def _winning(of_day: Sequence[Leg], goal: int, sizing: Sizing) -> list[Leg]:
    """Return the longest legs, in time order, that at full size earn `goal` (or all we may)."""
    chosen: list[Leg] = []
    earned = 0
    for leg in sorted(of_day, key=lambda leg: -leg.right_points())[:LEGS_A_DAY_MAX]:
        if earned >= goal:
            break
        chosen.append(leg)
        earned += sizing.minor(leg.right_points(), sizing.units_max(leg.start), leg.start)
    return sorted(chosen, key=lambda leg: leg.start.at_us)


def _ride_wrong(
    trader: str, chosen: Sequence[Leg], sizing: Sizing, *, keep_last: bool
) -> Iterator[Order]:
    for index, leg in enumerate(chosen):
        keep = keep_last and index == len(chosen) - 1
        yield from _trip(trader, leg, sizing.units_max(leg.start), right=False, keep=keep)


def _trip(trader: str, leg: Leg, units: int, *, right: bool, keep: bool) -> Iterator[Order]:
    """Enter at the leg's start; leave at its end: right by a limit, wrong at the market."""
    buy = leg.up is right
    way = "with" if right else "against"
    yield Order(at_us=leg.start.at_us, trader=trader, buy=buy, units=units, why=f"{way} the leg")
    if keep:
        return
    if right:
        limit = leg.end.bid if buy else leg.end.ask
        yield Order(
            at_us=leg.start.at_us + AFTER_US, trader=trader, buy=not buy, units=units,
            limit=limit, why="take the leg's end",
        )  # fmt: skip
    else:
        yield Order(
            at_us=leg.end.at_us, trader=trader, buy=not buy, units=units, why="give up the leg"
        )
