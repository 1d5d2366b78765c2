"""What the live page shows, as plain values; money in minor units of the account's currency."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from tradesense.kernel.money import MINOR_DIGITS


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTab:
    """One account of the person, for the way between them."""

    account_id: UUID
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorView:
    """A loss limit as it stands. `kind` is `daily` or `overall` and chooses the colour."""

    kind: str
    label: str
    floor_minor: int
    room_minor: int  # equity above the floor; 0 once it is crossed
    permitted_minor: int  # the room at the reference

    @property
    def share(self) -> float:
        """Return how much of the permitted loss is left, 0 to 1."""
        if self.permitted_minor == 0:
            return 0.0
        return max(0.0, min(1.0, self.room_minor / self.permitted_minor))


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveView:
    """Something to reach or to keep. `state`: met, open or broken."""

    label: str
    said: str
    distance: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionView:
    symbol: str
    side: str  # long or short
    qty: str
    entry: str
    price: str
    profit_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    order_id: UUID
    symbol: str
    side: str
    type: str
    qty: str
    price: str
    valid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FillView:
    number: int
    at: str
    symbol: str
    side: str
    qty: str
    price: str
    price_seq: int
    realised_minor: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """How the account ended: in one sentence, then the sums that anyone can redo."""

    title: str
    said: str
    tone: str  # good or bad
    arithmetic: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One dot of the chart."""

    at_us: int
    equity_minor: int
    balance_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """Everything on the page but the past of the chart."""

    account_id: UUID
    plan: str
    phase: str
    status: str
    tone: str  # good, bad or plain
    currency: str
    equity_minor: int
    balance_minor: int
    today_minor: int  # equity against the balance at the last reset
    target_minor: int | None
    floors: tuple[FloorView, ...]
    objectives: tuple[ObjectiveView, ...]
    positions: tuple[PositionView, ...]
    orders: tuple[OrderView, ...]
    fills: tuple[FillView, ...]
    happened: Happened | None
    reset_at_ms: int
    reset_text: str
    now_us: int  # of the latest price the engine has used
    clock_ms: int  # of the platform's clock

    @property
    def title(self) -> str:
        return f"{self.phase}, {self.status}"

    @property
    def open_minor(self) -> int:
        return self.equity_minor - self.balance_minor

    @property
    def _nearest(self) -> FloorView:
        return min(self.floors, key=lambda floor: floor.room_minor)

    @property
    def room_minor(self) -> int:
        """Return what may still be lost before the first floor is crossed."""
        return self._nearest.room_minor

    @property
    def room_share(self) -> float:
        return self._nearest.share

    @property
    def tightest(self) -> str:
        return self._nearest.label.lower()

    def limits(self) -> list[Mapping[str, object]]:
        """Return the horizontal lines of the chart, in major units."""
        lines = [(each.kind, each.label, each.floor_minor) for each in self.floors]
        if self.target_minor is not None:
            lines.append(("target", "Target", self.target_minor))
        return [
            {"kind": kind, "label": label, "value": major(minor, self.currency)}
            for kind, label, minor in lines
        ]

    def point(self) -> Point:
        return Point(
            at_us=self.now_us, equity_minor=self.equity_minor, balance_minor=self.balance_minor
        )


def major(minor: int, currency: str) -> float:
    """Return minor units as a number for a chart's pixels; never for a decision."""
    digits: int = MINOR_DIGITS[currency]
    return float(minor / 10**digits)


def dot(point: Point, currency: str) -> dict[str, object]:
    """Return a point as the chart reads it; its time axis counts in seconds."""
    return {
        "time": point.at_us // 1_000_000,
        "equity": major(point.equity_minor, currency),
        "balance": major(point.balance_minor, currency),
    }
