"""Providers in turn, by the state of their breakers; then the last answer."""

import pytest

from tradesense.kernel.errors import Conflict, Unavailable
from tradesense.resilience.breaker import Breaker, BreakerSettings, State, Streak
from tradesense.resilience.fallback import (
    Provider,
    Rotation,
    Sourced,
    StaleIfError,
    StaleSettings,
)
from tradesense.resilience.refusals import AllResting
from tradesense.resilience.settings import BadSetting
from unit.resilience.driven import Driven

SETTINGS = BreakerSettings(window=Streak(failures=2), rest_s=30.0, rest_jitter=0, rest_growth=1)


class World:
    """Three providers; those in `down` raise."""

    def __init__(self, *, last=True, **more):
        self.driven = Driven()
        self.down = {}
        self.asked = []
        self.breakers = {
            name: Breaker(name, SETTINGS, surroundings=self.driven.surroundings)
            for name in ("alpha", "yahoo", "iex")
        }
        stale = StaleIfError(
            "quotes", StaleSettings(age_max_s=900.0), surroundings=self.driven.surroundings
        )
        self.rotation = Rotation(
            "quotes",
            [Provider(breaker, self.ask(name)) for name, breaker in self.breakers.items()],
            last=stale if last else None,
            **more,
        )

    def ask(self, name):
        async def ask(symbol):
            self.asked.append(name)
            if name in self.down:
                raise self.down[name]
            return f"{symbol} by {name}"

        return ask


async def test_the_first_that_is_well_answers():
    world = World()
    assert await world.rotation.call("EUR") == Sourced("EUR by alpha", "alpha", 0.0, is_stale=False)
    world.down = {"alpha": Unavailable()}
    assert (await world.rotation.call("EUR")).provider == "yahoo"
    assert world.asked == ["alpha", "alpha", "yahoo"]


async def test_one_that_rests_is_not_asked():
    world = World()
    world.down = {"alpha": Unavailable()}
    for _ in range(5):
        assert (await world.rotation.call("EUR")).provider == "yahoo"
    assert world.asked.count("alpha") == 2
    assert world.breakers["alpha"].state is State.OPEN


async def test_one_whose_rest_is_over_is_probed_in_its_old_place():
    world = World()
    world.down = {"alpha": Unavailable()}
    for _ in range(2):
        await world.rotation.call("EUR")
    world.driven.pass_time(30.0)
    assert (await world.rotation.call("EUR")).provider == "yahoo", "the probe failed: nobody waits"
    world.driven.pass_time(30.0)
    world.down = {}
    assert (await world.rotation.call("EUR")).provider == "alpha"
    assert world.breakers["alpha"].state is State.CLOSED


async def test_when_nobody_answers_the_last_answer_is_given_with_its_age_and_source():
    world = World()
    await world.rotation.call("EUR")
    world.down = dict.fromkeys(world.breakers, Unavailable())
    world.driven.pass_time(120.0)
    for _ in range(5):
        answer = await world.rotation.call("EUR")
        assert answer == Sourced("EUR by alpha", "alpha", 120.0, is_stale=True)
    assert len(world.asked) == 1 + 6, "each is asked until its breaker opens"


async def test_without_a_last_answer_the_failure_goes_on():
    world = World(last=False)
    world.down = dict.fromkeys(world.breakers, Unavailable())
    for _ in range(2):
        with pytest.raises(Unavailable):
            await world.rotation.call("EUR")
    with pytest.raises(AllResting):
        await world.rotation.call("EUR")


async def test_what_another_provider_would_say_too_is_not_asked_of_him():
    world = World()
    world.down = {"alpha": Conflict("no such symbol")}
    with pytest.raises(Conflict):
        await world.rotation.call("EUR")
    assert world.asked == ["alpha"]


async def test_listeners_hear_of_each_turn():
    heard = []
    world = World(listeners=[heard.append])
    world.down = {"alpha": Unavailable(), "yahoo": Unavailable()}
    await world.rotation.call("EUR")
    assert [h.to for h in heard] == ["whoever follows alpha", "whoever follows yahoo"]


def test_a_provider_has_one_place():
    breaker = Breaker("alpha", SETTINGS)
    with pytest.raises(BadSetting, match="twice"):
        Rotation("r", [Provider(breaker, print), Provider(breaker, print)])
