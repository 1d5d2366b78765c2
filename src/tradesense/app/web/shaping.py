"""From what the modules know to what the page says. Pure; integers until the last step."""

from collections.abc import Sequence
from datetime import datetime

from tradesense import market, trading
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
from tradesense.challenges.model import Challenge, Outcome, Verdict
from tradesense.kernel.instants import from_us, to_us
from tradesense.market.model import Instrument
from tradesense.trading.model import (
    AccountStatus,
    BelowResetBalance,
    Comparison,
    FillRecord,
    Guard,
    OrderRecord,
    Reason,
)

VALID = {"gtc": "until cancelled", "day": "until the reset", "ioc": "at once", "fok": "at once"}


def account_view(
    challenge: Challenge,
    account: trading.AccountView,
    verdict: Verdict | None,
    *,
    orders: Sequence[OrderRecord],
    fills: Sequence[FillRecord],
    now: datetime,
) -> AccountView:
    """Return the page's view of an account at the moment `now` of the platform's clock."""
    setup = account.setup
    instruments = {each.symbol: each for each in setup.instruments}
    status, tone = _status(account)
    target = setup.target
    reset_at_us = market.next_boundary(setup.reset, after_us=to_us(now)).at_us
    return AccountView(
        account_id=setup.account_id,
        plan=f"{challenge.plan} · {money(setup.initial_minor)} {setup.currency}",
        phase=phase_name(setup.phase),
        status=status,
        tone=tone,
        currency=setup.currency,
        equity_minor=account.equity_minor,
        balance_minor=account.balance_minor,
        today_minor=account.equity_minor - account.reset_balance_minor,
        target_minor=None if target is None else setup.initial_minor + target.profit_minor,
        floors=_floors(account),
        objectives=_objectives(account, verdict),
        positions=tuple(_position(each, instruments[each.symbol]) for each in account.positions),
        orders=tuple(_order(each, instruments.get(each.symbol)) for each in orders),
        fills=tuple(_fill(each, instruments[each.symbol]) for each in reversed(fills)),
        happened=None if verdict is None else _happened(account, verdict),
        reset_at_ms=reset_at_us // 1000,
        reset_text=f"{setup.reset} ({from_us(reset_at_us):%H:%M} UTC)",
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


def _status(account: trading.AccountView) -> tuple[str, str]:
    ended = {Reason.BREACHED: ("failed", "bad"), Reason.PASSED: ("passed", "good")}
    if account.status is AccountStatus.ACTIVE:
        return "active", "good"
    if account.ended_for in ended:
        return ended[account.ended_for]
    return str(account.status), "plain"


def _permitted_minor(guard: Guard, initial_minor: int) -> int:
    if isinstance(guard.recipe, BelowResetBalance):
        return guard.recipe.amount_minor
    return initial_minor - guard.recipe.floor_minor


def _floors(account: trading.AccountView) -> tuple[FloorView, ...]:
    guards = {each.name: each for each in account.setup.guards}
    return tuple(
        FloorView(
            kind="daily" if isinstance(guards[each.guard].recipe, BelowResetBalance) else "overall",
            label=each.guard.capitalize(),
            floor_minor=each.floor_minor,
            room_minor=max(0, account.equity_minor - each.floor_minor),
            permitted_minor=_permitted_minor(guards[each.guard], account.setup.initial_minor),
        )
        for each in account.floors
    )


def _objectives(account: trading.AccountView, verdict: Verdict | None) -> tuple[ObjectiveView, ...]:
    found = []
    target = account.setup.target
    if target is not None:
        closed = account.balance_minor - account.setup.initial_minor
        missing = max(0, target.profit_minor - closed)
        found.append(
            ObjectiveView(
                label="Profit target",
                said=f"closed profit {money(closed)} of {money(target.profit_minor)}",
                distance=f"{money(missing)} to go" if missing else "reached",
                state="open" if missing else "met",
            )
        )
        days = max(0, target.days_min - account.days_opened)
        found.append(
            ObjectiveView(
                label="Trading days",
                said=f"{account.days_opened} of {target.days_min} days with an opening",
                distance=f"{days} to go" if days else "reached",
                state="open" if days else "met",
            )
        )
    broken = verdict.rule if verdict is not None and verdict.outcome is Outcome.FAILED else ""
    for floor in account.floors:
        never = "never below" if floor.comparison is Comparison.BELOW else "always above"
        is_broken = floor.guard == broken
        found.append(
            ObjectiveView(
                label=floor.guard.capitalize(),
                said=f"{floor.measure} {never} {money(floor.floor_minor)}",
                distance="broken" if is_broken else "kept",
                state="broken" if is_broken else "met",
            )
        )
    return tuple(found)


def _happened(account: trading.AccountView, verdict: Verdict) -> Happened:
    when = f"{verdict.decided_at:%Y-%m-%d %H:%M:%S} UTC"
    if verdict.outcome is Outcome.PASSED:
        needed = account.setup.target.days_min if account.setup.target else 0
        return Happened(
            title=f"{phase_name(verdict.phase)} passed",
            said=f"At {when}, price {verdict.price_seq:,} of the tape, with everything flat.",
            tone="good",
            arithmetic=(
                ("Closed profit", money(verdict.actual_minor)),
                ("Profit target", money(verdict.limit_minor)),
                ("Trading days", f"{account.days_opened} of {needed}"),
            ),
        )
    guard = next(each for each in account.setup.guards if each.name == verdict.rule)
    permitted = _permitted_minor(guard, account.setup.initial_minor)
    daily = isinstance(guard.recipe, BelowResetBalance)
    return Happened(
        title=f"{phase_name(verdict.phase)} failed: {verdict.rule}",
        said=f"At {when}, price {verdict.price_seq:,} of the tape took the equity below its floor.",
        tone="bad",
        arithmetic=(
            (
                "Balance at the reset" if daily else "Initial balance",
                money(verdict.limit_minor + permitted),
            ),
            ("Permitted loss", money(permitted)),
            ("Floor", money(verdict.limit_minor)),
            ("Equity on that price", money(verdict.actual_minor)),
            ("Below the floor by", money(verdict.limit_minor - verdict.actual_minor)),
        ),
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
