"""Our nouns in Alpaca's shapes. Money and quantities are text, moments RFC 3339."""

from uuid import UUID

from tradesense.kernel.ids import derive
from tradesense.kernel.instants import from_us, rfc3339
from tradesense.kernel.money import MINOR_DIGITS
from tradesense.market.model import Instrument
from tradesense.trading.alpaca.decimals import ratio, short, text
from tradesense.trading.model import (
    AccountSetup,
    AccountStatus,
    FillRecord,
    OrderRecord,
    OrderStatus,
)
from tradesense.trading.reads import AccountView, CurvePoint, PositionView

Json = dict[str, object]
CLASS, EXCHANGE = "crypto", "CRYPTO"  # what Alpaca calls a market of pairs that may be shorted
EXTRA_DIGITS = 4  # an average has more digits than a price


def asset_id(symbol: str) -> UUID:
    """Return the id of a symbol; the same everywhere, for ever."""
    return derive("asset", symbol)


def instrument_of(setup: AccountSetup, written: str) -> Instrument | None:
    """Return what a client means: `EUR/USD`, `EURUSD` or the asset's id; None if not traded."""
    name = written.strip().upper()
    for each in setup.instruments:
        known = {each.symbol, each.symbol.replace("/", ""), str(asset_id(each.symbol)).upper()}
        if name in known:
            return each
    return None


def named_symbols(written: str) -> set[str]:
    """Return the symbols of a query like `EUR/USD,btcusd`, in capitals and without slashes."""
    return {name.strip().upper().replace("/", "") for name in written.split(",") if name.strip()}


def account_json(view: AccountView) -> Json:
    digits = MINOR_DIGITS[view.setup.currency]

    def money(minor: int) -> str:
        return text(minor, digits)

    is_active = view.status is AccountStatus.ACTIVE
    long_value = sum(each.value_minor for each in view.positions if each.qty > 0)
    short_value = sum(each.value_minor for each in view.positions if each.qty < 0)
    may_open = is_active and view.halted_for is None
    buying_power = view.free_minor * view.setup.leverage if may_open else 0
    return {
        "id": str(view.setup.account_id),
        "account_number": f"TS{view.setup.account_id.hex[:10].upper()}",
        "status": "ACTIVE" if is_active else "ACCOUNT_CLOSED",
        "crypto_status": "ACTIVE" if is_active else "ACCOUNT_CLOSED",
        "currency": view.setup.currency,
        "cash": money(view.equity_minor - long_value - short_value),
        "equity": money(view.equity_minor),
        "last_equity": money(view.reset_balance_minor),
        "portfolio_value": money(view.equity_minor),
        "long_market_value": money(long_value),
        "short_market_value": money(short_value),
        "position_market_value": money(long_value + short_value),
        "buying_power": money(buying_power),
        "regt_buying_power": money(buying_power),
        "daytrading_buying_power": money(buying_power),
        "non_marginable_buying_power": money(view.free_minor if may_open else 0),
        "options_buying_power": money(0),
        "initial_margin": money(view.margin_minor),
        "maintenance_margin": money(view.margin_minor),
        "last_maintenance_margin": money(0),
        "sma": money(0),
        "accrued_fees": money(0),
        "pending_transfer_in": money(0),
        "pending_transfer_out": money(0),
        "multiplier": str(view.setup.leverage),
        "daytrade_count": 0,
        "pattern_day_trader": False,
        "shorting_enabled": True,
        "trading_blocked": not may_open,
        "transfers_blocked": True,
        "account_blocked": not is_active,
        "trade_suspended_by_user": False,
        "created_at": rfc3339(from_us(view.opened_us)),
        "balance_asof": view.day.isoformat(),
    }


def position_json(setup: AccountSetup, position: PositionView) -> Json:
    instrument = _traded(setup, position.symbol)
    digits = MINOR_DIGITS[setup.currency]
    pnl = text(position.pnl_minor, digits)
    price = text(position.price, instrument.price_digits)
    share = ratio(position.pnl_minor, abs(position.cost_minor), 6)
    entry_digits = instrument.price_digits + EXTRA_DIGITS
    return {
        "asset_id": str(asset_id(position.symbol)),
        "symbol": position.symbol,
        "exchange": EXCHANGE,
        "asset_class": CLASS,
        "asset_marginable": True,
        "avg_entry_price": ratio(
            position.cost, position.qty * 10**instrument.price_digits, entry_digits
        ),
        "qty": short(position.qty, instrument.qty_digits),
        "qty_available": short(position.qty, instrument.qty_digits),
        "side": "long" if position.qty > 0 else "short",
        "market_value": text(position.value_minor, digits),
        "cost_basis": text(position.cost_minor, digits),
        "unrealized_pl": pnl,
        "unrealized_plpc": share,
        "unrealized_intraday_pl": pnl,
        "unrealized_intraday_plpc": share,
        "current_price": price,
        "lastday_price": price,
        "change_today": "0",
    }


