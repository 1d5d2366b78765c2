"""Every SQL statement of the follower."""

from tradesense.infra.db import Transaction

STEP_MAX = 5_000  # positions of the trail per transaction: some 100 ms

_FOLLOW = """
    WITH sides AS (
      SELECT l.position, t.id, side.account, side.amount
      FROM trail_leaves l
      JOIN trail_entries e ON e.id = l.entry_id AND e.kind = 'TransferPosted'
      JOIN ledger_transfers t ON t.id = substr(e.stream, 8)::uuid
      CROSS JOIN LATERAL (VALUES (t.debit, t.amount_minor), (t.credit, -t.amount_minor))
        AS side (account, amount)
      JOIN ledger_accounts a ON a.code = side.account AND NOT a.bounded
      WHERE l.position > %(after)s AND l.position <= %(until)s
    ), numbered AS (
      SELECT account, id, amount,
        coalesce(b.version, 0) + row_number() OVER upto AS version,
        (coalesce(b.balance_minor, 0) + sum(amount) OVER upto)::bigint AS balance_minor
      FROM sides LEFT JOIN ledger_balances b USING (account)
      WINDOW upto AS (PARTITION BY account ORDER BY position)
    ), lines AS (
      INSERT INTO ledger_lines (account, version, transfer_id, amount_minor, balance_minor)
      SELECT account, version, id, amount, balance_minor FROM numbered
    ), stands AS (
      INSERT INTO ledger_balances (account, balance_minor, version)
      SELECT DISTINCT ON (account) account, balance_minor, version
      FROM numbered ORDER BY account, version DESC
      ON CONFLICT (account) DO UPDATE
        SET balance_minor = excluded.balance_minor, version = excluded.version
    )
    UPDATE ledger_follower SET position = %(until)s
"""


async def follow(tx: Transaction) -> int:
    """
    Take one step along the trail, and return how many positions that was; 0 at its end.

    Two followers at once do no harm: one holds the row, the other has nothing to do.
    """
    cursor = await tx.execute(
        "SELECT position FROM ledger_follower FOR UPDATE SKIP LOCKED",
    )
    row = await cursor.fetchone()
    if row is None:
        return 0
    # The size is read after the lock: everything up to it is in the snapshot of what follows.
    cursor = await tx.execute(
        """
        SELECT least(coalesce(max(position), 0), %(after)s::bigint + %(step)s) AS until,
            set_config('enable_seqscan', 'off', true)
        FROM trail_leaves
        """,
        {"after": row["position"], "step": STEP_MAX},
    )
    reach = await cursor.fetchone()
    until = reach["until"] if reach else 0
    if until <= row["position"]:
        return 0
    await tx.execute(_FOLLOW, {"after": row["position"], "until": until})
    return int(until - row["position"])
