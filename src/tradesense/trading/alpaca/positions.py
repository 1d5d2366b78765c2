"""Positions over HTTP: /v2/positions. A symbol may hold a raw slash: clients send EUR/USD so."""

from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from tradesense.infra.runtime import FromRequest, Runtime
from tradesense.kernel.errors import Invalid, NotFound
from tradesense.trading import service
from tradesense.trading.alpaca.decimals import parse_decimal, parse_units
from tradesense.trading.alpaca.desk import AccountFromRequest, OrderRefused, answered
from tradesense.trading.alpaca.orders import cancel_open
from tradesense.trading.alpaca.shapes import Json, instrument_of, order_json, position_json
from tradesense.trading.model import CloseRequest, OrderRecord
from tradesense.trading.reads import AccountView, PositionView

router = APIRouter(prefix="/v2/positions", tags=["alpaca"])

PPM_PER_PERCENT = 10_000
REFUSED = 40310000  # Alpaca's number for a refusal, as single closes get it


class NoPosition(NotFound):
    """The account holds nothing of that symbol."""

    code = "trading.no_position"


@router.get("")
async def list_positions(account: AccountFromRequest) -> list[Json]:
    return [position_json(account.setup, each) for each in account.positions]


@router.get("/{written:path}")
async def get_position(written: str, account: AccountFromRequest) -> Json:
    return position_json(account.setup, _held(account, written))


@router.delete("")
async def close_all(
    account: AccountFromRequest, runtime: FromRequest, *, cancel_orders: bool = False
) -> Response:
    """Close every position; 207 with one status each."""
    if cancel_orders:
        await cancel_open(runtime, account)
    answers = [await _close_one(runtime, account, each) for each in account.positions]
    return JSONResponse(answers, HTTPStatus.MULTI_STATUS)


async def _close_one(runtime: Runtime, account: AccountView, held: PositionView) -> Json:
    close = CloseRequest(client_order_id=_new_name(runtime), symbol=held.symbol)
    order_id = await _ask_close(runtime, account, close)
    try:
        order = await answered(runtime, account.setup.account_id, order_id)
    except OrderRefused as refused:
        body: Json = {"code": REFUSED, "message": str(refused), "symbol": held.symbol}
        return {"symbol": held.symbol, "status": refused.http_status, "body": body}
    return {
        "symbol": held.symbol,
        "order_id": str(order_id),
        "status": HTTPStatus.OK,
        "body": _shown(account, held, order),
    }


@router.delete("/{written:path}")
async def close_position(
    written: str,
    account: AccountFromRequest,
    runtime: FromRequest,
    qty: str | None = None,
    percentage: str | None = None,
) -> Json:
    """Close a position, `qty` of it, or a percentage of it; the answer is the closing order."""
    held = _held(account, written)
    instrument = instrument_of(account.setup, held.symbol)
    if qty is not None and percentage is not None:
        raise Invalid("give qty or percentage, not both")
    digits = instrument.qty_digits if instrument else 0
    close = CloseRequest(
        client_order_id=_new_name(runtime),
        symbol=held.symbol,
        qty=None if qty is None else parse_units(qty, digits, "qty"),
        share_ppm=None if percentage is None else _ppm(percentage),
    )
    order_id = await _ask_close(runtime, account, close)
    order = await answered(runtime, account.setup.account_id, order_id)
    return _shown(account, held, order)


def _held(account: AccountView, written: str) -> PositionView:
    instrument = instrument_of(account.setup, written)
    for each in account.positions:
        if instrument is not None and each.symbol == instrument.symbol:
            return each
    raise NoPosition(f"there is no open position in {written[:60]}")


def _ppm(percentage: str) -> int:
    return int(parse_decimal(percentage, "percentage") * PPM_PER_PERCENT)


def _new_name(runtime: Runtime) -> str:
    return f"close {runtime.new_id()}"


async def _ask_close(runtime: Runtime, account: AccountView, close: CloseRequest) -> UUID:
    now, account_id = runtime.now(), account.setup.account_id
    return await runtime.db.run(
        lambda tx: service.request_close(tx, account_id=account_id, close=close, now=now),
        key=f"alpaca {close.client_order_id}",
    )


def _shown(account: AccountView, held: PositionView, order: OrderRecord) -> Json:
    """Return the order; while the engine has not taken it, its side follows from the position."""
    shown = order_json(account.setup, order)
    if order.side is None:
        shown["side"] = "sell" if held.qty > 0 else "buy"
    return shown
