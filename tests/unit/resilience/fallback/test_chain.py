"""Alternatives, in order, and when they are not asked."""

import pytest

from tradesense.kernel.errors import Conflict, OutcomeUnknown, Unavailable
from tradesense.resilience.fallback import Fallback
from tradesense.resilience.refusals import BreakerOpen


def answering(value):
    async def answer(user):
        return value, user

    return answer


def failing(error):
    async def fail(_user):
        raise error

    return fail


async def test_a_good_answer_asks_nobody_else():
    fallback = Fallback("f", failing(AssertionError()))
    assert await fallback(answering("first"))(7) == ("first", 7)
    assert fallback.used == 0


@pytest.mark.parametrize("error", [Unavailable(), BreakerOpen("b", 1.0)])
async def test_the_next_alternative_gets_the_same_question(error):
    fallback = Fallback("f", failing(Unavailable()), answering("third"))
    assert await fallback.call(failing(error), 7) == ("third", 7)
    assert fallback.used == 2


@pytest.mark.parametrize("error", [OutcomeUnknown(), Conflict(), ValueError()])
async def test_what_may_have_happened_or_is_refused_by_rule_is_not_done_by_another(error):
    fallback = Fallback("f", answering("second"))
    with pytest.raises(type(error)) as raised:
        await fallback(failing(error))(7)
    assert raised.value is error


async def test_settings_may_say_that_an_unknown_outcome_is_harmless():
    fallback = Fallback("f", answering("second"), on=(Unavailable, OutcomeUnknown))
    assert await fallback(failing(OutcomeUnknown()))(7) == ("second", 7)


async def test_when_all_fail_the_last_failure_goes_on_with_the_first_behind_it():
    first, last = Unavailable("first"), Unavailable("last")
    with pytest.raises(Unavailable) as raised:
        await Fallback("f", failing(last)).call(failing(first), 7)
    assert raised.value is last
    assert raised.value.__context__ is first


async def test_listeners_hear_who_was_turned_to():
    heard = []
    await Fallback("f", answering(1), listeners=[heard.append])(failing(Unavailable()))(7)
    assert "answer" in heard[0].to
