"""The mission's own settings, played through."""

import asyncio

import pytest

from tradesense.kernel.errors import Conflict, Unavailable
from tradesense.resilience import presets
from tradesense.resilience.breaker import State
from tradesense.resilience.fallback import Delivery, StaleIfError
from tradesense.resilience.limits import Priority, Quota, important
from tradesense.resilience.policy import Policies, Policy
from tradesense.resilience.refusals import BreakerOpen, Shed
from unit.resilience.driven import IN_LOOP, Driven, in_driven_time, loop_now


async def down(*_args):
    raise Unavailable("503")


async def well(*_args):
    return "answer"


@pytest.mark.parametrize(
    "rest_s", [presets.PAYMENT_REST_S, presets.PAYMENT_REST_ALTERNATIVE_S], ids=["60 s", "300 s"]
)
async def test_payments_rest_after_five_failures_and_then_send_one_probe(rest_s):
    driven = Driven(chance=0.999)
    policy = Policy("stripe", presets.payments(rest_s=rest_s), surroundings=driven.surroundings)
    for failures in range(1, 6):
        assert policy.breaker.state is State.CLOSED, failures
        with pytest.raises(Unavailable):
            await policy.call(down)
    with pytest.raises(BreakerOpen):
        await policy.call(well)
    driven.pass_time(rest_s - 0.001)
    with pytest.raises(BreakerOpen):
        await policy.call(well)
    driven.pass_time(0.001)
    probe = asyncio.ensure_future(policy.call(asyncio.sleep, 0))
    await asyncio.sleep(0)
    with pytest.raises(BreakerOpen):
        await policy.call(well)
    await probe
    assert policy.breaker.state is State.CLOSED


def test_the_missions_numbers_are_the_missions():
    assert (presets.PAYMENT_FAILURES, presets.PAYMENT_REST_S) == (5, 60.0)
    assert presets.PAYMENT_REST_ALTERNATIVE_S == 300.0
    assert presets.POOL_FULL == 0.9
    assert presets.PUBLISH_PAUSES_S == (1.0, 2.0, 4.0)


async def test_a_declined_card_is_an_answer_of_the_provider():
    async def decline():
        raise Conflict("card declined")

    policy = Policy("stripe", presets.payments())
    for _ in range(20):
        with pytest.raises(Conflict):
            await policy.call(decline)
    assert policy.breaker.state is State.CLOSED


@in_driven_time
async def test_a_payment_that_takes_too_long_may_have_happened_and_is_not_repeated():
    made = []

    async def hang():
        made.append(1)
        await asyncio.sleep(3600)

    policy = Policy("stripe", presets.payments(), surroundings=IN_LOOP)
    began = loop_now()
    with pytest.raises(Exception, match="did not answer within 10 s"):
        await policy.call(hang)
    assert (len(made), loop_now() - began) == (1, pytest.approx(10.0))


async def query(gate):
    await gate.wait()
    return "rows"


async def ask(policy, gate, level):
    async def call():
        with important(level):
            return await policy.call(query, gate)

    task = asyncio.ensure_future(call())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return task


@pytest.mark.parametrize(
    ("underway", "shed"),
    [
        (17, []),
        (18, [Priority.LOW]),  # 90 % of 20
        (19, [Priority.LOW, Priority.NORMAL]),
        (20, [Priority.LOW, Priority.NORMAL, Priority.HIGH]),
    ],
)
@in_driven_time
async def test_the_database_sheds_from_ninety_percent_on_what_matters_least(underway, shed):
    for level in Priority:
        policy, gate = Policy("db", presets.database(20), surroundings=IN_LOOP), asyncio.Event()
        before = [await ask(policy, gate, Priority.CRITICAL) for _ in range(underway)]
        task = await ask(policy, gate, level)
        gate.set()
        if level in shed:
            with pytest.raises(Shed):
                await task
        else:
            assert await task == "rows"
        await asyncio.gather(*before)


