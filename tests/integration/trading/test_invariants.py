"""Each promise of trading notices the damage it is there for."""

from uuid import UUID

import psycopg
import pytest

from tradesense.trading.invariants import INVARIANTS
from trading_desk import Desk
from trading_world import a_setup

pytestmark = pytest.mark.breaks_invariants

WITHDRAWAL = UUID(int=77)
DAMAGE = {
    "a position is the sum of its fills": "UPDATE trading_positions SET qty = qty + 1",
    "a position is what its last fill left": (
        "UPDATE trading_fills SET position_cost = position_cost + 1"
    ),
    "a balance is what the account began with, realised, paid out and got back": (
        "UPDATE trading_accounts SET balance_minor = balance_minor + 1"
    ),
    "every fill states the balance after it": (
        "UPDATE trading_fills SET balance_minor = balance_minor + 1 WHERE number = 1"
    ),
    "fills are numbered without a gap": "UPDATE trading_accounts SET fills = fills + 1",
    "commands are stamped once each, without a gap, and their account knows the last": (
        "UPDATE trading_commands SET input_seq = NULL, after_price_seq = NULL WHERE input_seq = 2"
    ),
    "stamps of an account follow the tape": (
        "UPDATE trading_commands SET after_price_seq = 1000 WHERE input_seq = 1"
    ),
    "no fill after an outcome but the liquidations of a breach": (
        "UPDATE trading_outcomes SET fills = 0"
    ),
    "a liquidation follows an outcome or a close of its account": (
        "UPDATE trading_outcomes SET fills = 99"
    ),
    "an account has an outcome if, and only if, it was breached or passed": (
        "DELETE FROM trading_outcomes"
    ),
    "a closed account is flat and has no order at work": (
        "UPDATE trading_positions SET qty = 1, cost = 1"
    ),
    "an order is filled if, and only if, there is its fill": (
        "UPDATE trading_orders SET status = 'canceled' WHERE input_seq = 2"
    ),
    "a cash flow states the balance after it": (
        "UPDATE trading_cash_flows SET balance_minor = balance_minor + 1 WHERE amount_minor > 0"
    ),
    "only profit leaves an account, and what comes back is exactly what left": (
        "UPDATE trading_cash_flows SET amount_minor = amount_minor + 1 WHERE amount_minor > 0"
    ),
    "every cash flow was asked for, by its stamp": (
        "UPDATE trading_cash_flows SET withdrawal_id = gen_random_uuid()"
    ),
    "a halted account has no order at work but closing ones": (
        "UPDATE trading_accounts SET halted_for = 'under_review';"
        "UPDATE trading_orders SET status = 'new'"
    ),
    "nothing was filled beyond the engine's cursor": "UPDATE trading_engines SET price_seq = 0",
}


async def test_every_promise_has_its_damage():
    assert DAMAGE.keys() == INVARIANTS.keys()


@pytest.mark.parametrize("promise", INVARIANTS)
async def test_damage_is_noticed(promise, db, clock, database):
    desk = Desk(db, clock, database)
    await desk.open(a_setup())
    await desk.quote(140_000)
    await desk.order(400_000, "early")
    await desk.settle()
    await desk.quote(140_100)
    await desk.close("with a profit")
    await desk.settle()
    await desk.withdraw(10_000, WITHDRAWAL)
    await desk.restore(WITHDRAWAL)
    await desk.quote(140_000)
    await desk.order(400_000, "first")
    await desk.settle()
    await desk.order(600_000, "second")
    await desk.settle()
    await desk.quote(139_000)
    await desk.settle()

    with psycopg.connect(database.superuser, autocommit=True) as superuser:
        assert superuser.execute(INVARIANTS[promise]).fetchall() == []
        for table in ("fills", "outcomes", "cash_flows"):
            superuser.execute(f"ALTER TABLE trading_{table} DISABLE TRIGGER ALL")
        superuser.execute(DAMAGE[promise])
        assert superuser.execute(INVARIANTS[promise]).fetchall() != []
