"""What comes after an offer, cut off anywhere: taken once, released once, sent back once."""

import asyncio
from dataclasses import dataclass, field

import pytest

from cut_world import PRICE, plan, require_every_place
from cutting_proxy import Ending, Target
from tradesense import payments
from tradesense.kernel.money import Money
from tradesense.payments.model import PaymentStatus, RefundStatus, Way

BOTH = (Ending.FIN, Ending.RST)
STRIPE, MOLLIE = ("stripe", Way.DIRECT), ("mollie", Way.PAGE)


@dataclass(frozen=True)
class Change:
    """A call that moves money or lets it go: its request, by the payment's reference."""

    begins: str
    contains: str = ""
    moved: dict[str, int] = field(default_factory=dict)
    """Movements at the provider of each payment afterwards, in all, in minor units."""

    def target(self, ref):
        return Target(self.begins.format(ref=ref), self.contains.format(ref=ref))


REFUND_UNDERWAY_MAX_S = 30  # a second at the sandbox; days at the real one
CHARGED = {"charge": PRICE.minor}
# Less than half: no limit of what was paid stops a second one, only we do.
PART = Money(20_000, "USD")
SENT_BACK = {**CHARGED, "refund": -PART.minor}
CAPTURES = {
    STRIPE: Change("POST /v1/payment_intents/{ref}/capture ", moved=CHARGED),
    MOLLIE: Change("POST /v2/payments/{ref}/captures ", moved=CHARGED),
}
WITHDRAWALS = {
    STRIPE: Change("POST /v1/payment_intents/{ref}/cancel "),
    ("stripe", Way.PAGE): Change("POST /v1/checkout/sessions/{ref}/expire "),
    MOLLIE: Change("DELETE /v2/payments/{ref} "),
}
RELEASES = {
    STRIPE: Change("POST /v1/payment_intents/{ref}/cancel "),
    MOLLIE: Change("POST /v2/payments/{ref}/release-authorization "),
}
REFUNDS = {
    STRIPE: Change("POST /v1/refunds ", "payment_intent={ref}", moved=SENT_BACK),
    MOLLIE: Change("POST /v2/payments/{ref}/refunds ", moved=SENT_BACK),
}
LOOKS = {
    STRIPE: Change("GET /v1/payment_intents/{ref}?", moved=CHARGED),
    ("stripe", Way.PAGE): Change("GET /v1/checkout/sessions/{ref}?", moved=CHARGED),
    MOLLIE: Change("GET /v2/payments/{ref}?", moved=CHARGED),
}


def each_of(changes):
    return pytest.mark.parametrize(
        ("first", "way", "change"),
        [(*where, change) for where, change in changes.items()],
        ids=["-".join(where) for where in changes],
    )


async def cut_everywhere(market, chance, change, made, begin):
    """
    Cut the call of each payment at its own place, once it was seen for one that is not cut.

    `made(count)` brings payments to where the call is due; `begin(payment_id)` makes it due.
    Returns all payments.
    """
    seen = await made(1)
    watched = change.target((await market.payment(seen[0])).offer.ref)
    market.proxy.watching.append(watched)
    await begin(seen[0])
    await market.work(2)
    request, answer = market.proxy.watched[watched]
    market.proxy.answer_length = len(answer)

    the_plan = plan((request, answer), chance, endings=BOTH, parts=12)
    cut_off = await made(len(the_plan.cuts))
    for payment_id, cut in zip(cut_off, the_plan.cuts, strict=True):
        ref = (await market.payment(payment_id)).offer.ref
        market.proxy.armed[change.target(ref)] = cut
        await begin(payment_id)
    await market.work(3)
    require_every_place(the_plan, market.proxy, watched)

    (refused,) = await made(1)
    await begin(refused)
    before = await market.facts(refused)
    market.proxy.refuse()  # not even a connection
    await market.work(1)
    assert await market.facts(refused) == before
    await market.proxy.listen()
    await market.work(2)
    return [*seen, *cut_off, refused]


