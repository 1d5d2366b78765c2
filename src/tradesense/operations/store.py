"""Every SQL statement of operations."""

from datetime import datetime

from tradesense.infra.db import Transaction
from tradesense.operations.model import Directive, Wanted


async def put_directive(
    tx: Transaction, directive: Directive, *, for_s: int | None, now: datetime
) -> int:
    """Put `directive` in the place of the one before it; return its version."""
    cursor = await tx.execute(
        """
        INSERT INTO operations_breakers AS b
            (policy, version, state, why, directed_by, directed_at, expires_at)
        VALUES (%s, 1, %s, %s, %s, %s, clock_timestamp() + make_interval(secs => %s))
        ON CONFLICT (policy) DO UPDATE SET
            version = b.version + 1, state = excluded.state, why = excluded.why,
            directed_by = excluded.directed_by, directed_at = excluded.directed_at,
            expires_at = excluded.expires_at
        RETURNING version
        """,
        (directive.policy, directive.state.value, directive.why, directive.by, now, for_s),
    )
    row = await cursor.fetchone()
    if row is None:
        raise LookupError("INSERT … RETURNING returned nothing")
    return int(row["version"])


async def list_directives(tx: Transaction) -> list[Directive]:
    """Return what was decided last about each breaker, by the policy's name."""
    cursor = await tx.execute(
        """
        SELECT *, extract(epoch FROM expires_at - clock_timestamp())::float8 AS left_s
        FROM operations_breakers ORDER BY policy
        """
    )
    return [
        Directive(
            policy=row["policy"],
            version=row["version"],
            state=Wanted(row["state"]),
            why=row["why"],
            by=row["directed_by"],
            at=row["directed_at"],
            left_s=row["left_s"],
        )
        for row in await cursor.fetchall()
    ]
