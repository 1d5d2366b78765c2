"""The SQL of the providers' books as copied, and of what was booked from them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import DictRow

from tradesense.infra.db import Transaction
from tradesense.payments.model import Movement, MovementKind
from tradesense.payments.reconciliation.model import Booking, Copied, Part, SentPayout

# Of each line the version that was shown last.
_NEWEST = """
    SELECT DISTINCT ON (provider, ref) * FROM payments_movements
"""


async def list_copied_between(
    tx: Transaction, provider: str, *, since: datetime, until: datetime
) -> Sequence[Copied]:
    """Return the lines that any version places in [since, until), as they were shown last."""
    return await _list(
        tx,
        """
        ref IN (SELECT ref FROM payments_movements
                WHERE provider = %(provider)s AND at >= %(since)s AND at < %(until)s)
        """,
        {"provider": provider, "since": since, "until": until},
    )


async def list_copied_refs(
    tx: Transaction, provider: str, refs: Sequence[str]
) -> Mapping[str, Copied]:
    found = await _list(tx, "ref = ANY(%(refs)s)", {"provider": provider, "refs": list(refs)})
    return {line.movement.ref: line for line in found}


async def list_copied_of(
    tx: Transaction, provider: str, subjects: Sequence[str]
) -> Sequence[Copied]:
    """Return every line of these subjects, whenever it was."""
    return await _list(
        tx, "subject = ANY(%(subjects)s)", {"provider": provider, "subjects": list(subjects)}
    )


async def _list(tx: Transaction, where: str, values: Mapping[str, object]) -> Sequence[Copied]:
    cursor = await tx.execute(
        f"""
        {_NEWEST} WHERE provider = %(provider)s AND {where}
        ORDER BY provider, ref, version DESC
        """,
        values,
    )
    return [_to_copied(row) for row in await cursor.fetchall()]


async def add_versions(tx: Transaction, lines: Iterable[Copied]) -> None:
    """Insert lines, each as the version it says; one that is there already is left as it is."""
    for line in lines:
        movement = line.movement
        await tx.execute(
            """
            INSERT INTO payments_movements
              (provider, ref, version, is_gone, subject, kind, amount_minor, fee_minor, currency,
               at, payment_ref, object_ref, bank_reference)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
            """,
            (
                movement.provider,
                movement.ref,
                line.versions,
                line.is_gone,
                line.subject,
                movement.kind,
                movement.amount_minor,
                movement.fee_minor,
                movement.currency,
                movement.at,
                movement.payment_ref,
                movement.object_ref,
                movement.bank_reference,
            ),
        )


async def list_unbooked(
    tx: Transaction, provider: str, *, after: tuple[datetime, str] | None, limit: int
) -> Sequence[Movement]:
    """Return first versions of lines that want a transfer and have none, beyond (at, ref)."""
    moment, ref = after or (None, None)
    cursor = await tx.execute(
        """
        SELECT m.* FROM payments_movements m
        WHERE m.provider = %(provider)s AND m.version = 1 AND (
          (m.fee_minor <> 0 AND NOT EXISTS (
             SELECT FROM payments_bookings b WHERE b.provider = m.provider
               AND b.movement_ref = m.ref AND b.part = 'fee'))
          OR (m.kind = ANY(%(kinds)s) AND m.amount_minor <> 0 AND NOT EXISTS (
             SELECT FROM payments_bookings b WHERE b.provider = m.provider
               AND b.movement_ref = m.ref AND b.part = 'whole')))
          AND (%(moment)s::timestamptz IS NULL OR (m.at, m.ref) > (%(moment)s, %(ref)s))
        ORDER BY m.at, m.ref LIMIT %(limit)s
        """,
        {
            "provider": provider,
            "moment": moment,
            "ref": ref,
            "limit": limit,
            "kinds": [
                MovementKind.FEE,
                MovementKind.PAYOUT,
                MovementKind.PAYOUT_FAILED,
                MovementKind.OTHER,
            ],
        },
    )
    return [_to_movement(row) for row in await cursor.fetchall()]


async def add_bookings(tx: Transaction, provider: str, bookings: Iterable[Booking]) -> None:
    for booking in bookings:
        await tx.execute(
            """
            INSERT INTO payments_bookings (transfer_id, provider, movement_ref, part)
            VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
            """,
            (booking.transfer_id, provider, booking.movement_ref, booking.part),
        )


async def list_bookings(tx: Transaction, provider: str, refs: Sequence[str]) -> Sequence[Booking]:
    cursor = await tx.execute(
        """
        SELECT * FROM payments_bookings WHERE provider = %s AND movement_ref = ANY(%s)
        ORDER BY movement_ref, part
        """,
        (provider, list(refs)),
    )
    return [
        Booking(
            movement_ref=row["movement_ref"],
            part=Part(row["part"]),
            transfer_id=row["transfer_id"],
        )
        for row in await cursor.fetchall()
    ]


async def list_unowned(tx: Transaction, provider: str, *, limit: int) -> Sequence[str]:
    """Return references of charges that we have no receipt of, and have asked nobody about."""
    cursor = await tx.execute(
        """
        SELECT DISTINCT m.payment_ref FROM payments_movements m
        WHERE m.provider = %s AND m.kind = 'charge' AND m.payment_ref IS NOT NULL
          AND NOT EXISTS (SELECT FROM payments_receipts r
            WHERE r.provider = m.provider AND r.provider_ref = m.payment_ref)
          AND NOT EXISTS (SELECT FROM payments_owners o
            WHERE o.provider = m.provider AND o.payment_ref = m.payment_ref)
        ORDER BY 1 LIMIT %s
        """,
        (provider, limit),
    )
    return [row["payment_ref"] for row in await cursor.fetchall()]


async def add_owner(
    tx: Transaction, provider: str, *, payment_ref: str, claimed: UUID | None
) -> None:
    await tx.execute(
        """
        INSERT INTO payments_owners (provider, payment_ref, claimed) VALUES (%s, %s, %s)
        ON CONFLICT DO NOTHING
        """,
        (provider, payment_ref, claimed),
    )


async def list_payout_references(tx: Transaction) -> Sequence[str]:
    """Return under which references any provider's payouts arrive at the bank."""
    cursor = await tx.execute(
        """
        SELECT DISTINCT coalesce(bank_reference, object_ref) AS reference FROM payments_movements
        WHERE kind IN ('payout', 'payout_failed')
          AND coalesce(bank_reference, object_ref) IS NOT NULL
        """
    )
    return [row["reference"] for row in await cursor.fetchall()]


