"""GET /v2/account and what hangs on it."""

from fastapi import APIRouter

from tradesense.infra.runtime import FromRequest
from tradesense.trading import reads, store
from tradesense.trading.alpaca.desk import AccountFromRequest
from tradesense.trading.alpaca.shapes import Json, account_json, activity_json, history_json

router = APIRouter(prefix="/v2/account", tags=["alpaca"])

ACTIVITIES_MAX = 100


@router.get("")
async def get_account(account: AccountFromRequest) -> Json:
    return account_json(account)


@router.get("/configurations")
async def get_configurations(account: AccountFromRequest) -> Json:
    """Return what cannot be changed here: the challenge's terms are sealed."""
    return {
        "dtbp_check": "entry",
        "fractional_trading": True,
        "max_margin_multiplier": str(account.setup.leverage),
        "no_shorting": False,
        "pdt_check": "entry",
        "ptp_no_exception_entry": False,
        "suspend_trade": False,
        "trade_confirm_email": "none",
    }


@router.get("/portfolio/history")
async def get_history(account: AccountFromRequest, runtime: FromRequest) -> Json:
    async with runtime.db.reading() as tx:
        points = await reads.equity_curve(tx, account.setup.account_id)
    return history_json(account.setup, points)


@router.get("/activities")
@router.get("/activities/{kind}")
async def list_activities(
    account: AccountFromRequest,
    runtime: FromRequest,
    kind: str = "FILL",
    page_size: int = ACTIVITIES_MAX,
) -> list[Json]:
    """Return the latest fills, newest first; there are no other activities."""
    if kind.upper() != "FILL":
        return []
    limit = max(1, min(page_size, ACTIVITIES_MAX))
    async with runtime.db.reading() as tx:
        fills = await store.list_fills(tx, account.setup.account_id, limit=limit)
    return [activity_json(account.setup, fill) for fill in reversed(fills)]
