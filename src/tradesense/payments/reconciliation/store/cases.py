"""The SQL of cases and their corrections."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from tradesense.infra.db import Transaction
from tradesense.kernel.money import Money
from tradesense.payments.reconciliation.model import (
    Case,
    CaseState,
    Correction,
    Difference,
    DifferenceKind,
)

_CASES = """
    SELECT c.*, k.correction_id, k.debit, k.credit, k.amount_minor, k.currency AS paid_in, k.reason,
        k.proposed_by, k.recorded_at AS proposed_at, k.transfer_id
    FROM payments_cases c
    LEFT JOIN LATERAL (SELECT * FROM payments_corrections k WHERE k.case_id = c.case_id
                       ORDER BY k.recorded_at DESC LIMIT 1) AS k ON true
"""


async def save(tx: Transaction, case: Case) -> None:
    """Insert a case, or store what has become of it."""
    difference = case.difference
    await tx.execute(
        """
        INSERT INTO payments_cases
          (case_id, provider, kind, subject, story, currency, ours_minor, theirs_minor, since,
           facts, state, owner, resolution, is_accepted, opened_at, resolved_at, times_opened)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (case_id) DO UPDATE SET
          story = excluded.story, currency = excluded.currency,
          ours_minor = excluded.ours_minor, theirs_minor = excluded.theirs_minor,
          since = excluded.since, facts = excluded.facts, state = excluded.state,
          owner = excluded.owner, resolution = excluded.resolution,
          is_accepted = excluded.is_accepted, opened_at = excluded.opened_at,
          resolved_at = excluded.resolved_at, times_opened = excluded.times_opened
        """,
        (
            case.case_id,
            difference.provider,
            difference.kind,
            difference.subject,
            difference.story,
            difference.currency,
            difference.ours_minor,
            difference.theirs_minor,
            difference.at,
            Jsonb(dict(difference.facts)),
            case.state,
            case.owner,
            case.resolution,
            case.is_accepted,
            case.opened_at,
            case.resolved_at,
            case.times_opened,
        ),
    )


async def lock_of(tx: Transaction, provider: str) -> Mapping[UUID, Case]:
    """Return every case of a provider; nobody else opens or ends one until `tx` does."""
    await tx.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('reconciliation:' || %s::text, 0))",
        (provider,),
    )
    cursor = await tx.execute(
        f"{_CASES} WHERE c.provider = %s ORDER BY c.case_id FOR UPDATE OF c", (provider,)
    )
    return {row["case_id"]: _to_case(row) for row in await cursor.fetchall()}


async def lock(tx: Transaction, case_id: UUID) -> Case | None:
    """Return a case, held until `tx` ends."""
    cursor = await tx.execute(f"{_CASES} WHERE c.case_id = %s FOR UPDATE OF c", (case_id,))
    row = await cursor.fetchone()
    return None if row is None else _to_case(row)


async def find(tx: Transaction, case_id: UUID) -> Case | None:
    cursor = await tx.execute(f"{_CASES} WHERE c.case_id = %s", (case_id,))
    row = await cursor.fetchone()
    return None if row is None else _to_case(row)


async def list_cases(
    tx: Transaction,
    *,
    provider: str | None = None,
    states: Sequence[CaseState] = tuple(CaseState),
    limit: int = 200,
) -> Sequence[Case]:
    """Return cases, the longest open first."""
    cursor = await tx.execute(
        f"""
        {_CASES} WHERE c.state = ANY(%(states)s)
          AND (%(provider)s::text IS NULL OR c.provider = %(provider)s)
        ORDER BY c.opened_at, c.case_id LIMIT %(limit)s
        """,
        {"provider": provider, "states": [state.value for state in states], "limit": limit},
    )
    return [_to_case(row) for row in await cursor.fetchall()]


async def list_awaiting_approval(tx: Transaction, *, limit: int) -> Sequence[Case]:
    """Return open cases whose correction a second operator has to look at, the oldest first."""
    cursor = await tx.execute(
        f"""
        {_CASES} WHERE c.state IN ('open', 'assigned')
          AND k.correction_id IS NOT NULL AND k.transfer_id IS NULL
        ORDER BY k.recorded_at, c.case_id LIMIT %s
        """,
        (limit,),
    )
    return [_to_case(row) for row in await cursor.fetchall()]


async def add_correction(
    tx: Transaction, case_id: UUID, correction_id: UUID, correction: Correction
) -> bool:
    """Insert a proposal; False if the case has an open one."""
    cursor = await tx.execute(
        """
        INSERT INTO payments_corrections
          (correction_id, case_id, debit, credit, amount_minor, currency, reason, proposed_by)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
        """,
        (
            correction_id,
            case_id,
            correction.debit,
            correction.credit,
            correction.amount.minor,
            correction.amount.currency,
            correction.reason,
            correction.proposed_by,
        ),
    )
    return cursor.rowcount == 1


async def approve_correction(tx: Transaction, case_id: UUID, *, by: str, transfer_id: UUID) -> None:
    await tx.execute(
        """
        UPDATE payments_corrections SET approved_by = %s, transfer_id = %s
        WHERE case_id = %s AND transfer_id IS NULL
        """,
        (by, transfer_id, case_id),
    )


async def count_corrections(tx: Transaction, case_id: UUID) -> int:
    cursor = await tx.execute(
        "SELECT count(*) AS n FROM payments_corrections WHERE case_id = %s", (case_id,)
    )
    row = await cursor.fetchone()
    return 0 if row is None else int(row["n"])


async def list_correcting(tx: Transaction, provider: str) -> Sequence[UUID]:
    """Return the transfers that mended cases of a provider."""
    cursor = await tx.execute(
        """
        SELECT k.transfer_id FROM payments_corrections k JOIN payments_cases c USING (case_id)
        WHERE c.provider = %s AND k.transfer_id IS NOT NULL
        """,
        (provider,),
    )
    return [row["transfer_id"] for row in await cursor.fetchall()]


def _to_case(row: DictRow) -> Case:
    return Case(
        case_id=row["case_id"],
        difference=Difference(
            kind=DifferenceKind(row["kind"]),
            provider=row["provider"],
            subject=row["subject"],
            story=row["story"],
            currency=row["currency"],
            ours_minor=row["ours_minor"],
            theirs_minor=row["theirs_minor"],
            at=row["since"],
            facts=row["facts"],
        ),
        state=CaseState(row["state"]),
        opened_at=row["opened_at"],
        owner=row["owner"],
        resolution=row["resolution"],
        is_accepted=row["is_accepted"],
        resolved_at=row["resolved_at"],
        times_opened=row["times_opened"],
        correction=_correction(row),
    )


def _correction(row: DictRow) -> Correction | None:
    if row["debit"] is None:
        return None
    return Correction(
        debit=row["debit"],
        credit=row["credit"],
        amount=Money(row["amount_minor"], row["paid_in"]),
        reason=row["reason"],
        proposed_by=row["proposed_by"],
        proposed_at=row["proposed_at"],
        transfer_id=row["transfer_id"],
    )
