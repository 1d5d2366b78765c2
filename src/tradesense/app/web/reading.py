"""Reads what a page shows, all of it from one snapshot."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tradesense import challenges, trading
from tradesense.app.web import shaping
from tradesense.app.web.view import AccountTab, AccountView, Point
from tradesense.infra.db import Transaction
from tradesense.kernel.errors import InvariantBroken
from tradesense.trading.model import OrderStatus

FILLS_SHOWN = 20
ORDERS_SHOWN = 50
AT_WORK = (OrderStatus.NEW, OrderStatus.PENDING_NEW)


async def list_tabs(tx: Transaction, *, user_id: UUID) -> list[AccountTab]:
    """Return the person's accounts that are open or have been, oldest first."""
    tabs = []
    bought = await challenges.list_by_user(tx, user_id)
    for number, challenge in enumerate(bought, 1):
        prefix = f"{number}: " if len(bought) > 1 else ""
        for phase, account_id in await challenges.list_accounts(tx, challenge.id):
            if await trading.find_account(tx, account_id) is not None:
                label = prefix + shaping.phase_name(phase)
                tabs.append(AccountTab(account_id=account_id, label=label))
    return tabs


async def get_view(
    tx: Transaction, account_id: UUID, *, user_id: UUID, now: datetime
) -> AccountView:
    """Return the account as it stands. Raises UnknownAccount; another's looks like none."""
    standing = await challenges.get_standing(tx, account_id, user_id=user_id, now=now)
    account = await trading.find_account(tx, account_id)
    if account is None:
        raise InvariantBroken(f"account {account_id} stands, and is not there")
    return shaping.account_view(
        standing,
        account,
        title=challenges.get_plan(standing.plan).title,
        orders=await trading.list_orders(tx, account_id, statuses=AT_WORK, limit=ORDERS_SHOWN),
        fills=await trading.list_fills(tx, account_id, limit=FILLS_SHOWN),
        now=now,
    )


async def list_points(tx: Transaction, account_id: UUID, *, view: AccountView) -> Sequence[Point]:
    """Return the recent past of the chart, one point a second at most, ending with `view`."""
    past = [
        Point(at_us=at.at_us, equity_minor=at.equity_minor, balance_minor=at.balance_minor)
        for at in await trading.equity_curve(tx, account_id)
    ]
    # The chart's axis counts in seconds, and each may appear once: the last point of it.
    by_second = {point.at_us // 1_000_000: point for point in [*past, view.point()]}
    return [by_second[second] for second in sorted(by_second)]
