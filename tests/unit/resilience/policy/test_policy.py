"""All guards together: what each does inside a policy, and the order they stand in."""

import asyncio

import pytest

from tradesense.kernel.errors import Conflict, OutcomeUnknown, Unavailable
from tradesense.resilience.breaker import BreakerSettings, State, Streak
from tradesense.resilience.breaker.settings import TimeWindow
from tradesense.resilience.deadline import deadline
from tradesense.resilience.limits import BulkheadSettings, LimiterSettings, Quota
from tradesense.resilience.policy import Policy, PolicySettings
from tradesense.resilience.refusals import BreakerOpen, CutOff, NoRoom, NoTimeLeft, OverQuota
from tradesense.resilience.retry import BudgetSettings, HedgeSettings, RetrySettings, Steps
from unit.resilience.driven import IN_LOOP, in_driven_time, loop_now

BREAKER = BreakerSettings(window=Streak(failures=2), rest_s=30, rest_jitter=0)
RETRY = RetrySettings(tries_max=3, backoff=Steps((1.0, 2.0)))


def policy_of(**settings):
    heard = settings.pop("heard", None)
    listeners = [] if heard is None else [heard.append]
    settings = PolicySettings(**settings)
    return Policy("p", settings, surroundings=IN_LOOP, listeners=listeners)


class Dependency:
    """Raises what it is told to, takes as long as it is told, and counts."""

    def __init__(self, *errors, takes_s=0.0):
        self.errors = list(errors)
        self.takes_s = takes_s
        self.made = 0

    async def __call__(self, *_args, **_kwargs):
        self.made += 1
        await asyncio.sleep(self.takes_s)
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


async def second_choice(*_args):
    return "second choice"


@in_driven_time
async def test_a_policy_of_nothing_changes_nothing():
    policy = policy_of()
    assert await policy(Dependency())() == "answer"
    error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError) as raised:
        await policy.call(Dependency(error), 1, two=2)
    assert raised.value is error


@in_driven_time
async def test_each_try_asks_the_breaker_and_a_refusal_ends_the_tries():
    policy = policy_of(breaker=BREAKER, retry=RETRY)
    dependency = Dependency(*[Unavailable()] * 9)
    with pytest.raises(BreakerOpen):
        await policy.call(dependency)
    assert dependency.made == 2, "the breaker opened after two; the third try was refused"
    assert policy.snapshot().refusals["breaker"] == 1


@in_driven_time
async def test_an_alternative_answers_after_the_last_try_and_while_the_breaker_rests():
    policy = policy_of(breaker=BREAKER, retry=RETRY)
    dependency = Dependency(*[Unavailable()] * 9)
    guarded = policy.or_else(second_choice)(dependency)
    assert [await guarded(), await guarded()] == ["second choice"] * 2
    assert dependency.made == 2
    assert policy.snapshot().fallbacks == 2


@in_driven_time
async def test_each_try_has_the_whole_timeout_and_the_deadline_has_all_of_them():
    policy = policy_of(
        timeout_s=2.0, retry=RetrySettings(tries_max=3, backoff=Steps((1, 1)), repeatable=True)
    )
    began = loop_now()
    with pytest.raises(CutOff):
        await policy.call(Dependency(takes_s=60))
    assert loop_now() - began == pytest.approx(3 * 2 + 2)
    began = loop_now()
    with deadline(4.5, surroundings=IN_LOOP), pytest.raises(CutOff):
        await policy.call(Dependency(takes_s=60))
    assert loop_now() - began == pytest.approx(4.5), "two whole seconds, one, and what was left"


@in_driven_time
async def test_what_was_cut_off_may_have_happened_and_is_not_repeated_unasked():
    policy = policy_of(timeout_s=2.0, retry=RETRY)
    dependency = Dependency(takes_s=60)
    with pytest.raises(CutOff) as cut:
        await policy.or_else(second_choice)(dependency)()
    assert isinstance(cut.value, OutcomeUnknown)
    assert dependency.made == 1, "not tried again, and not done by the alternative either"


@in_driven_time
async def test_timeouts_open_the_breaker():
    policy = policy_of(timeout_s=2.0, breaker=BREAKER)
    for _ in range(2):
        with pytest.raises(CutOff):
            await policy.call(Dependency(takes_s=60))
    assert policy.breaker.state is State.OPEN
    assert policy.snapshot().cut_off == 2


@in_driven_time
async def test_a_refusal_of_the_bulkhead_is_no_failure_of_the_dependency():
    policy = policy_of(breaker=BREAKER, bulkhead=BulkheadSettings(places=1))
    async with asyncio.TaskGroup() as group:
        group.create_task(policy.call(Dependency(takes_s=10)))
        await asyncio.sleep(1)
        for _ in range(5):
            with pytest.raises(NoRoom):
                await policy.call(Dependency())
    assert policy.breaker.state is State.CLOSED
    assert policy.snapshot().refusals["no_room"] == 5


@in_driven_time
async def test_a_probe_that_finds_no_room_gives_its_place_back():
    policy = policy_of(breaker=BREAKER, bulkhead=BulkheadSettings(places=1))
    async with asyncio.TaskGroup() as group:
        group.create_task(policy.call(Dependency(takes_s=40)))
        await asyncio.sleep(1)
        policy.breaker.trip("test")
        await asyncio.sleep(30)
        with pytest.raises(NoRoom):
            await policy.call(Dependency())
        assert policy.breaker.is_admitting
    assert await policy.call(Dependency()) == "answer"
    assert policy.breaker.state is State.CLOSED


