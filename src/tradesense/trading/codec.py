"""Setups and requests as JSON and back, for the rows that carry them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from tradesense.kernel.canonical import canonical
from tradesense.kernel.errors import InvariantBroken
from tradesense.market.model import Instrument
from tradesense.trading.model import (
    AccountSetup,
    BelowResetBalance,
    CloseRequest,
    Comparison,
    Effect,
    Guard,
    Measure,
    OnCashFlow,
    OrderRequest,
    OrderType,
    Recipe,
    Side,
    Static,
    Target,
    TimeInForce,
)

Json = Mapping[str, Any]  # Any: what a jsonb column returns; each field is read by its type below


def as_text(value: AccountSetup | OrderRequest | CloseRequest) -> str:
    """Return the JSON text of `value`."""
    return canonical(value).decode()


def setup_of(found: Json) -> AccountSetup:
    """Return the setup that `as_text` wrote."""
    target = found["target"]
    return AccountSetup(
        account_id=UUID(found["account_id"]),
        challenge_id=UUID(found["challenge_id"]),
        phase=found["phase"],
        currency=found["currency"],
        initial_minor=int(found["initial_minor"]),
        leverage=int(found["leverage"]),
        instruments=tuple(Instrument(**each) for each in found["instruments"]),
        guards=tuple(_guard(each) for each in found["guards"]),
        target=None if target is None else Target(**target),
        reset=found["reset"],
        terms_sha256=found["terms_sha256"],
    )


def _guard(found: Json) -> Guard:
    return Guard(
        name=found["name"],
        measure=Measure(found["measure"]),
        recipe=_recipe(found["recipe"]),
        comparison=Comparison(found["comparison"]),
        effect=Effect(found["effect"]),
        # Setups stored before withdrawals existed do not say; every plan of the time said so.
        on_cash_flow=OnCashFlow(found.get("on_cash_flow", OnCashFlow.SHIFT)),
    )


def _recipe(found: Json) -> Recipe:
    if found["kind"] == "static":
        return Static(floor_minor=int(found["floor_minor"]))
    if found["kind"] == "below_reset_balance":
        return BelowResetBalance(amount_minor=int(found["amount_minor"]))
    raise InvariantBroken(f"a stored guard has the unknown recipe {found['kind']!r}")


def order_of(found: Json) -> OrderRequest:
    """Return the order request that `as_text` wrote."""
    return OrderRequest(
        client_order_id=found["client_order_id"],
        symbol=found["symbol"],
        side=Side(found["side"]),
        type=OrderType(found["type"]),
        tif=TimeInForce(found["tif"]),
        qty=int(found["qty"]),
        limit_price=found["limit_price"],
        stop_price=found["stop_price"],
    )


def close_of(found: Json) -> CloseRequest:
    """Return the close request that `as_text` wrote."""
    return CloseRequest(
        client_order_id=found["client_order_id"],
        symbol=found["symbol"],
        qty=found["qty"],
        share_ppm=found["share_ppm"],
    )