async def require_moved(market, judge, made, change):
    """Require that the provider's ledger has what each payment should have moved, and ours too."""
    name = market.first.name
    moved = {kind: amounts for (_, kind), amounts in judge.moved().items()}
    assert moved == {kind: [minor] * len(made) for kind, minor in change.moved.items()}
    left = sum(change.moved.values()) * len(made)
    assert await market.balance(f"clearing:{name}:USD") == left
    assert await market.balance("deferred-revenue:USD") == left
    assert await market.balance("unapplied:USD") == 0


async def require_told_once(market, made, status, fact):
    assert await market.statuses(made) == {status}
    assert {(await market.facts(each)).count(fact) for each in made} == {1}


async def give_up(market, payment_id):
    await market.run(payments.give_up, payment_id=payment_id, reason="no challenge")


async def send_part_back(market, payment_id):
    await market.run(
        payments.request_refund, payment_id=payment_id, refund_id=market.runtime.new_id(),
        amount=PART, reason="goodwill",
    )  # fmt: skip


async def capture(market, payment_id):
    await market.runtime.db.run(
        lambda tx: payments.capture(tx, payment_id=payment_id), key=f"capture {payment_id}"
    )


@each_of(CAPTURES)
async def test_a_capture_takes_the_money_once(open_market, judge, chance, *, first, way, change):
    async with open_market(first) as market:
        made = await cut_everywhere(
            market, chance, change, lambda n: market.authorised(n, way),
            lambda each: capture(market, each),
        )  # fmt: skip
        await require_moved(market, judge, made, change)
        await require_told_once(market, made, PaymentStatus.SUCCEEDED, "PaymentSucceeded")


@each_of(RELEASES)
async def test_a_release_lets_the_money_go(open_market, judge, chance, *, first, way, change):
    async with open_market(first) as market:
        made = await cut_everywhere(
            market, chance, change, lambda n: market.authorised(n, way),
            lambda each: give_up(market, each),
        )  # fmt: skip
        assert judge.live() == {}
        await require_moved(market, judge, made, change)
        await require_told_once(market, made, PaymentStatus.CANCELLED, "PaymentCancelled")


@each_of(WITHDRAWALS)
async def test_a_withdrawal_leaves_nothing_to_pay(
    open_market, judge, chance, *, first, way, change
):
    async with open_market(first) as market:
        made = await cut_everywhere(
            market, chance, change, lambda n: market.offered(n, way),
            lambda each: give_up(market, each),
        )  # fmt: skip
        assert judge.live() == {}
        await require_moved(market, judge, made, change)
        await require_told_once(market, made, PaymentStatus.CANCELLED, "PaymentCancelled")


@each_of(REFUNDS)
async def test_a_refund_sends_the_money_back_once(
    open_market, judge, chance, *, first, way, change
):
    async with open_market(first) as market:
        made = await cut_everywhere(
            market, chance, change, lambda n: market.paid(n, way),
            lambda each: send_part_back(market, each),
        )  # fmt: skip
        sent = await ended_refunds(market, made)
        assert sent == [[RefundStatus.SUCCEEDED]] * len(made)
        assert judge.moved()[first, "refund"] == [-PART.minor] * len(made)
        await require_moved(market, judge, made, change)
        await require_told_once(market, made, PaymentStatus.PARTIALLY_REFUNDED, "PaymentRefunded")


async def ended_refunds(market, made):
    """Return what became of each payment's refunds: at Mollie one is underway for a while."""
    async with asyncio.timeout(REFUND_UNDERWAY_MAX_S):
        while True:
            kept = [await refunds_of(market, each) for each in made]
            statuses = [[each.status for each in of_one] for of_one in kept]
            if all(RefundStatus.REQUESTED not in each for each in statuses):
                return statuses
            await market.work(1)


async def refunds_of(market, payment_id):
    async with market.runtime.db.reading() as tx:
        return await payments.list_refunds(tx, payment_id)


@each_of(LOOKS)
async def test_a_look_books_the_money_once(open_market, judge, chance, *, first, way, change):
    async with open_market(first) as market:
        made = await cut_everywhere(
            market, chance, change, lambda n: market.offered(n, way),
            lambda each: market.pay([each]),
        )  # fmt: skip
        await require_moved(market, judge, made, change)
        await require_told_once(market, made, PaymentStatus.SUCCEEDED, "PaymentSucceeded")
