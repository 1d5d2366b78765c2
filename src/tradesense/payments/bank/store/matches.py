"""The SQL of offers and matches."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import DictRow

from tradesense.infra.db import Transaction
from tradesense.payments.bank.model import LineKind, Match, MatchStatus, Offer

MATCHES_SHOWN_MAX = 1_000

_OFFERS = """
    SELECT o.*, EXISTS (SELECT FROM payments_bank_match_payments p
                        WHERE p.payment_id = o.payment_id AND p.provider_ref IS NOT NULL) AS paid
    FROM payments_bank_offers o
"""


async def add_offer(tx: Transaction, offer: Offer) -> bool:
    """Insert an offer; False if its payment has one, or its reference is taken."""
    cursor = await tx.execute(
        """
        INSERT INTO payments_bank_offers
            (payment_id, purchase_id, reference, account, amount_minor, currency, payer)
        VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
        """,
        (
            offer.payment_id,
            offer.purchase_id,
            offer.reference,
            offer.account,
            offer.amount_minor,
            offer.currency,
            offer.payer,
        ),
    )
    return cursor.rowcount == 1


async def find_offer(tx: Transaction, payment_id: UUID) -> Offer | None:
    cursor = await tx.execute(f"{_OFFERS} WHERE o.payment_id = %s", (payment_id,))
    row = await cursor.fetchone()
    return None if row is None else _to_offer(row)


async def find_offer_under(tx: Transaction, reference: str) -> Offer | None:
    cursor = await tx.execute(f"{_OFFERS} WHERE o.reference = %s", (reference,))
    row = await cursor.fetchone()
    return None if row is None else _to_offer(row)


async def lock_offer_under(tx: Transaction, reference: str) -> None:
    """Hold an offer until `tx` ends: one refund of it is decided at a time."""
    await tx.execute(
        "SELECT FROM payments_bank_offers WHERE reference = %s FOR UPDATE", (reference,)
    )


async def list_offers(tx: Transaction, references: Sequence[str]) -> Sequence[Offer]:
    """Return offers that can still be paid, and those of `references` whatever became of them."""
    cursor = await tx.execute(
        f"""
        {_OFFERS}
        WHERE o.reference = ANY(%s) OR NOT (o.is_withdrawn OR EXISTS (
            SELECT FROM payments_bank_match_payments p
            WHERE p.payment_id = o.payment_id AND p.provider_ref IS NOT NULL))
        ORDER BY o.recorded_at, o.payment_id
        """,
        (list(references),),
    )
    return [_to_offer(row) for row in await cursor.fetchall()]


async def find_offers(tx: Transaction, payment_ids: Sequence[UUID]) -> dict[UUID, Offer]:
    """Return those of the payments that were offered, by id."""
    cursor = await tx.execute(f"{_OFFERS} WHERE o.payment_id = ANY(%s)", (list(payment_ids),))
    return {row["payment_id"]: _to_offer(row) for row in await cursor.fetchall()}


async def withdraw_offer(tx: Transaction, reference: str) -> None:
    await tx.execute(
        "UPDATE payments_bank_offers SET is_withdrawn = true WHERE reference = %s", (reference,)
    )


async def add_match(tx: Transaction, match: Match) -> bool:
    """Insert a proposal; False if its id is there already."""
    cursor = await tx.execute(
        """
        INSERT INTO payments_bank_matches
            (match_id, kind, party, reason, proposed_by, proposed_at, status)
        VALUES (%s, %s, %s, %s, %s, %s, 'open') ON CONFLICT (match_id) DO NOTHING
        """,
        (
            match.match_id,
            match.kind,
            match.party,
            match.reason,
            match.proposed_by,
            match.proposed_at,
        ),
    )
    if cursor.rowcount != 1:
        return False
    await tx.execute(
        "INSERT INTO payments_bank_match_lines (match_id, line_id) SELECT %s, unnest(%s::uuid[])",
        (match.match_id, list(match.line_ids)),
    )
    await tx.execute(
        """
        INSERT INTO payments_bank_match_payments (match_id, payment_id)
        SELECT %s, unnest(%s::uuid[])
        """,
        (match.match_id, list(match.payment_ids)),
    )
    return True


_MATCHES = """
    SELECT m.*,
        ARRAY(SELECT line_id FROM payments_bank_match_lines l
              WHERE l.match_id = m.match_id ORDER BY line_id) AS line_ids,
        ARRAY(SELECT payment_id FROM payments_bank_match_payments p
              WHERE p.match_id = m.match_id ORDER BY payment_id) AS payment_ids
    FROM payments_bank_matches m
