"""What every route of the trading API starts with: whose account it is, and the engine's answer."""

import asyncio
import time
from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from fastapi import Depends

from tradesense.identity.caller import CallerFromRequest
from tradesense.infra.runtime import FromRequest, Runtime
from tradesense.kernel.errors import Forbidden, Invalid, NotFound, Rejected
from tradesense.trading import reads, store
from tradesense.trading.model import ORDER_WAIT_S, OrderRecord, OrderStatus, Reason
from tradesense.trading.reads import AccountView

ANSWER_WITHIN_S = 0.05  # for a refusal to be the answer itself; afterwards the order is pending
_FIRST_LOOK_S, _LOOK_MAX_S = 0.003, 0.012


class NoAccount(NotFound):
    """The key's challenge has no account (yet)."""

    code = "trading.no_account"


class NeedsKey(Forbidden):
    """A person may have several accounts; an API key names one."""

    code = "trading.needs_key"


class OrderRefused(Rejected):
    """The engine did not take the order."""

    code = "trading.order_refused"

    def __init__(self, reason: Reason) -> None:
        super().__init__(SAID.get(reason, f"the order was refused: {reason.value}"))
        self.http_status = 422 if reason in UNPROCESSABLE else 403


UNPROCESSABLE = {
    Reason.UNKNOWN_SYMBOL,
    Reason.BAD_QUANTITY,
    Reason.BAD_PRICE,
    Reason.NO_CONVERSION,
}
SAID: Mapping[Reason, str] = {
    Reason.NOT_ACTIVE: "this account has ended; it takes no orders",
    Reason.UNKNOWN_SYMBOL: "this account does not trade that symbol; GET /v2/assets lists them",
    Reason.BAD_QUANTITY: "the quantity is no multiple of the smallest one, or more than there is",
    Reason.BAD_PRICE: "the price does not fit the order's type, or is out of bounds",
    Reason.MARKET_CLOSED: "the market is closed; GET /v2/clock says when it opens",
    Reason.STALE_PRICE: f"no fresh price came within {ORDER_WAIT_S} s; try again when it quotes",
    Reason.NO_CONVERSION: "no price converts the symbol's currency into the account's now",
    Reason.NO_MARGIN: "insufficient buying power",
    Reason.NO_POSITION: "there is no open position to close",
    Reason.WAITING_FOR_PRICE: "a loss limit is being judged; wait until every held symbol quotes",
}


async def _view(caller: CallerFromRequest, runtime: FromRequest) -> AccountView:
    if caller.challenge_id is None:
        raise NeedsKey("use the API key of a challenge: it says which account is meant")
    async with runtime.db.reading() as tx:
        account_id = await reads.current_account(tx, caller.challenge_id)
        view = None if account_id is None else await reads.find_account(tx, account_id)
    if view is None:
        raise NoAccount("the account of this challenge is not open yet; try again in a moment")
    return view


async def answered(runtime: Runtime, account_id: UUID, order_id: UUID) -> OrderRecord:
    """
    Return the order once the engine has taken it, or as pending after 50 ms.

    Raises OrderRefused if the engine refused it.
    """
    give_up, pause_s = time.monotonic() + ANSWER_WITHIN_S, _FIRST_LOOK_S
    while True:
        await asyncio.sleep(pause_s)
        async with runtime.db.reading() as tx:
            order = await store.find_order(tx, account_id=account_id, order_id=order_id)
        if order is None:
            raise NotFound(f"no order {order_id}")
        if order.status is OrderStatus.REJECTED and order.reason is not None:
            raise OrderRefused(order.reason)
        if order.status is not OrderStatus.PENDING_NEW or time.monotonic() > give_up:
            return order
        pause_s = min(2 * pause_s, _LOOK_MAX_S)


async def cancel_taken(runtime: Runtime, order_id: UUID) -> bool:
    """Return whether the engine has taken the cancel of an order, within 50 ms."""
    give_up, pause_s = time.monotonic() + ANSWER_WITHIN_S, _FIRST_LOOK_S
    while True:
        await asyncio.sleep(pause_s)
        async with runtime.db.reading() as tx:
            if await store.is_stamped(tx, order_id=order_id, kind="cancel"):
                return True
        if time.monotonic() > give_up:
            return False
        pause_s = min(2 * pause_s, _LOOK_MAX_S)


def parse_order_id(written: str) -> UUID:
    """Return an order's id. Raises Invalid."""
    try:
        return UUID(written)
    except ValueError:
        raise Invalid(f"{written[:60]!r} is no order id; ids are UUIDs") from None


AccountFromRequest = Annotated[AccountView, Depends(_view)]
