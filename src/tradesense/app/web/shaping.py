"""From what the modules know to what the page says. Pure; integers until the last step."""

from collections.abc import Sequence
from datetime import datetime

from tradesense import trading
from tradesense.app.web.rendering import money
from tradesense.app.web.view import (
    AccountView,
    FillView,
    FloorView,
    Happened,
    ObjectiveView,
    OrderView,
    PositionView,
)
from tradesense.challenges import FloorStanding, Standing
from tradesense.challenges.model import Outcome, Reference
from tradesense.kernel.instants import from_us, to_us
from tradesense.market.model import Instrument
from tradesense.trading.model import FillRecord, OrderRecord

TONES = {
    "running": "good",
    "passed": "good",
    "failed": "bad",
    "revoked": "bad",
}
VALID = {"gtc": "until cancelled", "day": "until the reset", "ioc": "at once", "fok": "at once"}


def account_view(
    standing: Standing,
    account: trading.AccountView,
    *,
    title: str,
    orders: Sequence[OrderRecord],
    fills: Sequence[FillRecord],
    now: datetime,
) -> AccountView:
    """Return the page's view of an account at the moment `now` of the platform's clock."""
    instruments = {each.symbol: each for each in account.setup.instruments}
    target, reset_at = standing.target, standing.next_reset_at
    return AccountView(
        account_id=standing.account_id,
        plan=title,
        phase=phase_name(standing.phase),
        status=standing.status if standing.why is None else f"{standing.status} ({standing.why})",
        tone=TONES.get(standing.status, "plain"),
        currency=standing.currency,
        equity_minor=standing.equity_minor,
        balance_minor=standing.balance_minor,
        today_minor=standing.equity_minor - account.reset_balance_minor - account.cash_today_minor,
        target_minor=None if target is None else standing.initial_minor + target.target_minor,
        floors=tuple(_floor(each) for each in standing.floors),
        objectives=_objectives(standing),
        positions=tuple(_position(each, instruments[each.symbol]) for each in account.positions),
        orders=tuple(_order(each, instruments.get(each.symbol)) for each in orders),
        fills=tuple(_fill(each, instruments[each.symbol]) for each in reversed(fills)),
        happened=_happened(standing),
        reset_at_ms=to_us(reset_at) // 1000,
        reset_text=f"{standing.reset} ({reset_at:%H:%M} UTC)",
        now_us=account.at_us,
        clock_ms=to_us(now) // 1000,
    )


def phase_name(phase: str) -> str:
    """Return `Phase 1` for `phase-1`, `Funded` for `funded`."""
    return phase.replace("-", " ").capitalize()


def decimal(number: int, digits: int, *, shown_min: int | None = None) -> str:
    """Return `number` in 10^-`digits` with thousands; zeros beyond `shown_min` digits are cut."""
    whole, part = divmod(abs(number), 10**digits)
    shown = f"{part:0{digits}d}" if digits else ""
    if shown_min is not None:
        shown = shown[:shown_min] + shown[shown_min:].rstrip("0")
    sign = "−" if number < 0 else ""  # noqa: RUF001 -- a true minus sign
    return f"{sign}{whole:,}{'.' if shown else ''}{shown}"


def _floor(floor: FloorStanding) -> FloorView:
    moves = floor.reference is not Reference.INITIAL
    return FloorView(
        kind="daily" if moves else "overall",
        label=floor.name.capitalize(),
        floor_minor=floor.floor_minor,
        room_minor=max(0, floor.room_minor),
        permitted_minor=floor.permitted_minor,
    )


def _objectives(standing: Standing) -> tuple[ObjectiveView, ...]:
    found = []
    target, days = standing.target, standing.days
    if target is not None:
        far = f"{money(target.missing_minor)} to go" if target.missing_minor else "reached"
        closed = f"{money(target.profit_minor)} of {money(target.target_minor)} closed"
        state = "open" if target.missing_minor else "met"
        found.append(ObjectiveView(label="Profit target", said=closed, distance=far, state=state))
        missing = max(0, days.needed - days.counted)
        found.append(
            ObjectiveView(
                label="Trading days",
                said=f"{days.counted} of {days.needed} days with an opening",
                distance=f"{missing} to go" if missing else "reached",
                state="open" if missing else "met",
            )
        )
    verdict = standing.verdict
    broken = verdict.rule if verdict is not None and verdict.outcome is Outcome.FAILED else ""
    for floor in standing.floors:
        is_broken = floor.name == broken
        found.append(
            ObjectiveView(
                label=floor.name.capitalize(),
                said=f"keep the floor of {money(floor.floor_minor)}",
                distance="broken" if is_broken else "kept",
                state="broken" if is_broken else "met",
            )
        )
    return tuple(found)


def _happened(standing: Standing) -> Happened | None:
    verdict = standing.verdict
    if verdict is None:
        return None
    failed = verdict.outcome is Outcome.FAILED
    return Happened(
        title=f"{phase_name(verdict.phase)} {verdict.outcome}: {verdict.rule}",
        said=f"Decided at {verdict.decided_at:%Y-%m-%d %H:%M:%S} UTC "
        f"on price {verdict.price_seq:,} of the tape.",
        tone="bad" if failed else "good",
        arithmetic=standing.arithmetic,
    )


def _position(held: trading.PositionView, instrument: Instrument) -> PositionView:
    return PositionView(
        symbol=held.symbol,
        side="long" if held.qty > 0 else "short",
        qty=decimal(abs(held.qty), instrument.qty_digits, shown_min=0),
        entry=decimal(round(held.cost / held.qty), instrument.price_digits),
        price=decimal(held.price, instrument.price_digits),
        profit_minor=held.pnl_minor,
    )


def _order(order: OrderRecord, instrument: Instrument | None) -> OrderView:
    at = order.limit_price or order.stop_price
    digits = (instrument.qty_digits, instrument.price_digits) if instrument else (0, 0)
    return OrderView(
        order_id=order.order_id,
        symbol=order.symbol,
        side=str(order.side or "close"),
        type=str(order.type),
        qty=decimal(order.qty, digits[0], shown_min=0),
        price="market" if at is None else decimal(at, digits[1]),
        valid=VALID[order.tif],
    )


def _fill(fill: FillRecord, instrument: Instrument) -> FillView:
    ordered = "opened" if fill.opening else "closed"
    return FillView(
        number=fill.number,
        at=f"{from_us(fill.at_us):%Y-%m-%d %H:%M:%S}",
        symbol=fill.symbol,
        side="buy" if fill.qty > 0 else "sell",
        qty=decimal(abs(fill.qty), instrument.qty_digits, shown_min=0),
        price=decimal(fill.price, instrument.price_digits),
        price_seq=fill.price_seq,
        realised_minor=fill.realised_minor,
        why=ordered if fill.liquidation is None else f"liquidation: {fill.liquidation}",
    )
