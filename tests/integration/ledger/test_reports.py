"""What the books say: balances as of any moment, statements, ages, both legs of an exchange."""

import asyncio
from datetime import timedelta

import pytest

from tradesense import ledger
from tradesense.infra.clock import SystemClock
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.ledger import InvalidTransfer, exchange

DAY = timedelta(days=1)


async def test_a_balance_is_known_as_of_any_moment_of_the_books(books):
    for day in range(4):
        await books.post(books.transfer(f"day {day}", 100, effective_at=books.now + day * DAY))

    for day in range(4):
        moment = books.now + day * DAY
        assert await books.balance(books.clearing, as_of=moment) == 100 * (day + 1)
        just_before = moment - timedelta(microseconds=1)
        assert await books.balance(books.clearing, as_of=just_before) == 100 * day
    lines = await books.read(ledger.trial_balance, as_of=books.now + DAY)
    assert [(line.account, line.balance.minor) for line in lines] == [
        (books.clearing, 200),
        (books.deferred, 200),
    ]


async def test_what_was_recorded_later_was_not_known_before(books):
    await books.post(books.transfer("early", 100))
    known_at = SystemClock().now()
    await books.post(books.transfer("backdated", 10, effective_at=books.now - DAY))

    assert await books.balance(books.clearing, as_of=books.now) == 110
    assert await books.balance(books.clearing, as_of=books.now, known_at=known_at) == 100


async def test_hot_accounts_get_gapless_versions_in_the_order_of_the_trail(books):
    for number in range(5):
        await books.post(
            books.transfer(f"sale {number}", 100 + number), books.share(1, f"{number}")
        )
    await books.seal()
    await books.follow()
    await books.post(books.transfer("one more", 1_000))
    await books.seal()
    await books.follow()

    lines = await books.read(ledger.list_statement, books.clearing)
    assert [line.version for line in lines] == [6, 5, 4, 3, 2, 1]
    assert [line.amount.minor for line in lines] == [1_000, 104, 103, 102, 101, 100]
    assert [line.balance.minor for line in lines] == [1_510, 510, 406, 303, 201, 100]
    owed = await books.read(ledger.list_statement, books.deferred)
    assert [line.balance.minor for line in owed] == [1_510, 510, 406, 303, 201, 100]


async def test_a_statement_is_read_page_by_page(books):
    for number in range(7):
        await books.post(books.share(10, f"share {number}"))

    first = await books.read(ledger.list_statement, books.jane, limit=3)
    second = await books.read(ledger.list_statement, books.jane, before=first[-1].version, limit=9)

    assert [line.version for line in first + second] == [7, 6, 5, 4, 3, 2, 1]
    assert first[0].transfer == books.share(10, "share 6")
    assert [line.balance.minor for line in first] == [70, 60, 50]
    with pytest.raises(InvalidTransfer):
        await books.read(ledger.list_statement, "cash:USD")


async def test_a_balance_counts_what_the_follower_has_not_seen(books):
    await books.post(books.transfer("a", 1))
    assert await books.balance(books.clearing) == 1
    await books.seal()
    assert await books.balance(books.clearing) == 1
    await books.follow()
    assert await books.balance(books.clearing) == 1
    await books.post(books.transfer("b", 10))
    assert await books.balance(books.clearing) == 11
    await books.seal()
    await books.post(books.transfer("c", 100))
    assert await books.balance(books.clearing) == 111
    await books.follow()
    assert await books.balance(books.clearing) == 111


async def test_an_open_transaction_delays_nobodys_balance(books, db):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def post_slowly(tx):
        await ledger.post(tx, books.transfer("slow", 1), now=books.now)
        begun.set()
        await go_on.wait()

    await books.post(books.transfer("before", 10))
    async with asyncio.TaskGroup() as group:
        group.create_task(db.run(post_slowly, key="slow"))
        await begun.wait()
        await books.post(books.transfer("meanwhile", 1_000))
        await books.seal()  # the slow one is not visible yet: it is new to the next seal
        go_on.set()
    assert await books.balance(books.clearing) == 1_011
    await books.follow()
    assert await books.balance(books.clearing) == 1_011
    await books.post(books.transfer("after", 100))

    assert await books.balance(books.clearing) == 1_111
    await books.seal()
    await books.follow()
    assert await books.balance(books.clearing) == 1_111


async def test_an_age_is_that_of_the_oldest_part_that_still_stands(books):
    for day in range(5):
        await books.post(books.transfer(f"sale {day}", 100, effective_at=books.now + day * DAY))
    paid_out = {"debit": "bank:USD", "credit": books.clearing}
    await books.post(books.transfer("to bank", 250, **paid_out, effective_at=books.now + 5 * DAY))

    (age,) = await books.read(ledger.list_ages)
    assert (age.account, age.balance.minor) == (books.clearing, 250)
    assert age.oldest_at == books.now + 2 * DAY

    await books.post(books.transfer("rest", 250, **paid_out, effective_at=books.now + 6 * DAY))
    (age,) = await books.read(ledger.list_ages)
    assert (age.balance.minor, age.oldest_at) == (0, None)


async def test_an_age_walks_back_over_many_pages(books):
    old = [
        books.transfer(f"sale {n}", 1, effective_at=books.now + n * timedelta(seconds=1))
        for n in range(1_100)
    ]
    await books.post(*old)
    await books.post(
        books.transfer(
            "to bank", 50, debit="bank:USD", credit=books.clearing, effective_at=books.now + DAY
        )
    )

    (age,) = await books.read(ledger.list_ages)
    assert age.oldest_at == books.now + timedelta(seconds=50)


async def test_an_exchange_is_two_linked_legs_through_liquidity(books):
    legs = exchange(
        derive("fx"),
        sold=Money(10_000, "USD"),
        seller="bank:USD",
        bought=Money(15_200, "JPY"),
        buyer="bank:JPY",
        effective_at=books.now,
    )
    await books.post(*legs)
    await books.post(*legs)

    assert await books.balance("bank:USD") == -10_000
    assert await books.balance("bank:JPY") == 15_200
    assert await books.balance("liquidity:USD") == 10_000
    assert await books.balance("liquidity:JPY") == -15_200
    for currency in ("USD", "JPY"):
        lines = await books.read(ledger.trial_balance)
        own = [line for line in lines if line.debit.currency == currency]
        assert sum(line.debit.minor - line.credit.minor for line in own) == 0


@pytest.mark.breaks_invariants  # what lies before that position was never followed
async def test_the_follower_goes_on_far_along_the_trail(books, db):
    async def jump(tx):
        await tx.execute("UPDATE ledger_follower SET position = 32767")

    await db.run(jump, key="jump")
    await books.post(books.transfer())
    await books.seal()
    await books.follow()  # the number does not fit into two bytes any more

    assert await books.read(ledger.list_statement, books.clearing) == []