"""


async def lock_match(tx: Transaction, match_id: UUID) -> Match | None:
    """Read a match and hold it until `tx` ends."""
    cursor = await tx.execute(f"{_MATCHES} WHERE m.match_id = %s FOR UPDATE OF m", (match_id,))
    row = await cursor.fetchone()
    return None if row is None else _to_match(row)


async def list_waiting(tx: Transaction, *, limit: int = MATCHES_SHOWN_MAX) -> Sequence[Match]:
    """Return proposals that nobody has decided yet, the oldest first."""
    cursor = await tx.execute(
        f"{_MATCHES} WHERE m.status = 'open' ORDER BY m.proposed_at, m.match_id LIMIT %s", (limit,)
    )
    return [_to_match(row) for row in await cursor.fetchall()]


async def list_matches(
    tx: Transaction, *, status: MatchStatus | None = None, limit: int = MATCHES_SHOWN_MAX
) -> Sequence[Match]:
    """Return matches, the newest first."""
    cursor = await tx.execute(
        f"""
        {_MATCHES} WHERE %(status)s::text IS NULL OR m.status = %(status)s
        ORDER BY m.recorded_at DESC, m.match_id LIMIT %(limit)s
        """,
        {"status": status, "limit": limit},
    )
    return [_to_match(row) for row in await cursor.fetchall()]


async def decide(
    tx: Transaction, match_id: UUID, status: MatchStatus, *, by: str, now: datetime
) -> None:
    await tx.execute(
        """
        UPDATE payments_bank_matches SET status = %s, decided_by = %s, decided_at = %s
        WHERE match_id = %s
        """,
        (status, by, now, match_id),
    )


async def save_share(
    tx: Transaction, match_id: UUID, payment_id: UUID, *, ref: str, received_minor: int
) -> None:
    """Keep what a payment received by a match, and the name the money has there."""
    await tx.execute(
        """
        UPDATE payments_bank_match_payments SET provider_ref = %s, received_minor = %s
        WHERE match_id = %s AND payment_id = %s
        """,
        (ref, received_minor, match_id, payment_id),
    )


async def find_received(tx: Transaction, ref: str) -> tuple[int, str] | None:
    """Return how much came under `ref`, in minor units, and in which currency."""
    cursor = await tx.execute(
        """
        SELECT p.received_minor, min(l.currency) AS currency
        FROM payments_bank_match_payments p
        JOIN payments_bank_match_lines m USING (match_id)
        JOIN payments_bank_lines l USING (line_id)
        WHERE p.provider_ref = %s GROUP BY p.match_id, p.payment_id, p.received_minor
        """,
        (ref,),
    )
    row = await cursor.fetchone()
    return None if row is None else (row["received_minor"], row["currency"])


async def find_payer(tx: Transaction, ref: str) -> tuple[str, str]:
    """Return name and account of who sent most of what came under `ref`; empty if unknown."""
    cursor = await tx.execute(
        """
        SELECT l.counterparty, l.counterparty_account
        FROM payments_bank_match_payments p
        JOIN payments_bank_match_lines m USING (match_id)
        JOIN payments_bank_lines l USING (line_id)
        WHERE p.provider_ref = %s ORDER BY l.amount_minor DESC, l.line_id LIMIT 1
        """,
        (ref,),
    )
    row = await cursor.fetchone()
    return ("", "") if row is None else (row["counterparty"], row["counterparty_account"])


def _to_offer(row: DictRow) -> Offer:
    return Offer(
        payment_id=row["payment_id"],
        purchase_id=row["purchase_id"],
        reference=row["reference"],
        account=row["account"],
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        payer=row["payer"],
        is_withdrawn=row["is_withdrawn"],
        is_paid=row["paid"],
    )


def _to_match(row: DictRow) -> Match:
    return Match(
        match_id=row["match_id"],
        kind=LineKind(row["kind"]),
        line_ids=tuple(row["line_ids"]),
        payment_ids=tuple(row["payment_ids"]),
        party=row["party"],
        reason=row["reason"],
        proposed_by=row["proposed_by"],
        proposed_at=row["proposed_at"],
        status=MatchStatus(row["status"]),
        decided_by=row["decided_by"],
    )
