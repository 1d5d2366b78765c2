"""Whether the worker has anything to do: one statement, asked many times a second."""

from collections.abc import Sequence
from dataclasses import dataclass

from tradesense.infra.db import Transaction
from tradesense.payments.store.attempts import DUE


@dataclass(frozen=True, slots=True)
class Due:
    """The `providers` with a webhook, an attempt or a refund that is due; whether a wish is."""

    providers: frozenset[str]
    has_wishes: bool


async def find_due(tx: Transaction, providers: Sequence[str]) -> Due:
    """Return what is due now at any of `providers`; index look-ups, nothing else."""
    cursor = await tx.execute(
        f"""
        SELECT p.name FROM unnest(%s::text[]) AS p(name)
        WHERE EXISTS (SELECT FROM payments_webhook_work
                      WHERE done_at IS NULL AND next_try_at <= clock_timestamp()
                        AND provider = p.name)
           OR EXISTS (SELECT FROM payments_refunds
                      WHERE status = 'requested' AND is_ours
                        AND next_try_at <= clock_timestamp() AND provider = p.name)
           OR EXISTS (SELECT FROM payments_attempts a WHERE a.provider = p.name AND {DUE})
        UNION ALL
        SELECT NULL WHERE EXISTS (
            SELECT FROM payments_payments WHERE wish_at <= clock_timestamp())
        """,  # noqa: S608 -- a constant
        (list(providers),),
    )
    names = [row["name"] for row in await cursor.fetchall()]
    return Due(frozenset(name for name in names if name is not None), None in names)
