"""Pending transfers: what is held, and the three ways in which that ends."""

import asyncio
from dataclasses import replace

import pytest

from tradesense import ledger, trail
from tradesense.kernel.errors import Rejected
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.ledger import (
    InvalidTransfer,
    Outcome,
    Overdrawn,
    PeriodClosed,
    ReservationEnded,
    TransferMismatch,
    UnknownTransfer,
)
from tradesense.ledger.jobs import expire_due

PAYOUT = derive("payout")


async def reserve(books, *transfers, expires_in_s=None):
    await books.do(ledger.reserve, *transfers, expires_in_s=expires_in_s)


async def test_what_is_reserved_cannot_be_spent_but_still_stands_in_the_books(books):
    await books.post(books.share(700))
    await reserve(books, books.payout(500))

    assert await books.balance(books.jane) == 700
    assert await books.balance(books.transit) == 0
    with pytest.raises(Overdrawn, match=r"2\.00 USD that is free.*asks for 2\.01 USD"):
        await books.post(books.payout(201, "other"))
    with pytest.raises(Overdrawn):
        await reserve(books, books.payout(201, "other"))
    await books.post(books.payout(200, "other"))


async def test_a_settled_reservation_is_a_transfer_and_holds_nothing_more(books):
    await books.post(books.share(700))
    await reserve(books, books.payout(500))

    posted = await books.do(ledger.settle, reservation_id=PAYOUT)
    again = await books.do(ledger.settle, reservation_id=PAYOUT)

    assert posted == again
    assert await books.balance(books.jane) == 200
    assert await books.balance(books.transit) == 500
    stored = await books.read(ledger.find_transfer, posted)
    assert stored == replace(books.payout(500), id=posted)
    ended = await books.read(ledger.find_reservation, PAYOUT)
    assert (ended.outcome, ended.transfer_id) == (Outcome.POSTED, posted)
    await books.post(books.payout(200, "rest"))


async def test_less_than_was_reserved_may_be_posted_and_the_rest_is_free(books):
    await books.post(books.share(700))
    await reserve(books, books.payout(700))

    await books.do(ledger.settle, reservation_id=PAYOUT, amount=Money(300, "USD"))

    await books.post(books.payout(400, "rest"))
    assert await books.balance(books.jane) == 0


@pytest.mark.parametrize("amount", [Money(701, "USD"), Money(1, "EUR"), Money(0, "USD")])
async def test_more_than_was_reserved_or_nothing_cannot_be_posted(books, amount):
    await books.post(books.share(700))
    await reserve(books, books.payout(700))

    with pytest.raises(InvalidTransfer):
        await books.do(ledger.settle, reservation_id=PAYOUT, amount=amount)

    assert (await books.read(ledger.find_reservation, PAYOUT)).outcome is None


async def test_a_voided_reservation_frees_what_it_held_and_stays_voided(books):
    await books.post(books.share(700))
    await reserve(books, books.payout(700))

    await books.do(ledger.void, reservation_id=PAYOUT)
    await books.do(ledger.void, reservation_id=PAYOUT)

    with pytest.raises(ReservationEnded, match="was voided"):
        await books.do(ledger.settle, reservation_id=PAYOUT)
    await books.post(books.payout(700, "other"))


async def test_time_ends_a_reservation_by_the_clock_of_the_database(books, runtime):
    await books.post(books.share(700))
    await reserve(books, books.payout(300), expires_in_s=0)
    await reserve(books, books.payout(200, "later"), expires_in_s=3_600)

    with pytest.raises(ReservationEnded, match="has expired"):
        await books.do(ledger.settle, reservation_id=PAYOUT)
    assert await expire_due(runtime) == 1
    assert await expire_due(runtime) == 0

    assert (await books.read(ledger.find_reservation, PAYOUT)).outcome is Outcome.EXPIRED
    with pytest.raises(ReservationEnded, match="was expired"):
        await books.do(ledger.void, reservation_id=PAYOUT)
    await books.post(books.payout(500, "other"))
    with pytest.raises(Overdrawn):
        await books.post(books.payout(1, "too much"))


async def test_linked_reservations_are_held_all_or_none(books):
    await books.post(books.share(700))

    with pytest.raises(Overdrawn):
        await reserve(books, books.payout(400), books.payout(301, "second"))
    assert await books.read(ledger.find_reservation, PAYOUT) is None
    await reserve(books, books.payout(400), books.payout(300, "second"))


async def test_a_reservation_said_twice_is_held_once(books):
    await books.post(books.share(700))
    await reserve(books, books.payout(700))
    await reserve(books, books.payout(700))

    with pytest.raises(TransferMismatch):
        await reserve(books, books.payout(699))


async def test_what_nobody_reserved_cannot_end(books):
    for verb in (ledger.settle, ledger.void):
        with pytest.raises(UnknownTransfer):
            await books.do(verb, reservation_id=PAYOUT)


async def test_a_reversal_or_nonsense_is_never_reserved(books):
    with pytest.raises(InvalidTransfer, match="never reserved"):
        await reserve(books, books.transfer(reverses=derive("x")))
    with pytest.raises(InvalidTransfer):
        await reserve(books, books.transfer(minor=0))


async def test_a_reservation_of_a_period_that_closes_is_settled_with_a_later_date(books):
    await books.post(books.share(700))
    await reserve(books, books.payout(700))
    later = books.now.replace(day=3)
    await books.do(ledger.close_period, until=later, by="operator:jane")

    with pytest.raises(PeriodClosed):
        await books.do(ledger.settle, reservation_id=PAYOUT)
    await books.do(ledger.settle, reservation_id=PAYOUT, effective_at=later)

    assert await books.balance(books.jane) == 0


async def test_the_trail_tells_of_a_reservation_and_of_its_end(books):
    await books.post(books.share(700))
    await reserve(books, books.payout(500))
    posted = await books.do(ledger.settle, reservation_id=PAYOUT)

    told = await books.read(trail.read_stream, f"reservation:{PAYOUT}")
    assert [entry.kind for entry in told] == ["TransferReserved", "ReservationResolved"]
    assert (told[1].data["outcome"], told[1].data["transfer_id"]) == ("posted", str(posted))


async def test_of_all_ends_at_once_exactly_one_happens(books, runtime):
    await books.post(books.share(1_000))
    names = [f"payout {n}" for n in range(8)]
    await reserve(books, *(books.payout(100, name) for name in names), expires_in_s=0.05)

    async def end(verb, name):
        try:
            await books.do(verb, reservation_id=derive(name))
        except Rejected:
            return 0
        return 1

    async with asyncio.TaskGroup() as group:
        tries = {
            name: [group.create_task(end(verb, name)) for verb in (ledger.settle, ledger.void)]
            for name in names
        }
        expiring = group.create_task(expire_due(runtime))
    ended = sum(task.result() for each in tries.values() for task in each)

    assert all(sum(task.result() for task in each) <= 1 for each in tries.values())
    await asyncio.sleep(0.06)
    assert ended + expiring.result() + await expire_due(runtime) == len(names)
    paid = await books.balance(books.transit)
    assert await books.balance(books.jane) == 1_000 - paid
