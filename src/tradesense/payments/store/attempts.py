"""The SQL of attempts, and of the wishes of buyers for another one."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import DictRow

from tradesense.infra.db import Transaction
from tradesense.payments.model import Attempt, AttemptStatus, Way


async def list_of(tx: Transaction, payment_ids: Sequence[UUID]) -> dict[UUID, tuple[Attempt, ...]]:
    """Return payment -> its attempts, in the order of their numbers."""
    cursor = await tx.execute(
        "SELECT * FROM payments_attempts WHERE payment_id = ANY(%s) ORDER BY payment_id, number",
        (list(payment_ids),),
    )
    found: dict[UUID, tuple[Attempt, ...]] = {}
    for row in await cursor.fetchall():
        found[row["payment_id"]] = (*found.get(row["payment_id"], ()), _attempt(row))
    return found


async def save(tx: Transaction, attempt: Attempt, *, look_in_s: float) -> None:
    """Write an attempt as it stands; it is looked at again in `look_in_s` of database time."""
    await tx.execute(
        """
        INSERT INTO payments_attempts AS a
            (payment_id, provider, number, status, way, provider_ref, client_secret, pay_url,
             last_decline, trouble, next_poll_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
                clock_timestamp() + make_interval(secs => %s))
        ON CONFLICT (payment_id, provider) DO UPDATE SET
            number = excluded.number, status = excluded.status, way = excluded.way,
            provider_ref = excluded.provider_ref, client_secret = excluded.client_secret,
            pay_url = excluded.pay_url, last_decline = excluded.last_decline,
            trouble = excluded.trouble, next_poll_at = excluded.next_poll_at,
            polls = CASE WHEN a.status = excluded.status THEN a.polls ELSE 0 END
        """,
        (
            attempt.payment_id,
            attempt.provider,
            attempt.number,
            attempt.status,
            attempt.way,
            attempt.ref,
            attempt.client_secret,
            attempt.pay_url,
            attempt.last_decline,
            attempt.trouble,
            look_in_s,
        ),
    )


# An unknown outcome is the saga's to settle until something else was offered or all is over.
DUE = """
    a.next_poll_at <= clock_timestamp()
    AND (a.status IN ('offered', 'withdrawing') OR a.status = 'unknown' AND EXISTS (
        SELECT FROM payments_payments p
        WHERE p.payment_id = a.payment_id AND p.status <> 'requested'))
"""


async def claim_due(
    tx: Transaction, *, provider: str, limit: int, soon_s: int, polls_soon: int, later_s: int
) -> Sequence[tuple[Attempt, int]]:
    """
    Return attempts whose next look is due, with the number of this look; put the next one off.

    Whoever claims and dies leaves nothing to clean up: they fall due again by themselves, after
    `soon_s` for the first `polls_soon` looks, then after `later_s`.
    """
    cursor = await tx.execute(
        f"""
        UPDATE payments_attempts AS t
        SET polls = t.polls + 1,
            next_poll_at = clock_timestamp()
                + make_interval(secs => CASE WHEN t.polls < %(polls_soon)s
                                        THEN %(soon_s)s ELSE %(later_s)s END)
        FROM (
            SELECT a.payment_id, a.provider FROM payments_attempts a
            WHERE a.provider = %(provider)s AND {DUE}
            ORDER BY a.next_poll_at LIMIT %(limit)s FOR UPDATE OF a SKIP LOCKED
        ) AS due
        WHERE (t.payment_id, t.provider) = (due.payment_id, due.provider)
        RETURNING t.*
        """,  # noqa: S608 -- a constant
        {
            "provider": provider,
            "limit": limit,
            "soon_s": soon_s,
            "polls_soon": polls_soon,
            "later_s": later_s,
        },
    )
    return [(_attempt(row), row["polls"]) for row in await cursor.fetchall()]


async def save_wish(
    tx: Transaction, payment_id: UUID, *, wanted_provider: str | None, way: Way, return_url: str
) -> None:
    """Note what the buyer wants instead; it is looked at at once."""
    await tx.execute(
        """
        UPDATE payments_payments
        SET wanted_provider = %s, way = %s, return_url = %s, wish_at = clock_timestamp()
        WHERE payment_id = %s
        """,
        (wanted_provider, way, return_url, payment_id),
    )


async def end_wish(tx: Transaction, payment_id: UUID) -> None:
    await tx.execute(
        "UPDATE payments_payments SET wanted_provider = NULL, wish_at = NULL WHERE payment_id = %s",
        (payment_id,),
    )


async def save_held(tx: Transaction, payment_id: UUID, *, is_held: bool) -> None:
    await tx.execute(
        "UPDATE payments_payments SET held = %s WHERE payment_id = %s", (is_held, payment_id)
    )


async def claim_wishes(tx: Transaction, *, limit: int, pause_s: float) -> Sequence[UUID]:
    """Return payments whose buyers wait for another way to pay; put the next try off."""
    cursor = await tx.execute(
        """
        UPDATE payments_payments AS p
        SET wish_at = clock_timestamp() + make_interval(secs => %s)
        FROM (SELECT payment_id FROM payments_payments WHERE wish_at <= clock_timestamp()
              ORDER BY wish_at LIMIT %s FOR UPDATE SKIP LOCKED) AS due
        WHERE p.payment_id = due.payment_id RETURNING p.payment_id
        """,
        (pause_s, limit),
    )
    return [row["payment_id"] for row in await cursor.fetchall()]


def _attempt(row: DictRow) -> Attempt:
    return Attempt(
        payment_id=row["payment_id"],
        provider=row["provider"],
        number=row["number"],
        status=AttemptStatus(row["status"]),
        way=Way(row["way"]),
        ref=row["provider_ref"],
        client_secret=row["client_secret"],
        pay_url=row["pay_url"],
        last_decline=row["last_decline"],
        trouble=row["trouble"],
    )
