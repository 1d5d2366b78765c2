"""An offer cut off anywhere is settled first, or undone: nobody can pay twice."""

import asyncio

import pytest

from cut_world import PRICE, plan, require_every_place
from cutting_proxy import ANSWERED, Ending, Target
from tradesense.payments.model import PaymentStatus, Way

OFFERS = {
    "stripe-direct": ("stripe", Way.DIRECT, "POST /v1/payment_intents ", "mollie"),
    "stripe-page": ("stripe", Way.PAGE, "POST /v1/checkout/sessions ", "mollie"),
    "mollie-page": ("mollie", Way.PAGE, "POST /v2/payments ", "stripe"),
}
BOTH = (Ending.FIN, Ending.RST)


@pytest.fixture(params=list(OFFERS))
def offers(request):
    return OFFERS[request.param]


async def watched(market, way, begins):
    """Return the bytes of an offer that nothing befell, and who it was for."""
    target = Target(begins)
    market.proxy.watching.append(target)
    made = await market.offered(1, way)
    request, answer = market.proxy.watched[target]
    market.proxy.answer_length = len(answer)
    return target, (request, answer), made


async def cut_offers(market, way, begins, the_plan):
    made = await asyncio.gather(*(market.request(way) for _ in the_plan.cuts))
    for payment_id, cut in zip(made, the_plan.cuts, strict=True):
        market.proxy.armed[Target(begins, str(payment_id))] = cut
    await asyncio.gather(*map(market.offer, made))
    return list(made)


def sorted_as(made, struck):
    """Return what struck each of the payments, in their order."""
    return sorted(struck, key=lambda each: [str(one) for one in made].index(each.target.contains))


async def require_paid_once(market, judge, made):
    """Let buyers pay what they are shown; then one charge each is all that is left anywhere."""
    live = judge.live()
    shown = {str(each): [(await market.payment(each)).offer.ref] for each in made}
    assert live == shown  # before anybody pays: one offer each, and it is the one shown
    await market.pay(made)
    await market.work(2)
    assert judge.live() == shown
    assert await market.statuses(made) == {PaymentStatus.SUCCEEDED}
    for payment_id in made:
        assert (await market.facts(payment_id)).count("PaymentSucceeded") == 1
    moved = judge.moved()
    assert sorted(amount for amounts in moved.values() for amount in amounts) == (
        [PRICE.minor] * len(made)
    )
    for provider in ("stripe", "mollie"):
        at_provider = sum(moved.get((provider, "charge"), []))
        assert await market.balance(f"clearing:{provider}:USD") == at_provider
    assert await market.balance("deferred-revenue:USD") == PRICE.minor * len(made)


async def test_with_one_provider_only_it_is_asked_again_and_offers_once(
    open_market, judge, chance, offers
):
    first, way, begins, _ = offers
    async with open_market(first) as market:
        target, bytes_seen, made = await watched(market, way, begins)
        the_plan = plan(bytes_seen, chance, endings=BOTH, parts=12)
        made += await cut_offers(market, way, begins, the_plan)
        require_every_place(the_plan, market.proxy, target)
        # The connection of one more is not even made.
        market.proxy.refuse()
        made.append(refused := await market.request(way))
        await market.offer(refused)
        (attempt,) = (await market.payment(refused)).attempts
        assert (attempt.status, attempt.trouble[:12]) == ("away", "ProviderAway")
        await market.proxy.listen()
        for payment_id in made:
            await market.offer(payment_id)
        await require_paid_once(market, judge, made)


async def test_with_another_provider_it_is_settled_or_undone(open_market, judge, chance, offers):
    first, way, begins, second = offers
    async with open_market(first, second) as market:
        target, bytes_seen, made = await watched(market, way, begins)
        the_plan = plan(bytes_seen, chance, endings=[chance.choice(BOTH)])
        made += await cut_offers(market, way, begins, the_plan)
        require_every_place(the_plan, market.proxy, target)
        await market.work(2)
        await market.look_for_the_last_time()
        used = {(await market.payment(each)).offer.provider for each in made}
        assert used == {first, second}
        await require_paid_once(market, judge, made)
        assert set(await market.attempts()) <= {"paid", "withdrawn", "away"}


async def test_with_the_first_then_contained_the_second_is_paid_once(
    open_market, judge, chance, offers
):
    first, way, begins, second = offers
    async with open_market(first, second) as market:
        target, bytes_seen, made = await watched(market, way, begins)
        the_plan = plan(bytes_seen, chance, endings=[chance.choice(BOTH)])
        market.proxy.is_down = True  # the offers below are cut at their place, all else at once
        cut = await cut_offers(market, way, begins, the_plan)
        require_every_place(the_plan, market.proxy, target)
        market.contained.add(first)
        await market.work(1)
        # An answer that came whole is an answer, whatever becomes of its connection.
        whole = [each.cut.place == ANSWERED for each in sorted_as(cut, market.proxy.struck)]
        used = [(await market.payment(each)).offer.provider for each in cut]
        assert used == [first if is_whole else second for is_whole in whole]
        market.proxy.is_down = False
        market.contained.clear()
        await market.work(2)
        await market.look_for_the_last_time()
        await require_paid_once(market, judge, made + cut)
        assert set(await market.attempts()) <= {"paid", "withdrawn"}
