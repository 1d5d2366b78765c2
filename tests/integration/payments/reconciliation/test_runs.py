"""Runs over correct books: nothing is invented, everything the provider knows is booked once."""

import hashlib
import json

from tradesense import ledger, trail


async def balance(books, account):
    async with books.runtime.db.reading() as tx:
        return (await ledger.balance_of(tx, account)).minor


async def test_correct_books_differ_in_nothing_and_that_is_on_the_trail(books):
    payment_id, ref = await books.sell()
    await books.refund(payment_id, ref)
    await books.sell()

    run = await books.reconcile()

    report = json.loads(run.report)
    assert report["differences"] == report["open_cases"] == report["pending"] == 0
    assert report["by_kind"] == {}
    totals = report["totals_minor"]["USD"]
    assert (
        totals["provider"] == totals["clearing"] == 98_000 - await balance(books, "fees:stripe:USD")
    )
    async with books.runtime.db.reading() as tx:
        (entry,) = await trail.read_stream(tx, "reconciliation:stripe")
    assert (entry.kind, entry.version) == ("ReconciliationCompleted", run.stream_version)
    assert entry.data["report_sha256"] == hashlib.sha256(run.report.encode()).hexdigest()


async def test_fees_and_payouts_are_booked_once_however_often_it_runs(books):
    await books.sell()
    await books.reconcile()
    fees = await balance(books, "fees:stripe:USD")
    assert fees > 0
    paid_out = (await books.pay_out())["amount"]

    await books.reconcile(days=21)
    await books.reconcile(days=22)

    assert await balance(books, "fees:stripe:USD") == fees
    assert await balance(books, "provider-payouts:stripe:USD") == paid_out == 54_000 - fees
    assert await balance(books, "clearing:stripe:USD") == 0


async def test_what_is_underway_is_no_difference(books):
    await books.sell(is_settled=False)
    payment_id, ref = await books.sell()
    await books.refund(payment_id, ref, is_booked=False)
    await books.pay_out()

    run = await books.reconcile(days=0)

    report = json.loads(run.report)
    assert (report["differences"], await books.cases()) == (0, [])
    assert report["pending"] > 0


async def test_disputes_won_and_lost_are_no_difference(books):
    for outcome in ("won", "lost", None):
        payment_id, ref = await books.sell()
        dispute = await books.call(books.sandbox.dispute, ref)
        await books.settle(payment_id, ref)
        if outcome is not None:
            await books.call(books.sandbox.conclude, dispute, outcome)
            await books.settle(payment_id, ref)

    run = await books.reconcile()

    assert json.loads(run.report)["by_kind"] == {}


async def test_a_payout_that_arrives_to_the_cent_is_taken_in_without_anybody(books):
    await books.sell()
    await books.reconcile()
    paid_out = (await books.pay_out())["amount"]
    await books.reconcile(days=21)
    await books.import_bank()
    assert await balance(books, "provider-payouts:stripe:USD") == paid_out
    assert await balance(books, "unapplied:USD") == paid_out

    for days in (21, 22):
        await books.reconcile_bank(days=days)

        assert await balance(books, "provider-payouts:stripe:USD") == 0
        assert await balance(books, "unapplied:USD") == 0
    assert await books.cases() == []


async def test_a_payout_that_arrives_with_another_amount_waits_for_people(books):
    await books.sell()
    await books.reconcile()
    payout = await books.pay_out()
    books.change_credit(payout["reference"], -300)
    await books.reconcile(days=21)
    await books.import_bank()

    await books.reconcile_bank(days=21)

    assert await balance(books, "provider-payouts:stripe:USD") == payout["amount"]
    assert await balance(books, "unapplied:USD") == payout["amount"] - 300
