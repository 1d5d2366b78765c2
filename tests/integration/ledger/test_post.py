"""Posting, reversing and reading, on the real database."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest

from tradesense import ledger, trail
from tradesense.kernel.errors import Conflict, Unavailable
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.ledger import InvalidTransfer, Overdrawn, Transfer, TransferMismatch

NOW = datetime(2014, 5, 2, 12, tzinfo=UTC)
CLEARING, DEFERRED = "clearing:stripe:USD", "deferred-revenue:USD"
SHARES, JANE, TRANSIT = "profit-shares:USD", "trader-payable:jane:USD", "payouts-in-transit:USD"


def usd(minor):
    return Money(minor, "USD")


def a_transfer(name="sale", **changes):
    made = Transfer(
        id=derive(name),
        debit=CLEARING,
        credit=DEFERRED,
        amount=usd(54_000),
        reason="payment received",
        effective_at=NOW,
    )
    return replace(made, **changes)


def share(minor, name="share"):
    return a_transfer(name, debit=SHARES, credit=JANE, amount=usd(minor))


def payout(minor, name="payout"):
    return a_transfer(name, debit=JANE, credit=TRANSIT, amount=usd(minor))


async def commit(db, *transfers, key):
    await db.run(lambda tx: ledger.post(tx, *transfers, now=NOW), key=key)


async def balance(db, account):
    async with db.reading() as tx:
        return await ledger.balance_of(tx, account)


async def test_both_sides_move_by_the_same_amount(db):
    await commit(db, a_transfer(), key="1")

    assert await balance(db, CLEARING) == await balance(db, DEFERRED) == usd(54_000)
    async with db.reading() as tx:
        lines = await ledger.trial_balance(tx)
    assert [(line.account, line.debit, line.credit, line.balance) for line in lines] == [
        (CLEARING, usd(54_000), usd(0), usd(54_000)),
        (DEFERRED, usd(0), usd(54_000), usd(54_000)),
    ]


async def test_a_transfer_said_twice_is_posted_once(db):
    await commit(db, a_transfer(), a_transfer(), key="1")
    await commit(db, a_transfer(), a_transfer("other", amount=usd(1)), key="2")

    assert await balance(db, CLEARING) == usd(54_001)


async def test_an_id_with_other_content_is_refused_and_nothing_is_written(db):
    await commit(db, a_transfer(), key="1")

    with pytest.raises(TransferMismatch, match="other content"):
        await commit(db, a_transfer("new"), a_transfer(amount=usd(1)), key="2")
    with pytest.raises(TransferMismatch, match="two transfers are called"):
        await commit(db, a_transfer("new"), a_transfer("new", amount=usd(1)), key="3")

    assert await balance(db, CLEARING) == usd(54_000)


async def test_the_trail_tells_of_a_transfer_and_of_who_posted_it(db):
    await db.run(
        lambda tx: ledger.post(tx, a_transfer(), now=NOW, by="system:payments", cause="payment:7"),
        key="1",
    )

    async with db.reading() as tx:
        (entry,) = await trail.read_stream(tx, f"ledger:{derive('sale')}")
    assert (entry.kind, entry.by, entry.cause) == ("TransferPosted", "system:payments", "payment:7")
    assert (entry.data["debit"], entry.data["amount_minor"]) == (CLEARING, 54_000)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": usd(0)},
        {"amount": usd(-5)},
        {"credit": CLEARING},
        {"credit": "cash:USD"},
        {"amount": Money(5, "EUR")},
    ],
)
async def test_what_makes_no_sense_is_refused_and_nothing_is_written(db, change):
    with pytest.raises(InvalidTransfer):
        await commit(db, a_transfer("good"), a_transfer("bad", **change), key="1")

    async with db.reading() as tx:
        assert await ledger.trial_balance(tx) == []


async def test_currencies_of_no_and_of_three_decimals_keep_their_units(db):
    for currency in ("JPY", "KWD"):
        sides = {"debit": f"bank:{currency}", "credit": f"rounding:{currency}"}
        await commit(db, a_transfer(currency, **sides, amount=Money(1_234, currency)), key=currency)

    assert str(await balance(db, "bank:JPY")) == "1,234 JPY"
    assert str(await balance(db, "bank:KWD")) == "1.234 KWD"
    async with db.reading() as tx:
        lines = await ledger.trial_balance(tx)
    for currency in ("JPY", "KWD"):
        own = [line for line in lines if line.debit.currency == currency]
        assert sum(line.debit.minor - line.credit.minor for line in own) == 0


async def test_a_bounded_account_is_never_overdrawn(db):
    await commit(db, share(700), key="1")

    with pytest.raises(Overdrawn, match=r"7\.00 USD.*asks for 7\.01 USD"):
        await commit(db, payout(701), key="2")
    await commit(db, payout(700), key="3")

    assert await balance(db, JANE) == usd(0)
    assert await balance(db, TRANSIT) == usd(700)


async def test_a_verb_may_catch_a_refusal_and_go_on(db):
    async def verb(tx):
        with pytest.raises(Overdrawn):
            await ledger.post(tx, share(1), payout(2), now=NOW)
        await ledger.post(tx, share(5, "other"), now=NOW)

    await db.run(verb, key="1")

    assert await balance(db, JANE) == usd(5)


async def test_of_many_payouts_at_once_only_what_is_there_goes_out(db):
    await commit(db, share(1_000), key="share")

    async def try_payout(n):
        try:
            await commit(db, payout(300, f"payout {n}"), key=f"payout {n}")
        except Overdrawn:
            return 0
        return 1

    async with asyncio.TaskGroup() as group:
        tries = [group.create_task(try_payout(n)) for n in range(8)]

    assert sum(task.result() for task in tries) == 3
    assert await balance(db, JANE) == usd(100)


async def test_opposite_transfers_at_once_do_not_lock_each_other_out(db):
    joe = "trader-payable:joe:USD"
    await commit(
        db, share(500), a_transfer("j", debit=SHARES, credit=joe, amount=usd(500)), key="0"
    )

    async with asyncio.TaskGroup() as group:
        for n in range(10):
            sides = {"debit": JANE, "credit": joe} if n % 2 else {"debit": joe, "credit": JANE}
            swap = a_transfer(f"swap {n}", **sides, amount=usd(10))
            group.create_task(commit(db, swap, key=f"swap {n}"))

    assert await balance(db, JANE) == await balance(db, joe) == usd(500)


async def test_the_same_transfer_from_many_callers_at_once_is_posted_once(db):
    async with asyncio.TaskGroup() as group:
        for n in range(8):
            group.create_task(commit(db, a_transfer(), share(9), key=f"caller {n}"))

    assert await balance(db, CLEARING) == usd(54_000)
    assert await balance(db, JANE) == usd(9)


async def test_of_two_contents_for_one_id_at_once_one_is_refused(db):
    async def say(n):
        try:
            await commit(db, a_transfer(amount=usd(n)), key=f"caller {n}")
        except TransferMismatch:
            return None
        return usd(n)

    async with asyncio.TaskGroup() as group:
        said = [group.create_task(say(n)) for n in range(1, 7)]

    (kept,) = [task.result() for task in said if task.result() is not None]
    assert await balance(db, CLEARING) == kept


async def test_a_reversal_takes_back_exactly_what_was_posted_and_only_once(db):
    async def reverse(tx, name="undo"):
        await ledger.reverse(
            tx, transfer_id=derive("sale"), reversal_id=derive(name), reason="typo", now=NOW
        )

    await commit(db, a_transfer(), key="1")
    await db.run(reverse, key="2")
    await db.run(reverse, key="3")  # said twice
    with pytest.raises(InvalidTransfer, match="no unreversed transfer"):
        await db.run(lambda tx: reverse(tx, "undo again"), key="4")

    assert await balance(db, CLEARING) == usd(0)
    async with db.reading() as tx:
        kept = await ledger.find_transfer(tx, derive("sale"))
        undo = await ledger.find_transfer(tx, derive("undo"))
    assert kept == a_transfer()
    assert (undo.reverses, undo.debit, undo.credit) == (derive("sale"), DEFERRED, CLEARING)


async def test_a_reversal_cannot_take_back_something_else(db):
    await commit(db, a_transfer(), key="1")
    wrong = a_transfer("undo", reverses=derive("sale"), amount=usd(1))

    with pytest.raises(InvalidTransfer, match="is not the mirror"):
        await commit(db, wrong, key="2")
    with pytest.raises(ledger.UnknownTransfer):
        await db.run(
            lambda tx: ledger.reverse(
                tx, transfer_id=derive("none"), reversal_id=derive("x"), reason="x", now=NOW
            ),
            key="3",
        )


async def test_a_reversal_cannot_be_reversed(db):
    undo = a_transfer("undo", debit=DEFERRED, credit=CLEARING, reverses=derive("sale"))
    await commit(db, a_transfer(), key="1")
    await commit(db, undo, key="2")

    with pytest.raises(InvalidTransfer, match="is not the mirror"):
        await commit(db, a_transfer("redo", reverses=derive("undo")), key="3")


async def test_an_account_off_the_chart_has_no_balance(db):
    assert await balance(db, "bank:USD") == usd(0)
    with pytest.raises(InvalidTransfer, match="on the chart"):
        await balance(db, "cash:USD")


@pytest.mark.parametrize("table", ["ledger_transfers", "ledger_lines", "ledger_accounts"])
@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET currency = 'EUR'", "DELETE FROM {}", "TRUNCATE {} CASCADE"]
)
async def test_the_books_cannot_be_changed_by_the_app_nor_by_the_owner(
    db, database, table, statement
):
    column = "balance_minor = 0" if table == "ledger_lines" else "currency = 'EUR'"
    change = statement.format(table).replace("currency = 'EUR'", column)
    await commit(db, share(5), key="1")

    for url, refusal in (
        (database.app, psycopg.errors.InsufficientPrivilege),
        (database.owner, psycopg.errors.IntegrityConstraintViolation),
        (database.superuser, psycopg.errors.IntegrityConstraintViolation),
    ):
        with psycopg.connect(url) as conn, pytest.raises(refusal):
            conn.execute(change)


async def test_the_app_cannot_forge_when_a_transfer_was_recorded(database):
    with (
        psycopg.connect(database.app) as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        conn.execute("INSERT INTO ledger_transfers (recorded_at) VALUES (now())")


async def test_a_lost_connection_leaves_all_of_a_post_or_nothing(db, superuser):
    async def cut_while_posting(tx):
        await ledger.post(tx, a_transfer("lost"), share(3, "lost share"), now=NOW)
        pid = tx.info.backend_pid
        superuser.execute("SELECT pg_terminate_backend(%s, 2000)", (pid,))
        raise Conflict("never reached the commit")

    with pytest.raises((Conflict, Unavailable)):
        await db.run(cut_while_posting, key="1", patience_s=1)

    async with db.reading() as tx:
        assert await ledger.trial_balance(tx) == []
