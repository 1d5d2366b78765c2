"""Requests and a losing trade at once, by chance: the books are right however it falls out."""

import asyncio

import pytest

from payout_world import CHALLENGE, PRICE_MINOR, USER
from tradesense import payouts
from tradesense.kernel.ids import derive
from tradesense.payouts import PayoutRefusal, PayoutStatus

TURNS = 12
PROFIT, LOSS = 5_000_00, 3_000_00
WISHES = (None, PROFIT, 2_000_00, 1_000_00)
WITHIN_S = 30


@pytest.fixture(params=range(TURNS))
def turn(request):
    """Play it so often; each turn has a seed of its own, which is printed."""
    return request.param


@pytest.mark.usefixtures("turn")
async def test_requests_and_a_losing_trade_at_once_keep_the_books_right(floor, chance):
    wishes = chance.sample(WISHES, k=3)
    await floor.quote()
    async with asyncio.timeout(WITHIN_S), asyncio.TaskGroup() as group:
        asked = [group.create_task(ask(floor, chance, *each)) for each in enumerate(wishes)]
        others = [*asked, group.create_task(lose(floor, chance))]
        group.create_task(until_done(floor.settle, others))
        group.create_task(until_done(floor.sagas, others))
    await floor.work()

    made = [each.result() for each in asked]
    assert all(isinstance(each, payouts.Payout | PayoutRefusal) for each in made), made
    known = await floor.read(payouts.list_payouts)
    frozen = [each for each in known if each.status is PayoutStatus.FROZEN]
    refused = [each for each in known if each.status is PayoutStatus.REFUSED]
    assert len(frozen) <= 1
    assert len(frozen) + len(refused) == len(known)
    assert [each.withdrawn_minor for each in refused] == [None] * len(refused)
    withdrawn = sum(each.withdrawn_minor for each in frozen)
    told = f"asked {wishes}, withdrawn {withdrawn}, refused {[each.reason for each in refused]}"
    print(told)  # noqa: T201 -- with the seed, what happened
    assert (await floor.account()).balance_minor == 100_000_00 + PROFIT - LOSS - withdrawn, told
    owed = withdrawn * 8 // 10 + PRICE_MINOR * len(frozen)
    assert (await floor.balances()).get("trader-payable:ada:USD", 0) == owed, told
    for each in frozen:
        allowed = {PROFIT, PROFIT - LOSS} if each.asked_minor is None else {each.asked_minor}
        assert each.withdrawn_minor in allowed, told


async def ask(floor, chance, number, amount_minor):
    """Return the payout that was asked for, or why it was refused."""
    await asyncio.sleep(chance.uniform(0, 0.2))
    wished = {"payout_id": derive(USER, "at once", number), "amount_minor": amount_minor}
    try:
        return await floor.request(is_worked=False, challenge_id=CHALLENGE, **wished)
    except PayoutRefusal as refusal:
        return refusal


async def lose(floor, chance):
    """Buy, let the price fall by 300 points, and sell, while others ask."""
    account_id = (await floor.challenge()).account_id
    await asyncio.sleep(chance.uniform(0, 0.1))
    await floor.ask_order(account_id, 1_000_000)
    while not (await floor.account()).positions:
        await asyncio.sleep(0.005)  # until the engine, beside us, has opened it
    await floor.put_quote(floor.bid - 300)
    await asyncio.sleep(chance.uniform(0, 0.1))
    await floor.ask_close(account_id)


async def until_done(act, others):
    """Do `act` again and again until the others have said what they have to say."""
    while not all(each.done() for each in others):
        await act()
