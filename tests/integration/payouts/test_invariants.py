"""Each promise of payouts, broken on purpose: its query finds it."""

import psycopg
import pytest

from payout_world import JANE, JOHN, PAYOUT, USER
from tradesense.kernel.ids import derive
from tradesense.payments.invariants import INVARIANTS as PAYMENTS
from tradesense.payouts.invariants import INVARIANTS

UPDATE = "UPDATE payouts_payouts SET "
OVER = "UPDATE saga_instances SET wake_at = NULL, due_at = NULL, waits_for = NULL, state = "
TWICE = """
    DROP INDEX payouts_fee_once, payouts_one_on_its_way;
    INSERT INTO payouts_payouts
    SELECT (jsonb_populate_record(p, jsonb_build_object('id', gen_random_uuid()))).*
    FROM payouts_payouts p
"""
PAYABLE = UPDATE + "status = 'returned', left_in = 'payable';"


def resend(
    status: str, decided_by: str, resend_id: str = "gen_random_uuid()", account: str = ""
) -> str:
    """Return how a resend of the payout is planted; the order of the payout may be made its own."""
    to = f"'{account}'" if account else "payee_account"
    return f"""
        INSERT INTO payouts_resends (id, payout_id, payee_name, payee_account, reason, proposed_by,
            proposed_at, status, decided_by)
        SELECT {resend_id}, id, payee_name, {to}, 'x', '{JANE}', now(), '{status}', '{decided_by}'
        FROM payouts_payouts
    """


BREAKS = {
    "what a payout took left the account once": [
        UPDATE + "share_minor = share_minor + 1",
        UPDATE + "withdrawn_minor = withdrawn_minor + 1",
    ],
    "a trader is owed what was frozen": [
        UPDATE + "status = 'returned'",
        UPDATE + "status = 'frozen'",
    ],
    "what is in transit is what the bank": [
        UPDATE + "share_minor = share_minor - 1",
        "UPDATE payments_bank_outgoing SET amount_minor = 1, status = 'paid', line_id = NULL",
    ],
    "a payout is ordered at the bank once it is sent": [
        UPDATE + "status = 'frozen'",
        UPDATE + "payee_account = 'DE89370400440532013000'",
        "UPDATE payments_bank_outgoing SET amount_minor = amount_minor + 1",
        "UPDATE payments_bank_outgoing SET kind = 'refund'",
        "UPDATE payments_bank_outgoing SET outgoing_id = gen_random_uuid()",
    ],
    "what is owed is sent again once two others agree": [
        PAYABLE + resend("sent", JOHN),  # no order at the bank
        PAYABLE + resend("rejected", JOHN, resend_id=f"'{PAYOUT}'"),  # ordered all the same
        PAYABLE + resend("returned", JANE, resend_id=f"'{PAYOUT}'"),  # by one alone
        PAYABLE
        + resend("returned", JOHN, resend_id=f"'{PAYOUT}'", account="DE89370400440532013000"),
        PAYABLE + resend("rejected", f"user:{USER}"),
        resend("rejected", JOHN),  # nothing is owed
    ],
    "a payout is approved by as many operators": [
        f"DELETE FROM payouts_approvals WHERE approved_by = '{JANE}'",
        f"UPDATE payouts_approvals SET approved_by = 'user:{USER}' WHERE approved_by = '{JANE}'",
    ],
    "the price of a challenge goes back once": [
        UPDATE + "fee_minor = fee_minor + 1",
        TWICE,
    ],
    "a fee that goes back with a payout cannot be refunded": [
        "UPDATE payments_asides SET put_back_at = now()",
        "UPDATE payments_asides SET amount_minor = amount_minor + 1",
        UPDATE + "fee_minor = 0",
    ],
    "each payout has its saga": [
        UPDATE + "status = 'refused', reason = 'lost'",
        OVER + "'completed'",
        OVER + "'compensated'",
        "UPDATE saga_instances SET kind = 'other'",
    ],
}


@pytest.mark.breaks_invariants
async def test_every_promise_can_be_seen_to_break(floor, database):
    await floor.request()
    await floor.identify()
    await floor.approve()
    assert (await floor.payout()).id == PAYOUT
    for begins, damages in BREAKS.items():
        (query,) = [sql for promise, sql in INVARIANTS.items() if promise.startswith(begins)]
        for damage in damages:
            with psycopg.connect(database.superuser) as conn:
                assert conn.execute(query).fetchall() == []
                conn.execute("SET session_replication_role = replica")  # no trigger, no reference
                conn.execute(
                    "ALTER TABLE payments_bank_outgoing"
                    " DROP CONSTRAINT payments_bank_outgoing_check"
                )
                conn.execute("ALTER TABLE payouts_resends DROP CONSTRAINT payouts_resends_check1")
                conn.execute(damage)
                assert conn.execute(query).fetchall(), f"{begins}: unseen: {damage}"
                conn.rollback()
    assert len(BREAKS) == len(INVARIANTS)


@pytest.mark.breaks_invariants
async def test_a_refund_of_what_went_back_with_a_payout_is_seen(floor, database):
    await floor.pay_price()
    await floor.refund(derive("part"), 100_00)
    await floor.request()
    (query,) = [sql for promise, sql in PAYMENTS.items() if "set aside" in promise]
    for damage in ("amount_minor = amount_minor + 1", "currency = 'EUR'"):
        with psycopg.connect(database.superuser) as conn:
            assert conn.execute(query).fetchall() == []
            conn.execute(f"UPDATE payments_asides SET {damage}")
            assert conn.execute(query).fetchall(), f"unseen: {damage}"
            conn.rollback()