async def list_sent_payouts(tx: Transaction) -> Sequence[SentPayout]:
    """Return the payouts that providers show and have not taken back."""
    cursor = await tx.execute(
        f"""
        SELECT provider, coalesce(bank_reference, object_ref) AS reference,
            -amount_minor AS amount_minor, currency
        FROM ({_NEWEST} ORDER BY provider, ref, version DESC) AS sent
        WHERE kind = 'payout' AND NOT is_gone AND coalesce(bank_reference, object_ref) IS NOT NULL
          AND NOT EXISTS (SELECT FROM payments_movements failed
                          WHERE failed.provider = sent.provider AND failed.kind = 'payout_failed'
                            AND failed.object_ref = sent.object_ref)
        """  # noqa: S608 -- our own words
    )
    return [SentPayout(**row) for row in await cursor.fetchall()]


async def sum_provider(tx: Transaction, provider: str) -> Mapping[str, int]:
    """Return the provider's balance by currency: what all of its lines, as shown last, add to."""
    cursor = await tx.execute(
        f"""
        SELECT currency, sum(amount_minor - fee_minor)::bigint AS net
        FROM ({_NEWEST} WHERE provider = %s ORDER BY provider, ref, version DESC) AS newest
        WHERE NOT is_gone GROUP BY currency
        """,  # noqa: S608 -- our own words
        (provider,),
    )
    return {row["currency"]: row["net"] for row in await cursor.fetchall()}


def _to_copied(row: DictRow) -> Copied:
    return Copied(
        movement=_to_movement(row),
        subject=row["subject"],
        versions=row["version"],
        is_gone=row["is_gone"],
    )


def _to_movement(row: DictRow) -> Movement:
    return Movement(
        provider=row["provider"],
        ref=row["ref"],
        kind=MovementKind(row["kind"]),
        amount_minor=row["amount_minor"],
        fee_minor=row["fee_minor"],
        currency=row["currency"],
        at=row["at"],
        payment_ref=row["payment_ref"],
        object_ref=row["object_ref"],
        bank_reference=row["bank_reference"],
    )
