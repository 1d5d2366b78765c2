"""Every SQL statement of this module."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from psycopg.rows import DictRow

from tradesense.challenges.model import (
    Challenge,
    ChallengeStatus,
    Outcome,
    RevokedFor,
    SuspendedFor,
    Terms,
    Verdict,
)
from tradesense.infra.db import Transaction

Word = TypeVar("Word", SuspendedFor, RevokedFor)
_CHALLENGE = """
    SELECT c.id, c.user_id, c.purchase_id, c.plan, c.phase, c.account_id, c.status, c.terms,
           c.started_at, c.suspended_for, c.revoked_for
    FROM challenges_challenges c
"""
_VERDICT = """
    SELECT v.account_id, a.challenge_id, a.phase, v.outcome, v.rule, v.limit_minor,
           v.actual_minor, v.price_seq, v.decided_at
    FROM challenges_verdicts v JOIN challenges_accounts a USING (account_id)
    WHERE v.reversed_at IS NULL
"""


async def insert(tx: Transaction, challenge: Challenge, *, reset: tuple[str, str]) -> bool:
    """Store a new challenge with its first account; False if it (or its purchase) has one."""
    cursor = await tx.execute(
        """
        INSERT INTO challenges_challenges (id, user_id, purchase_id, plan, phase, account_id,
            status, terms, terms_sha256, reset_time, reset_zone, started_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT DO NOTHING
        """,
        (
            challenge.id,
            challenge.user_id,
            challenge.purchase_id,
            challenge.plan,
            challenge.phase,
            challenge.account_id,
            challenge.status,
            challenge.terms.text,
            challenge.terms.sha256,
            *reset,
            challenge.started_at,
        ),
    )
    if cursor.rowcount == 0:
        return False
    await insert_account(tx, challenge, now=challenge.started_at)
    return True


async def insert_account(tx: Transaction, challenge: Challenge, *, now: datetime) -> None:
    """Store that `challenge.account_id` trades `challenge.phase`."""
    await tx.execute(
        "INSERT INTO challenges_accounts (account_id, challenge_id, phase, requested_at)"
        " VALUES (%s, %s, %s, %s)",
        (challenge.account_id, challenge.id, challenge.phase, now),
    )


async def save(tx: Transaction, challenge: Challenge) -> None:
    """Store where the challenge stands; its terms never change."""
    await tx.execute(
        """
        UPDATE challenges_challenges SET phase = %s, account_id = %s, status = %s,
            suspended_for = %s, revoked_for = %s
        WHERE id = %s
        """,
        (
            challenge.phase,
            challenge.account_id,
            challenge.status,
            challenge.suspended_for,
            challenge.revoked_for,
            challenge.id,
        ),
    )


async def insert_verdict(tx: Transaction, verdict: Verdict) -> bool:
    """Store the end of an account; False if it has one already."""
    cursor = await tx.execute(
        """
        INSERT INTO challenges_verdicts (account_id, outcome, rule, limit_minor, actual_minor,
            price_seq, decided_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (account_id) WHERE reversed_at IS NULL DO NOTHING
        """,
        (
            verdict.account_id,
            verdict.outcome,
            verdict.rule,
            verdict.limit_minor,
            verdict.actual_minor,
            verdict.price_seq,
            verdict.decided_at,
        ),
    )
    return cursor.rowcount == 1


async def lock_by_account(tx: Transaction, account_id: UUID) -> Challenge | None:
    """Read the challenge that `account_id` trades or traded for, and hold it until `tx` ends."""
    cursor = await tx.execute(
        _CHALLENGE
        + " JOIN challenges_accounts a ON a.challenge_id = c.id"
        + " WHERE a.account_id = %s FOR UPDATE OF c",
        (account_id,),
    )
    return _challenge(await cursor.fetchone())


async def lock(tx: Transaction, challenge_id: UUID) -> Challenge | None:
    """Read the challenge of this id, and hold it until `tx` ends."""
    cursor = await tx.execute(_CHALLENGE + " WHERE c.id = %s FOR UPDATE OF c", (challenge_id,))
    return _challenge(await cursor.fetchone())


async def find(tx: Transaction, challenge_id: UUID) -> Challenge | None:
    """Return the challenge of this id, None if there is none."""
    cursor = await tx.execute(_CHALLENGE + " WHERE c.id = %s", (challenge_id,))
    return _challenge(await cursor.fetchone())


async def find_trader(tx: Transaction, challenge_id: UUID) -> UUID | None:
    """Return whose challenge this is."""
    cursor = await tx.execute(
        "SELECT user_id FROM challenges_challenges WHERE id = %s", (challenge_id,)
    )
    row = await cursor.fetchone()
    return None if row is None else row["user_id"]


async def find_by_account(tx: Transaction, account_id: UUID) -> Challenge | None:
    """Return the challenge that `account_id` trades or traded for, None if there is none."""
    cursor = await tx.execute(
        _CHALLENGE + " JOIN challenges_accounts a ON a.challenge_id = c.id WHERE a.account_id = %s",
        (account_id,),
    )
    return _challenge(await cursor.fetchone())


async def list_by_user(tx: Transaction, user_id: UUID) -> Sequence[Challenge]:
    """Return the user's challenges, oldest first."""
    cursor = await tx.execute(
        _CHALLENGE + " WHERE c.user_id = %s ORDER BY c.started_at, c.id", (user_id,)
    )
    return [found for row in await cursor.fetchall() if (found := _challenge(row))]


async def list_accounts(tx: Transaction, challenge_id: UUID) -> Sequence[tuple[str, UUID]]:
    """Return (phase, account id) of every account so far, first to last."""
    cursor = await tx.execute(
        "SELECT phase, account_id FROM challenges_accounts WHERE challenge_id = %s"
        " ORDER BY requested_at, phase = 'funded', phase",
        (challenge_id,),
    )
    return [(row["phase"], row["account_id"]) for row in await cursor.fetchall()]


async def find_verdict(tx: Transaction, account_id: UUID) -> Verdict | None:
    """Return the verdict on an account that stands, None while it has none."""
    cursor = await tx.execute(_VERDICT + " AND v.account_id = %s", (account_id,))
    row = await cursor.fetchone()
    return None if row is None else Verdict(**{**row, "outcome": Outcome(row["outcome"])})


async def list_resets(tx: Transaction) -> Sequence[tuple[str, str]]:
    """Return the distinct (local time, zone) of challenges that still trade."""
    cursor = await tx.execute(
        "SELECT DISTINCT reset_time, reset_zone FROM challenges_challenges"
        " WHERE status <> 'failed' ORDER BY 1, 2"
    )
    return [(row["reset_time"], row["reset_zone"]) for row in await cursor.fetchall()]


def _challenge(row: DictRow | None) -> Challenge | None:
    if row is None:
        return None
    return Challenge(
        id=row["id"],
        user_id=row["user_id"],
        purchase_id=row["purchase_id"],
        plan=row["plan"],
        phase=row["phase"],
        account_id=row["account_id"],
        status=ChallengeStatus(row["status"]),
        terms=Terms.read(row["terms"]),
        started_at=row["started_at"],
        suspended_for=_optional(SuspendedFor, row["suspended_for"]),
        revoked_for=_optional(RevokedFor, row["revoked_for"]),
    )


def _optional(kind: type[Word], found: str | None) -> Word | None:
    return None if found is None else kind(found)
