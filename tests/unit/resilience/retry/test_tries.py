"""A retry around calls."""

import pytest

from tradesense.kernel.errors import Conflict, OutcomeUnknown, Unavailable
from tradesense.resilience.breaker import Breaker, BreakerSettings
from tradesense.resilience.deadline import deadline
from tradesense.resilience.refusals import BreakerOpen
from tradesense.resilience.retry import Budget, BudgetSettings, Retry, RetrySettings, Steps
from unit.resilience.driven import Driven

STEPS = RetrySettings(tries_max=4, backoff=Steps((1.0, 2.0, 4.0)))


class Flaky:
    """Raises what it was told to, then answers."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self):
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


@pytest.fixture
def driven():
    return Driven()


def retry_of(driven, settings=STEPS, **more):
    return Retry("r", settings, surroundings=driven.surroundings, **more)


@pytest.mark.parametrize("way", ["decorated", "called"])
async def test_it_pauses_and_tries_again_until_it_answers(driven, way):
    flaky = Flaky(Unavailable(), Unavailable())
    retry = retry_of(driven)
    assert await (retry(flaky)() if way == "decorated" else retry.call(flaky)) == "answer"
    assert (flaky.calls, driven.slept, retry.retries) == (3, [1.0, 2.0], 2)


async def test_when_it_gives_up_the_last_trys_own_exception_goes_on(driven):
    errors = [Unavailable(str(n)) for n in range(4)]
    with pytest.raises(Unavailable) as raised:
        await retry_of(driven)(Flaky(*errors))()
    assert raised.value is errors[-1]
    assert raised.value.__context__ is None, "each failure stands alone"
    assert driven.slept == [1.0, 2.0, 4.0]


async def test_what_does_not_help_is_not_tried_again(driven):
    for error in (Conflict(), OutcomeUnknown(), ValueError()):
        flaky = Flaky(error)
        with pytest.raises(type(error)):
            await retry_of(driven)(flaky)()
        assert flaky.calls == 1


async def test_a_resting_breaker_is_asked_once(driven):
    breaker = Breaker("b", BreakerSettings(rest_s=0.001), surroundings=driven.surroundings)
    breaker.force_open("maintenance")
    with pytest.raises(BreakerOpen):
        await retry_of(driven, RetrySettings(on=(Exception,)))(breaker(Flaky()))()
    assert breaker.snapshot().refusals == 1


async def test_a_spent_budget_ends_the_tries(driven):
    budget = Budget(BudgetSettings(share=0.0, per_s=0.0, saved_max=1))
    heard = []
    retry = retry_of(driven, budget=budget, listeners=[heard.append])
    flaky = Flaky(*[Unavailable()] * 9)
    with pytest.raises(Unavailable):
        await retry(flaky)()
    assert flaky.calls == 2
    assert heard[-1].why == "the budget for extra tries is spent"
    assert retry.gave_up == 1


async def test_no_try_outlives_the_deadline(driven):
    flaky = Flaky(*[Unavailable()] * 9)
    with deadline(2.5, surroundings=driven.surroundings), pytest.raises(Unavailable):
        await retry_of(driven)(flaky)()
    assert driven.slept == [1.0], "the next pause, 2 s, would end after it"


async def test_the_time_a_try_takes_counts_as_elapsed(driven):
    async def slow_failure():
        driven.pass_time(4.0)
        raise Unavailable

    settings = RetrySettings(tries_max=4, backoff=Steps((1.0, 2.0, 4.0)), elapsed_max_s=6.0)
    with pytest.raises(Unavailable):
        await retry_of(driven, settings)(slow_failure)()
    assert driven.slept == [1.0]


async def test_a_stream_cannot_be_tried_again(driven):
    async def stream():
        yield 1

    with pytest.raises(TypeError):
        retry_of(driven)(stream)