@in_driven_time
async def test_at_ten_times_the_load_payments_are_answered_within_a_second():
    """A pool of 10, queries of 50 ms: 200 a second; of 2,000 asked for 100 are payments."""
    policy = Policy("db", presets.database(10), surroundings=IN_LOOP)
    took, shed = {level: [] for level in Priority}, dict.fromkeys(Priority, 0)

    async def one(level):
        began = loop_now()
        try:
            with important(level):
                await policy.call(asyncio.sleep, 0.05)
        except Unavailable:
            shed[level] += 1
        else:
            took[level].append(loop_now() - began)

    async with asyncio.TaskGroup() as group:
        for number in range(6000):
            level = Priority.CRITICAL if number % 20 == 0 else Priority(1 + number % 3)
            group.create_task(one(level))
            await asyncio.sleep(1 / 2000)
    payments = sorted(took[Priority.CRITICAL])
    assert shed[Priority.CRITICAL] == 0
    assert len(payments) == 300
    assert payments[int(0.99 * len(payments))] < 1.0
    assert shed[Priority.LOW] > 1000, "there was too much"
    assert sum(map(len, took.values())) > 3 * 200 * 0.8, "and the pool was busy all the time"


async def test_publishing_tries_after_one_two_and_four_seconds_and_then_buries():
    driven, buried, tries = Driven(), [], []

    async def bury(message, error):
        buried.append((message, error))

    async def publish(message):
        tries.append((message, driven.now_s - 1000.0))
        raise ConnectionError("stream away")

    publishing = presets.publishing("bus", bury, surroundings=driven.surroundings)
    assert await publishing.send(publish, "event") is Delivery.BURIED
    assert driven.slept == [1.0, 2.0, 4.0]
    assert tries == [("event", 0.0), ("event", 1.0), ("event", 3.0), ("event", 7.0)]
    [(message, error)] = buried
    assert (message, type(error)) == ("event", ConnectionError)


async def test_publishing_owes_each_message_all_its_tries():
    driven, count = Driven(), 0

    async def bury(_message, _error):
        pass

    async def publish(_message):
        nonlocal count
        count += 1
        raise Unavailable

    publishing = presets.publishing("bus", bury, surroundings=driven.surroundings)
    for number in range(100):
        await publishing.send(publish, number)
    assert count == 400


async def test_publishing_that_works_in_the_end_buries_nothing():
    driven, outcomes = Driven(), [Unavailable(), Unavailable(), None]

    async def bury(message, error):
        raise AssertionError(message) from error

    async def publish(_message):
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome

    publishing = presets.publishing("bus", bury, surroundings=driven.surroundings)
    assert await publishing.send(publish, "event") is Delivery.PUBLISHED


class Market:
    """The mission's three providers, of which some are down."""

    NAMES = ("alpha_vantage", "yahoo_finance", "iex_cloud")

    def __init__(self):
        self.driven, self.down, self.asked = Driven(), set(), []
        surroundings = self.driven.surroundings
        policies = Policies(presets.providers(self.NAMES), surroundings=surroundings)
        self.rotation = policies.rotation(
            self.NAMES[0],
            {name: self.ask(name) for name in self.NAMES},
            last=StaleIfError("prices", presets.prices(), surroundings=surroundings),
        )

    def ask(self, name):
        async def ask(_symbol):
            self.asked.append(name)
            if name in self.down:
                raise Unavailable
            return name

        return ask


async def test_providers_rotate_by_the_state_of_their_breakers_and_then_prices_are_stale():
    market = Market()
    assert (await market.rotation.call("EUR/USD")).provider == "alpha_vantage"
    market.down = {"alpha_vantage"}
    for _ in range(6):
        assert (await market.rotation.call("EUR/USD")).provider == "yahoo_finance"
    assert market.asked.count("alpha_vantage") == 1 + 5, "five failures, then it rests"
    market.down = set(Market.NAMES)
    market.driven.pass_time(25.0)
    answer = await market.rotation.call("EUR/USD")
    assert (answer.is_stale, answer.age_s, answer.provider) == (True, 25.0, "yahoo_finance")
    market.driven.pass_time(presets.PRICE_AGE_MAX_S)
    with pytest.raises(Unavailable):
        await market.rotation.call("EUR/USD")


def test_each_provider_has_the_quota_that_it_allows():
    settings = presets.providers(["a", "b"], {"a": [Quota(5, 60.0), Quota(500, 86_400.0)]})
    assert settings["a"].limiter.quotas == (Quota(5, 60.0), Quota(500, 86_400.0))
    assert settings["b"].limiter is None
    assert (settings["a"].fallback_to, settings["b"].fallback_to) == (("b",), ())