def order_json(setup: AccountSetup, order: OrderRecord) -> Json:
    instrument = _traded_or_none(setup, order.symbol)
    price_digits = instrument.price_digits if instrument else 0
    qty = short(order.qty, instrument.qty_digits if instrument else 0)
    is_filled = order.status is OrderStatus.FILLED

    def price(units: int | None) -> str | None:
        return None if units is None else text(units, price_digits)

    def ended(status: OrderStatus) -> str | None:
        return _moment(order.ended_us) if order.status is status else None

    return {
        "id": str(order.order_id),
        "client_order_id": order.client_order_id,
        "created_at": _moment(order.asked_us),
        "updated_at": _moment(order.ended_us or order.taken_us or order.asked_us),
        "submitted_at": _moment(order.asked_us),
        "filled_at": ended(OrderStatus.FILLED),
        "expired_at": ended(OrderStatus.EXPIRED),
        "canceled_at": ended(OrderStatus.CANCELED),
        "failed_at": ended(OrderStatus.REJECTED),
        "replaced_at": None,
        "replaced_by": None,
        "replaces": None,
        "asset_id": str(asset_id(order.symbol)),
        "symbol": order.symbol,
        "asset_class": CLASS,
        "notional": None,
        "qty": qty,
        "filled_qty": qty if is_filled else "0",
        "filled_avg_price": price(order.filled_price),
        "order_class": "simple",
        "order_type": order.type.value,
        "type": order.type.value,
        "side": order.side.value if order.side else "sell",
        "time_in_force": order.tif.value,
        "limit_price": price(order.limit_price),
        "stop_price": price(order.stop_price),
        "status": order.status.value,
        "extended_hours": False,
        "legs": None,
        "trail_percent": None,
        "trail_price": None,
        "hwm": None,
        "commission": "0",
        "reason": None if order.reason is None else order.reason.value,
    }


def asset_json(instrument: Instrument) -> Json:
    step = short(instrument.min_qty, instrument.qty_digits)
    return {
        "id": str(asset_id(instrument.symbol)),
        "class": CLASS,
        "exchange": EXCHANGE,
        "symbol": instrument.symbol,
        "name": f"{instrument.base} / {instrument.quote}",
        "status": "active",
        "tradable": True,
        "marginable": True,
        "shortable": True,
        "easy_to_borrow": True,
        "fractionable": instrument.qty_digits > 0,
        "min_order_size": step,
        "min_trade_increment": step,
        "price_increment": text(1, instrument.price_digits),
        "attributes": [],
    }


def activity_json(setup: AccountSetup, fill: FillRecord) -> Json:
    instrument = _traded(setup, fill.symbol)
    qty = short(abs(fill.qty), instrument.qty_digits)
    return {
        "id": f"{fill.number:018d}::{fill.order_id}",
        "activity_type": "FILL",
        "transaction_time": _moment(fill.at_us),
        "type": "fill",
        "price": text(fill.price, instrument.price_digits),
        "qty": qty,
        "side": "buy" if fill.qty > 0 else "sell",
        "symbol": fill.symbol,
        "leaves_qty": "0",
        "order_id": str(fill.order_id),
        "cum_qty": qty,
        "order_status": "filled",
    }


def history_json(setup: AccountSetup, points: list[CurvePoint]) -> Json:
    """Return the equity curve; Alpaca has numbers here, not text."""
    unit = 10 ** MINOR_DIGITS[setup.currency]
    gains = [point.equity_minor - setup.initial_minor for point in points]
    return {
        "timestamp": [point.at_us // 1_000_000 for point in points],
        "equity": [point.equity_minor / unit for point in points],
        "profit_loss": [gain / unit for gain in gains],
        "profit_loss_pct": [gain / setup.initial_minor for gain in gains],
        "base_value": setup.initial_minor / unit,
        "timeframe": "1Min",
    }


def _moment(us: int | None) -> str | None:
    return None if us is None else rfc3339(from_us(us))


def _traded(setup: AccountSetup, symbol: str) -> Instrument:
    return next(each for each in setup.instruments if each.symbol == symbol)


def _traded_or_none(setup: AccountSetup, symbol: str) -> Instrument | None:
    return next((each for each in setup.instruments if each.symbol == symbol), None)