@in_driven_time
async def test_waiting_for_a_place_uses_up_no_timeout_and_makes_no_call_slow():
    policy = policy_of(
        timeout_s=2.0,
        breaker=BreakerSettings(window=TimeWindow(calls_min=1, slow_call_s=2.0, slow_rate=0.01)),
        bulkhead=BulkheadSettings(places=1, queue_max=9, wait_max_s=60),
    )
    answers = await asyncio.gather(*(policy.call(Dependency(takes_s=1.5)) for _ in range(5)))
    assert answers == ["answer"] * 5
    assert policy.snapshot().breaker.slow == 0


@in_driven_time
async def test_the_quota_is_asked_after_the_breaker_and_before_the_place():
    policy = policy_of(
        breaker=BREAKER,
        limiter=LimiterSettings(quotas=(Quota(1, 60.0),), wait_max_s=1.0),
        bulkhead=BulkheadSettings(places=1),
    )
    policy.breaker.force_open("maintenance")
    with pytest.raises(BreakerOpen):
        await policy.call(Dependency())
    policy.breaker.close("done")
    assert await policy.call(Dependency()) == "answer", "a refusal used up no quota"
    with pytest.raises(OverQuota):
        await policy.call(Dependency())
    told = policy.snapshot()
    assert (told.refusals["breaker"], told.refusals["limiter"]) == (1, 1)
    assert (told.bulkhead.in_use, told.breaker.failures) == (0, 0)


@in_driven_time
async def test_after_the_deadline_nothing_is_asked():
    policy = policy_of(breaker=BREAKER, retry=RETRY)
    dependency = Dependency()
    with deadline(1.0, surroundings=IN_LOOP):
        await asyncio.sleep(2)
        with pytest.raises(NoTimeLeft):
            await policy.call(dependency)
        assert await policy.or_else(second_choice)(dependency)() == "second choice"
    assert dependency.made == 0
    assert policy.snapshot().refusals["deadline"] == 2


@in_driven_time
async def test_retries_and_hedges_share_one_budget():
    policy = policy_of(
        retry=RetrySettings(tries_max=3, backoff=Steps((0, 0)), repeatable=True),
        hedge=HedgeSettings(after_s=1.0),
        budget=BudgetSettings(share=0.0, per_s=0.0, saved_max=2.0),
    )
    assert await policy.call(Dependency(takes_s=1.5)) == "answer"
    assert (policy.snapshot().hedges, policy.snapshot().budget_left) == (1, 1.0)
    with pytest.raises(Unavailable):
        await policy(Dependency(*[Unavailable()] * 9))()
    told = policy.snapshot()
    assert (told.retries, told.budget_left, told.budget_refused) == (1, 0.0, 1)


@in_driven_time
async def test_a_hedged_policy_turns_to_its_alternative_too():
    policy = policy_of(
        retry=RetrySettings(tries_max=1, repeatable=True), hedge=HedgeSettings(after_s=1.0)
    )
    guarded = policy.or_else(second_choice)(Dependency(Unavailable()))
    assert await guarded() == "second choice"
    with pytest.raises(Conflict):
        await policy(Dependency(Conflict()))()


@in_driven_time
async def test_a_cancelled_call_leaves_nothing_behind():
    policy = policy_of(
        timeout_s=60, breaker=BREAKER, bulkhead=BulkheadSettings(places=1), retry=RETRY
    )
    for _ in range(5):
        task = asyncio.ensure_future(policy.call(Dependency(takes_s=10)))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    told = policy.snapshot()
    assert (told.bulkhead.in_use, told.breaker.failures, told.retries) == (0, 0, 0)
    assert await policy.call(Dependency()) == "answer"


@in_driven_time
async def test_a_failure_stands_alone_and_lets_go_of_its_call():
    policy = policy_of(retry=RETRY)
    errors = [Unavailable(str(n)) for n in range(3)]
    with pytest.raises(Unavailable) as raised:
        await policy.call(Dependency(*errors))
    assert raised.value is errors[-1]
    assert raised.value.__context__ is None


@in_driven_time
async def test_what_a_policy_counts():
    heard = []
    policy = policy_of(
        timeout_s=3.0,
        breaker=BREAKER,
        bulkhead=BulkheadSettings(places=3),
        retry=RETRY,
        heard=heard,
    )
    guarded = policy(Dependency(Unavailable(), takes_s=0.3))
    await guarded()
    told = policy.snapshot()
    assert (told.name, told.failures, told.retries, told.gave_up) == ("p", 1, 1, 0)
    assert sum(told.latency.counts) == 2
    assert told.latency.sum_s == pytest.approx(0.6)
    assert told.latency.counts[7 - 1] == 2, "0.25 < 0.3 <= 0.5"
    assert (told.breaker.state, told.bulkhead.limit, told.limiter) == (State.CLOSED, 3, None)
    assert [type(h).__name__ for h in heard] == ["TriedAgain"]
    await guarded()
    assert sum(told.latency.counts) == 2, "a snapshot does not move"


@in_driven_time
async def test_a_stream_is_refused_rather_than_left_unguarded():
    async def stream():
        yield 1

    with pytest.raises(TypeError, match="is not async"):
        policy_of(breaker=BREAKER)(stream)
