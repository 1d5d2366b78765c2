"""The promises of reconciliation, each shown to fail on what it guards against."""

import psycopg
import pytest

from planted_differences import be_a_stranger
from tradesense.payments.reconciliation.invariants import INVARIANTS

BREAKS = {
    "the versions of a copied movement": "UPDATE payments_movements SET version = 2",
    "what is booked from a movement": "UPDATE payments_movements SET fee_minor = fee_minor + 1",
    "a complete run has the report": "UPDATE payments_reconciliations SET report = report || ' '",
    "every case has been told": "UPDATE payments_cases SET case_id = gen_random_uuid()",
    "a correction is posted": """
        INSERT INTO payments_corrections (correction_id, case_id, debit, credit, amount_minor,
          currency, reason, proposed_by, approved_by, transfer_id)
        SELECT gen_random_uuid(), case_id, 'bank:USD', 'unapplied:USD', 1, 'USD', 'why',
          'operator:jane', 'operator:john', gen_random_uuid() FROM payments_cases
    """,
}


def test_every_promise_is_tried():
    assert len(BREAKS) == len(INVARIANTS)


@pytest.mark.breaks_invariants
@pytest.mark.parametrize(("sentence", "damage"), BREAKS.items(), ids=BREAKS)
async def test_a_broken_promise_is_seen(books, sentence, damage):
    await books.sell()
    await be_a_stranger(books)
    await books.reconcile()
    (query,) = [query for told, query in INVARIANTS.items() if told.startswith(sentence)]
    with psycopg.connect(books.owner_url) as conn:
        assert conn.execute(query).fetchall() == []
        conn.execute("ALTER TABLE payments_movements DISABLE TRIGGER USER")
        assert conn.execute(damage).rowcount > 0

        assert conn.execute(query).fetchall()
