"""The SQL of runs."""

from datetime import datetime
from uuid import UUID

from psycopg.rows import DictRow

from tradesense.infra.db import Transaction
from tradesense.payments.reconciliation.model import Run


async def add(tx: Transaction, run: Run) -> Run:
    """Insert a run; return it as it stands, which may be from before."""
    await tx.execute(
        """
        INSERT INTO payments_reconciliations (run_id, provider, cadence, since, until)
        VALUES (%s, %s, %s, %s, %s) ON CONFLICT (run_id) DO NOTHING
        """,
        (run.run_id, run.provider, run.cadence, run.since, run.until),
    )
    return await lock(tx, run.run_id) or run


async def lock(tx: Transaction, run_id: UUID) -> Run | None:
    cursor = await tx.execute(
        "SELECT * FROM payments_reconciliations WHERE run_id = %s FOR UPDATE", (run_id,)
    )
    return _run(await cursor.fetchone())


async def find_last(tx: Transaction, provider: str) -> Run | None:
    """Return the provider's newest complete run."""
    cursor = await tx.execute(
        """
        SELECT * FROM payments_reconciliations
        WHERE provider = %s AND completed_at IS NOT NULL
        ORDER BY until DESC, completed_at DESC LIMIT 1
        """,
        (provider,),
    )
    return _run(await cursor.fetchone())


async def complete(tx: Transaction, run: Run, *, now: datetime) -> None:
    """Store a run's report, and what it was over in the end."""
    await tx.execute(
        """
        UPDATE payments_reconciliations
        SET since = %s, until = %s, report = %s, report_sha256 = %s, stream_version = %s,
            completed_at = %s
        WHERE run_id = %s
        """,
        (
            run.since,
            run.until,
            run.report,
            run.sha256,
            run.stream_version,
            now,
            run.run_id,
        ),
    )


def _run(row: DictRow | None) -> Run | None:
    if row is None:
        return None
    return Run(
        run_id=row["run_id"],
        provider=row["provider"],
        cadence=row["cadence"],
        since=row["since"],
        until=row["until"],
        report=row["report"],
        sha256=row["report_sha256"],
        stream_version=row["stream_version"],
    )
