"""Each promise of trading notices the damage it is there for."""

import psycopg
import pytest

from tradesense.trading.invariants import INVARIANTS
from trading_desk import Desk
from trading_world import a_setup

pytestmark = pytest.mark.breaks_invariants

DAMAGE = {
    "a position is the sum of its fills": "UPDATE trading_positions SET qty = qty + 1",
    "a position is what its last fill left": (
        "UPDATE trading_fills SET position_cost = position_cost + 1"
    ),
    "a balance is what the account began with and what its fills realised": (
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
    "nothing was filled beyond the engine's cursor": "UPDATE trading_engines SET price_seq = 0",
}


async def test_every_promise_has_its_damage():
    assert DAMAGE.keys() == INVARIANTS.keys()


@pytest.mark.parametrize("promise", INVARIANTS)
async def test_damage_is_noticed(promise, db, clock, database):
    desk = Desk(db, clock, database)
    await desk.open(a_setup())
    await desk.quote(140_000)
    await desk.order(400_000, "first")
    await desk.settle()
    await desk.order(600_000, "second")
    await desk.settle()
    await desk.quote(139_000)
    await desk.settle()

    with psycopg.connect(database.superuser, autocommit=True) as superuser:
        assert superuser.execute(INVARIANTS[promise]).fetchall() == []
        for table in ("fills", "outcomes"):
            superuser.execute(f"ALTER TABLE trading_{table} DISABLE TRIGGER ALL")
        superuser.execute(DAMAGE[promise])
        assert superuser.execute(INVARIANTS[promise]).fetchall() != []
