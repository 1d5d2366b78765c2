"""Orders over HTTP: /v2/orders."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from typing import Annotated, Literal, TypeVar
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from tradesense import market
from tradesense.infra.db import Transaction
from tradesense.infra.runtime import FromRequest, Runtime
from tradesense.kernel.errors import Invalid, Rejected
from tradesense.kernel.ids import derive
from tradesense.kernel.instants import to_us
from tradesense.market.model import Instrument
from tradesense.trading import service, store
from tradesense.trading.alpaca.decimals import parse_decimal, parse_json, parse_units
from tradesense.trading.alpaca.desk import (
    AccountFromRequest,
    answered,
    cancel_taken,
    parse_order_id,
)
from tradesense.trading.alpaca.shapes import Json, instrument_of, named_symbols, order_json
from tradesense.trading.model import (
    OrderRecord,
    OrderRequest,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
)
from tradesense.trading.reads import AccountView
from tradesense.trading.service import UnknownOrder

router = APIRouter(prefix="/v2", tags=["alpaca"])

Kind = TypeVar("Kind", bound=StrEnum)
CANCELS_MAX = 500  # per transaction: a second of work at most
OPEN = (OrderStatus.PENDING_NEW, OrderStatus.NEW)
STATUSES: Mapping[str, tuple[OrderStatus, ...]] = {
    "open": OPEN,
    "closed": tuple(status for status in OrderStatus if status not in OPEN),
    "all": tuple(OrderStatus),
}


class NotCancelable(Rejected):
    """The order has ended."""

    code = "trading.not_cancelable"


@router.post("/orders")
async def submit_order(request: Request, account: AccountFromRequest, runtime: FromRequest) -> Json:
    """Place an order; `client_order_id` makes it safe to send again: 422 says it was taken."""
    fields = parse_json(await request.body())
    if fields.get("notional") is not None:
        fields = await _with_qty(fields, account, runtime)
    order = _parse(fields, account, default_name=str(runtime.new_id()))
    now, account_id = runtime.now(), account.setup.account_id
    order_id = await runtime.db.run(
        lambda tx: service.request_order(tx, account_id=account_id, order=order, now=now),
        key=f"alpaca order {runtime.new_id()}",
    )
    return order_json(account.setup, await answered(runtime, account_id, order_id))


def _parse(
    fields: Mapping[str, object], account: AccountView, *, default_name: str
) -> OrderRequest:
    instrument = _instrument(fields.get("symbol"), account)
    kind = _one_of(OrderType, fields.get("type", "market"), "type")
    for name in ("take_profit", "stop_loss", "trail_price", "trail_percent"):
        if fields.get(name) is not None:
            raise Invalid(f"{name} is not offered; place the exit as an order of its own")
    if fields.get("order_class") not in {None, "", "simple"}:
        raise Invalid("order_class is simple; place exits as orders of their own")
    qty = parse_units(fields.get("qty"), instrument.qty_digits, "qty")
    if qty <= 0:
        raise Invalid("qty is above zero; side says which way")
    prices = {name: _price(fields, name, kind, instrument) for name in _PRICES}
    return OrderRequest(
        client_order_id=_name(fields.get("client_order_id"), default_name),
        symbol=instrument.symbol,
        side=_one_of(Side, fields.get("side"), "side"),
        type=kind,
        tif=_one_of(TimeInForce, fields.get("time_in_force", "gtc"), "time_in_force"),
        qty=qty,
        limit_price=prices["limit_price"],
        stop_price=prices["stop_price"],
    )


_PRICES = {"limit_price": OrderType.LIMIT, "stop_price": OrderType.STOP}


def _price(
    fields: Mapping[str, object], name: str, kind: OrderType, instrument: Instrument
) -> int | None:
    written = fields.get(name)
    if kind is _PRICES[name]:
        return parse_units(written, instrument.price_digits, name)
    if written is not None:
        raise Invalid(f"a {kind} order has no {name}")
    return None


def _instrument(written: object, account: AccountView) -> Instrument:
    found = instrument_of(account.setup, written) if isinstance(written, str) else None
    if found is None:
        known = ", ".join(each.symbol for each in account.setup.instruments)
        raise Invalid(f"unknown symbol {str(written)[:60]!r}; this account trades {known}")
    return found


def _one_of(kinds: type[Kind], written: object, name: str) -> Kind:
    for each in kinds:
        if each.value == written:
            return each
    known = ", ".join(each.value for each in kinds)
    raise Invalid(f"{name} is one of {known}, not {str(written)[:60]!r}")


def _name(written: object, default: str) -> str:
    if written is None or written == "":
        return default
    if not isinstance(written, str):
        raise Invalid("client_order_id is text")
    return written


async def _with_qty(
    fields: Mapping[str, object], account: AccountView, runtime: Runtime
) -> dict[str, object]:
    """Return the fields with `notional` (quote currency) as a quantity at the latest price."""
    instrument = _instrument(fields.get("symbol"), account)
    notional = parse_decimal(fields.get("notional"), "notional")
    if fields.get("qty") is not None:
        raise Invalid("give qty or notional, not both")
    async with runtime.db.reading() as tx:
        latest = (await market.latest_quotes(tx)).get(instrument.symbol)
    price = None if latest is None else latest.ask if fields.get("side") == "buy" else latest.bid
    if price is None:
        raise Invalid(f"{instrument.symbol} has no price yet; give qty instead of notional")
    units = notional.scaleb(instrument.qty_digits + instrument.price_digits) / price
    steps = int(units // instrument.min_qty)
    return {**fields, "qty": Decimal(steps * instrument.min_qty).scaleb(-instrument.qty_digits)}


@router.get("/orders")
async def list_orders(
    account: AccountFromRequest,
    runtime: FromRequest,
    *,
    status: Literal["open", "closed", "all"] = "open",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    after: datetime | None = None,
    until: datetime | None = None,
    direction: Literal["asc", "desc"] = "desc",
    side: Side | None = None,
    symbols: str = "",
) -> list[Json]:
    async with runtime.db.reading() as tx:
        orders = await store.list_orders(
            tx,
            account.setup.account_id,
            statuses=STATUSES[status],
            limit=limit,
            symbols=named_symbols(symbols),
            side=side,
            after_us=_us(after),
            until_us=_us(until),
            is_newest_first=direction == "desc",
        )
    return [order_json(account.setup, order) for order in orders]


def _us(moment: datetime | None) -> int | None:
    """Return a moment in microseconds; one without a zone is meant as UTC."""
    if moment is None:
        return None
    return to_us(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


@router.get("/orders:by_client_order_id")
async def get_order_by_client_id(
    client_order_id: str, account: AccountFromRequest, runtime: FromRequest
) -> Json:
    order_id = derive(account.setup.account_id, client_order_id)
    return order_json(account.setup, await _find(runtime, account, order_id))


@router.get("/orders/{written}")
async def get_order(written: str, account: AccountFromRequest, runtime: FromRequest) -> Json:
    order = await _find(runtime, account, parse_order_id(written))
    return order_json(account.setup, order)


async def _find(runtime: Runtime, account: AccountView, order_id: UUID) -> OrderRecord:
    async with runtime.db.reading() as tx:
        order = await store.find_order(tx, account_id=account.setup.account_id, order_id=order_id)
    if order is None:
        raise UnknownOrder("this account has no such order")
    return order


@router.delete("/orders")
async def cancel_all(account: AccountFromRequest, runtime: FromRequest) -> Response:
    """Ask to cancel every open order; 207 with one status each."""
    orders = await cancel_open(runtime, account)
    answers = [{"id": str(order.order_id), "status": HTTPStatus.OK} for order in orders]
    return JSONResponse(answers, HTTPStatus.MULTI_STATUS)


async def cancel_open(runtime: Runtime, account: AccountView) -> list[OrderRecord]:
    """Ask to cancel every open order; return those there were."""
    account_id = account.setup.account_id
    async with runtime.db.reading() as tx:
        orders = await store.list_orders(tx, account_id, statuses=OPEN, limit=None)
    for first in range(0, len(orders), CANCELS_MAX):
        part = orders[first : first + CANCELS_MAX]
        await runtime.db.run(
            partial(_ask_cancels, account_id=account_id, orders=part, now=runtime.now()),
            key=f"alpaca cancels {runtime.new_id()}",
        )
    if orders:
        # The engine takes commands in the order of their asking: with the last, it has all.
        await cancel_taken(runtime, orders[-1].order_id)
    return orders


async def _ask_cancels(
    tx: Transaction, *, account_id: UUID, orders: Sequence[OrderRecord], now: datetime
) -> None:
    for order in orders:
        await service.request_cancel(tx, account_id=account_id, order_id=order.order_id, now=now)


@router.delete("/orders/{written}")
async def cancel_order(written: str, account: AccountFromRequest, runtime: FromRequest) -> Response:
    """Ask to cancel an order: 204. Answers 404 for none of this account, 422 if it has ended."""
    order = await _find(runtime, account, parse_order_id(written))
    if order.status not in OPEN:
        raise NotCancelable(f"the order is {order.status.value}; it cannot be canceled")
    now, account_id = runtime.now(), account.setup.account_id
    await runtime.db.run(
        lambda tx: service.request_cancel(
            tx, account_id=account_id, order_id=order.order_id, now=now
        ),
        key=f"alpaca cancel {runtime.new_id()}",
    )
    await cancel_taken(runtime, order.order_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)
