"""
The verbs of trading: each asks the engine for something, in the caller's transaction.

Nothing here touches an account: a command is a row, and the engine, the only writer of
accounts, orders, positions and fills, takes it up after that row is committed.
"""

import re
from datetime import datetime
from uuid import UUID

from tradesense import market
from tradesense.infra.db import Transaction
from tradesense.kernel.errors import Conflict, Invalid, NotFound
from tradesense.kernel.ids import derive
from tradesense.kernel.instants import to_us
from tradesense.kernel.money import MINOR_DIGITS
from tradesense.trading import codec, store
from tradesense.trading.model import (
    LEVERAGE_MAX,
    MINOR_MAX,
    PRICE_MAX,
    QTY_MAX,
    SHARE_ALL_PPM,
    AccountSetup,
    CloseRequest,
    OrderRequest,
    OrderType,
    Reason,
    TimeInForce,
)

CLIENT_ORDER_ID = re.compile(r"[!-~]([ -~]{0,126}[!-~])?")  # Alpaca: at most 128 characters


class UnknownAccount(NotFound):
    """There is no such account."""

    code = "trading.unknown_account"


class UnknownOrder(NotFound):
    """The account has no such order."""

    code = "trading.unknown_order"


class DuplicateClientOrderId(Conflict):
    """The account has used this client order id before."""

    code = "trading.duplicate_client_order_id"
    http_status = 422  # as Alpaca answers


async def request_open(tx: Transaction, *, setup: AccountSetup, now: datetime) -> None:
    """Ask for the account of `setup`; asking again changes nothing. Raises Invalid."""
    _check_setup(setup)
    await store.ask(
        tx, account_id=setup.account_id, kind="open", body=codec.as_text(setup), asked_us=to_us(now)
    )


async def request_order(
    tx: Transaction, *, account_id: UUID, order: OrderRequest, now: datetime
) -> UUID:
    """Ask for `order`; return its id. Raises Invalid, UnknownAccount, DuplicateClientOrderId."""
    _check_client_order_id(order.client_order_id)
    _check_order(order)
    return await _ask_named(tx, account_id, kind="order", request=order, now=now)


async def request_close(
    tx: Transaction, *, account_id: UUID, close: CloseRequest, now: datetime
) -> UUID:
    """Ask to close a position, or a part; return the order's id. Raises as `request_order`."""
    _check_client_order_id(close.client_order_id)
    if close.qty is not None and not 0 < close.qty <= QTY_MAX:
        raise Invalid("close a quantity above zero, or leave it out to close everything")
    if close.share_ppm is not None and not 0 < close.share_ppm <= SHARE_ALL_PPM:
        raise Invalid("close a percentage above 0 and up to 100")
    if close.qty is not None and close.share_ppm is not None:
        raise Invalid("close a quantity or a percentage, not both")
    return await _ask_named(tx, account_id, kind="close", request=close, now=now)


async def request_cancel(
    tx: Transaction, *, account_id: UUID, order_id: UUID, now: datetime
) -> None:
    """
    Ask to cancel an order; asking again while the engine has not answered changes nothing.

    Raises UnknownOrder if the account never asked for the order.
    """
    if not await store.has_asked(tx, account_id=account_id, order_id=order_id):
        raise UnknownOrder(f"no order {order_id}")
    if not await store.is_stamped(tx, order_id=order_id, kind="cancel"):
        return
    await store.ask(
        tx,
        account_id=account_id,
        kind="cancel",
        order_id=order_id,
        body="{}",
        asked_us=to_us(now),
    )


async def request_close_account(
    tx: Transaction, *, account_id: UUID, reason: Reason, now: datetime
) -> None:
    """Ask to cancel and flatten everything and close the account for good."""
    await require_account(tx, account_id)
    await store.ask(
        tx,
        account_id=account_id,
        kind="close_account",
        body=f'{{"reason":"{reason.value}"}}',
        asked_us=to_us(now),
    )


async def _ask_named(
    tx: Transaction,
    account_id: UUID,
    *,
    kind: str,
    request: OrderRequest | CloseRequest,
    now: datetime,
) -> UUID:
    """Ask under the client's name for it, once; return the id of the order that follows."""
    await require_account(tx, account_id)
    order_id = derive(account_id, request.client_order_id)
    asked = await store.ask(
        tx,
        account_id=account_id,
        kind=kind,
        order_id=order_id,
        client_order_id=request.client_order_id,
        body=codec.as_text(request),
        asked_us=to_us(now),
    )
    if not asked:
        raise DuplicateClientOrderId("client_order_id must be unique; this one was used before")
    return order_id


async def require_account(tx: Transaction, account_id: UUID) -> None:
    """Raise UnknownAccount unless somebody has asked to open the account."""
    if not await store.is_asked_for(tx, account_id):
        raise UnknownAccount(f"no account {account_id}")


def _check_setup(setup: AccountSetup) -> None:
    """Refuse what the engine could not run: it must never meet it."""
    if not 0 < setup.initial_minor <= MINOR_MAX:
        raise Invalid(f"an account starts with 1 to {MINOR_MAX} minor units")
    if not 0 < setup.leverage <= LEVERAGE_MAX:
        raise Invalid(f"leverage is 1 to {LEVERAGE_MAX}")
    if setup.currency not in MINOR_DIGITS:
        raise Invalid(f"unknown currency {setup.currency!r}; known: {', '.join(MINOR_DIGITS)}")
    names = [guard.name for guard in setup.guards]
    if len(set(names)) != len(names):
        raise Invalid(f"guards need different names, not {', '.join(names)}")
    symbols = [instrument.symbol for instrument in setup.instruments]
    if not symbols or len(set(symbols)) != len(symbols):
        raise Invalid(f"instruments need different symbols, not {', '.join(symbols) or 'none'}")
    market.next_boundary(setup.reset, after_us=0)  # raises BadReset


def _check_client_order_id(text: str) -> None:
    if CLIENT_ORDER_ID.fullmatch(text) is None:
        raise Invalid("client_order_id has 1 to 128 printable ASCII characters")


def _check_order(order: OrderRequest) -> None:
    """Refuse what no state of the account could make right."""
    if not 0 < order.qty <= QTY_MAX:
        raise Invalid(f"qty is above zero and at most {QTY_MAX} units")
    for price, needed, name in (
        (order.limit_price, order.type is OrderType.LIMIT, "limit_price"),
        (order.stop_price, order.type is OrderType.STOP, "stop_price"),
    ):
        if (price is not None) != needed:
            raise Invalid(f"a {order.type} order {'needs' if needed else 'has no'} {name}")
        if price is not None and not 0 < price <= PRICE_MAX:
            raise Invalid(f"{name} is above zero and at most {PRICE_MAX} units")
    if order.type is OrderType.STOP and order.tif in {TimeInForce.IOC, TimeInForce.FOK}:
        raise Invalid("a stop order waits: its time_in_force is gtc or day")
