"""Each promise of the bank's part, shown to be missed by records that break it."""

import psycopg
import pytest

from bank_statements import Entry, Paper
from tradesense.payments.bank.invariants import INVARIANTS

pytestmark = pytest.mark.breaks_invariants

FIRST = Paper(opening="100.00", entries=(Entry(amount="540.00"), Entry(amount="-12.50")))

DAMAGE = {
    "a statement adds up, and begins where the one before ended": (
        "UPDATE payments_bank_statements SET opening_minor = 7 WHERE ordinal = 2"
    ),
    "every line of a statement is in the books, once, as the bank has it": (
        "UPDATE payments_bank_lines SET amount_minor = -amount_minor WHERE seq = 2"
    ),
    "the books hold at the bank what the bank says they do": (
        "UPDATE payments_bank_statements SET closing_minor = 7 WHERE ordinal = 3"
    ),
    "a line that is known for what it is has left `unapplied`, in full": (
        "INSERT INTO payments_bank_applied (line_id, kind, party, transfer_id, applied_at) "
        "SELECT line_id, 'fee', '', gen_random_uuid(), now() FROM payments_bank_lines LIMIT 1"
    ),
    "a match is approved by another than who proposed it, and then each of its lines is known": (
        "UPDATE payments_bank_matches SET status = 'open', decided_by = NULL"
    ),
    "what a match brought is what its payments received, each by a receipt of its own": (
        "UPDATE payments_bank_match_payments SET provider_ref = 'RF00'"
    ),
    "a transfer is paid if, and only if, a statement shows it as it was ordered": (
        "UPDATE payments_bank_outgoing SET amount_minor = 1"
    ),
}


def test_every_promise_has_a_damage():
    assert DAMAGE.keys() == INVARIANTS.keys()


@pytest.mark.parametrize("promise", DAMAGE)
async def test_damage_is_found(firm, database, promise):
    await firm.take(FIRST)
    firm.paper = FIRST
    seen = await firm.ask()
    lines = await firm.bank_says(Entry(amount="540.01", text=seen.ref, ref="B9"))
    await firm.approve(await firm.propose(lines, [seen]))
    (told,) = await firm.send_refunds(seen)
    await firm.bank_says(Entry(amount="-540.01", end_to_end=told.ref))
    with psycopg.connect(database.superuser) as superuser:
        assert superuser.execute(INVARIANTS[promise]).fetchall() == []

        superuser.execute(DAMAGE[promise])

        assert superuser.execute(INVARIANTS[promise]).fetchall() != []
