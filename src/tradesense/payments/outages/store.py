"""
The SQL of outages.

Reports are paced and counted in database time, so that a driven clock does not stop them.
"""

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import DictRow

from tradesense.infra.db import Transaction
from tradesense.payments.outages.model import Condition, Outage, Sighting

FRESH_S = 6  # a process that has not said anything for so long is gone, and its breaker with it


async def report(
    tx: Transaction, *, provider: str, node: str, calls: int, failures: int, is_open: bool
) -> None:
    """Add what one process saw since its last report, and how its breaker stands."""
    if calls:
        await tx.execute(
            """
            INSERT INTO payments_provider_reports (provider, node, reported_at, calls, failures)
            VALUES (%s, %s, clock_timestamp(), %s, %s)
            """,
            (provider, node, calls, failures),
        )
    await tx.execute(
        """
        INSERT INTO payments_provider_nodes (provider, node, is_open, reported_at)
        VALUES (%s, %s, %s, clock_timestamp())
        ON CONFLICT (provider, node) DO UPDATE
        SET is_open = excluded.is_open, reported_at = excluded.reported_at
        """,
        (provider, node, is_open),
    )


async def see(tx: Transaction, provider: str, *, window_s: int, recent_s: int) -> Sighting:
    """Return what all processes together saw."""
    cursor = await tx.execute(
        """
        SELECT coalesce(sum(calls), 0)::bigint AS calls,
               coalesce(sum(failures), 0)::bigint AS failures,
               coalesce(sum(calls) FILTER (WHERE is_recent), 0)::bigint AS recent_calls,
               coalesce(sum(failures) FILTER (WHERE is_recent), 0)::bigint AS recent_failures
        FROM (
            SELECT calls, failures, reported_at
                       > clock_timestamp() - make_interval(secs => %(recent_s)s) AS is_recent
            FROM payments_provider_reports
            WHERE provider = %(provider)s
              AND reported_at > clock_timestamp() - make_interval(secs => %(window_s)s)
              AND reported_at > (SELECT counted_from FROM payments_provider_outages
                           WHERE provider = %(provider)s)
        ) AS seen
        """,
        {"provider": provider, "recent_s": recent_s, "window_s": window_s},
    )
    counted = await cursor.fetchone()
    cursor = await tx.execute(
        """
        SELECT count(*) AS nodes, count(*) FILTER (WHERE is_open) AS open_nodes,
               (SELECT extract(epoch FROM clock_timestamp() - counted_from)::float8
                FROM payments_provider_outages WHERE provider = %(provider)s) AS standing_s
        FROM payments_provider_nodes
        WHERE provider = %(provider)s
          AND reported_at > clock_timestamp() - make_interval(secs => %(fresh_s)s)
        """,
        {"provider": provider, "fresh_s": FRESH_S},
    )
    standing = await cursor.fetchone()
    return Sighting(**(counted or {}), **(standing or {}))


async def lock(tx: Transaction, provider: str) -> Outage:
    """Return how we stand to a provider, held until `tx` ends; well if it is a new one."""
    await tx.execute(
        """
        INSERT INTO payments_provider_outages (provider, condition, since)
        VALUES (%s, 'well', clock_timestamp()) ON CONFLICT DO NOTHING
        """,
        (provider,),
    )
    cursor = await tx.execute(
        """
        SELECT provider, condition, number, streak, why, since FROM payments_provider_outages
        WHERE provider = %s FOR UPDATE
        """,
        (provider,),
    )
    return next(_outage(row) for row in await cursor.fetchall())


async def save(tx: Transaction, outage: Outage) -> None:
    """Keep how we stand to a provider; what was counted in its last condition is no longer."""
    await tx.execute(
        """
        UPDATE payments_provider_outages
        SET condition = %s, number = %s, streak = %s, why = %s, since = %s,
            counted_from = clock_timestamp()
        WHERE provider = %s
        """,
        (
            outage.condition,
            outage.number,
            outage.streak,
            outage.why,
            outage.since,
            outage.provider,
        ),
    )


async def list_conditions(tx: Transaction) -> list[Outage]:
    """Return how we stand to every provider, by name."""
    cursor = await tx.execute(
        """
        SELECT provider, condition, number, streak, why, since FROM payments_provider_outages
        ORDER BY provider
        """
    )
    return [_outage(row) for row in await cursor.fetchall()]


async def list_contained(tx: Transaction) -> frozenset[str]:
    """Return the providers that no new payment is asked of now."""
    return frozenset(
        outage.provider
        for outage in await list_conditions(tx)
        if outage.condition is Condition.CONTAINED
    )


async def forget(tx: Transaction, *, older_than_s: int) -> None:
    """Drop reports that no judgement looks at any more, and processes that are gone."""
    await tx.execute(
        """
        DELETE FROM payments_provider_reports
        WHERE reported_at < clock_timestamp() - make_interval(secs => %s)
        """,
        (older_than_s,),
    )
    await tx.execute(
        """
        DELETE FROM payments_provider_nodes
        WHERE reported_at < clock_timestamp() - make_interval(secs => %s)
        """,
        (older_than_s,),
    )


async def list_purchases_open_at(tx: Transaction, provider: str) -> Sequence[UUID]:
    """Return whose payment this provider was asked for, and which is not there yet."""
    cursor = await tx.execute(
        """
        SELECT p.purchase_id FROM payments_payments p
        JOIN payments_attempts a USING (payment_id)
        WHERE a.provider = %s AND (p.status = 'offered' AND a.status = 'offered'
            OR p.status = 'requested' AND a.status IN ('asked', 'unknown', 'away'))
        ORDER BY p.purchase_id
        """,
        (provider,),
    )
    return [row["purchase_id"] for row in await cursor.fetchall()]


def _outage(row: DictRow) -> Outage:
    return Outage(**{**row, "condition": Condition(row["condition"])})
