"""
Whether the platform has come to rest: nothing more happens unless somebody acts or time moves.

The story and the tests step time by it. What waits for a person (a parked saga, a dead letter)
is at rest; what will be tried again is not. Money on its way at a provider is unknown to us until
its webhook or a poll, so whoever pays waits for the payment first.
"""

from typing import LiteralString

from tradesense.infra.db import Transaction
from tradesense.kernel.instants import from_us

# Reason -> whether it is so. Each is an index look-up or a few rows.
REASONS: dict[str, LiteralString] = {
    "entries are not sealed": """
        EXISTS (
          SELECT FROM trail_entries e, trail_sealer s
          WHERE e.epoch = s.epoch AND e.xid >= pg_snapshot_xmin(s.snapshot)
            AND NOT pg_visible_in_snapshot(e.xid, s.snapshot))
        OR EXISTS (SELECT FROM trail_sealer WHERE target IS NOT NULL)
        OR (NOT EXISTS (SELECT FROM trail_sealer) AND EXISTS (SELECT FROM trail_entries))
    """,
    "no consumer has subscribed yet": "NOT EXISTS (SELECT FROM bus_consumers)",
    "a consumer has entries to apply": """
        EXISTS (
          SELECT FROM bus_consumers c
          JOIN trail_leaves l ON l.position > c.position
          JOIN trail_entries e ON e.id = l.entry_id
          JOIN bus_kinds k ON k.consumer = c.consumer AND k.kind = e.kind)
        OR EXISTS (SELECT FROM bus_waits WHERE retry_at IS NOT NULL)
    """,
    "a saga is due": """
        EXISTS (SELECT FROM saga_instances WHERE wake_at IS NOT NULL)
        OR EXISTS (SELECT FROM saga_instances WHERE due_at <= %(now)s)
    """,
    "a webhook is not settled": """
        EXISTS (SELECT FROM payments_webhook_work WHERE done_at IS NULL)
    """,
    "a provider is to be told of a cancellation or a refund": """
        EXISTS (SELECT FROM payments_attempts WHERE status = 'withdrawing')
        OR EXISTS (SELECT FROM payments_refunds WHERE status = 'requested' AND is_ours)
    """,
    "a buyer waits for another way to pay": """
        EXISTS (SELECT FROM payments_payments WHERE wish_at IS NOT NULL)
    """,
    "a payment is to be captured": """
        EXISTS (SELECT FROM payments_payments
                WHERE status = 'authorised' AND capture_requested AND NOT cancel_requested)
    """,
    "the engine has commands to stamp": """
        EXISTS (SELECT FROM trading_commands WHERE input_seq IS NULL)
    """,
    "the engine is behind the tape": """
        EXISTS (
          SELECT FROM trading_engines n, market_position p WHERE n.price_seq < p.last_seq)
    """,
    "the feed is behind the clock": """
        EXISTS (SELECT FROM market_position WHERE clock_us < %(clock_us)s)
    """,
    "the tape has blocks to close": "EXISTS (SELECT FROM market_flushes WHERE NOT done)",
}

_QUERY: LiteralString = " UNION ALL ".join(
    f"SELECT {number} AS number WHERE {condition}"
    for number, condition in enumerate(REASONS.values())
)


async def quiet(tx: Transaction, *, clock_us: int) -> list[str]:
    """
    Return why the platform is not at rest at the clock's `clock_us`; nothing means that it is.

    One statement, so that all is seen in one moment.
    """
    cursor = await tx.execute(_QUERY, {"now": from_us(clock_us), "clock_us": clock_us})
    reasons = list(REASONS)
    return [reasons[row["number"]] for row in await cursor.fetchall()]
