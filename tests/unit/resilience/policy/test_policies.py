"""Policies by name, and the rotations their fallbacks describe."""

import pytest

from tradesense.kernel.errors import Unavailable
from tradesense.resilience.breaker import BreakerSettings, Streak
from tradesense.resilience.policy import Policies, PolicySettings
from tradesense.resilience.settings import BadSetting
from unit.resilience.driven import Driven

BREAKER = BreakerSettings(window=Streak(failures=1))


def policies():
    return Policies(
        {
            "a": PolicySettings(breaker=BREAKER, fallback_to=("b", "c")),
            "b": PolicySettings(breaker=BREAKER, fallback_to=("c",)),
            "c": PolicySettings(breaker=BREAKER),
        },
        surroundings=Driven().surroundings,
    )


def asks(asked, name, *, down=()):
    async def ask(symbol):
        asked.append(name)
        if name in down:
            raise Unavailable
        return symbol, name

    return ask


def test_each_name_has_one_policy():
    made = policies()
    assert made["a"] is made["a"]
    assert [policy.name for policy in made] == ["a", "b", "c"]
    with pytest.raises(KeyError):
        made["d"]


async def test_a_rotation_follows_the_fallbacks_and_asks_each_once():
    asked = []
    ask = {name: asks(asked, name, down="ab") for name in "abc"}
    answer = await policies().rotation("a", ask).call("EUR")
    assert (answer.value, answer.provider) == (("EUR", "c"), "c")
    assert asked == ["a", "b", "c"]


async def test_a_rotation_may_begin_anywhere():
    asked = []
    ask = {name: asks(asked, name) for name in "bc"}
    assert (await policies().rotation("b", ask).call("EUR")).provider == "b"


def test_a_rotation_must_know_how_to_ask_everybody():
    with pytest.raises(BadSetting, match="does not say how to ask c"):
        policies().rotation("a", {"a": asks([], "a"), "b": asks([], "b")})
