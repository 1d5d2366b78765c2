"""What an exception says about the dependency."""

import asyncio

import pytest

from tradesense.kernel.errors import Conflict, OutcomeUnknown, Unavailable
from tradesense.resilience.breaker.settings import BreakerSettings
from tradesense.resilience.breaker.verdicts import Verdict, Verdicts
from tradesense.resilience.refusals import BreakerOpen, CutOff, NoRoom, NoTimeLeft

FAILURE, ANSWER, NOTHING = Verdict.FAILURE, Verdict.ANSWER, Verdict.NOTHING


def unheard(what):
    raise AssertionError(f"lamented {what}")


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (ConnectionError(), FAILURE),
        (TimeoutError(), FAILURE),
        (Unavailable(), FAILURE),
        (OutcomeUnknown(), FAILURE),
        (CutOff("timeout", 1.0), FAILURE),
        (Conflict(), ANSWER),  # a rule said no: the dependency is well
        (BreakerOpen("another", 1.0), NOTHING),  # what we refused says nothing of it
        (NoRoom("bulkhead", 1.0), NOTHING),
        (NoTimeLeft("deadline", 0.0), NOTHING),
        (asyncio.CancelledError(), NOTHING),
        (GeneratorExit(), NOTHING),
        (KeyboardInterrupt(), NOTHING),
        (ExceptionGroup("", [Conflict(), NoRoom("b", 1.0)]), ANSWER),
        (ExceptionGroup("", [NoRoom("b", 1.0)]), NOTHING),
        (ExceptionGroup("", [Conflict(), ExceptionGroup("", [ConnectionError()])]), FAILURE),
        (BaseExceptionGroup("", [asyncio.CancelledError(), ConnectionError()]), FAILURE),
        (BaseExceptionGroup("", [asyncio.CancelledError()]), NOTHING),
    ],
)
def test_exceptions_are_judged_by_what_they_say(error, verdict):
    assert Verdicts(BreakerSettings(), unheard).of_error(error) is verdict


def test_settings_choose_by_class_name_and_question():
    settings = BreakerSettings(
        failures=("ConnectionError", lambda e: getattr(e, "status", 0) >= 500),
        answers=(ConnectionResetError,),
        ignored=("ConnectionAbortedError",),
    )
    verdicts = Verdicts(settings, unheard)
    teapot = ValueError()
    teapot.status = 418
    broken = ValueError()
    broken.status = 503
    said = [
        verdicts.of_error(error)
        for error in (
            ConnectionRefusedError(), ConnectionResetError(), ConnectionAbortedError(),
            teapot, broken, KeyError(),
        )
    ]  # fmt: skip
    assert said == [FAILURE, ANSWER, NOTHING, ANSWER, FAILURE, ANSWER]


def test_a_question_that_fails_is_heard_of_and_counts_as_failure():
    heard = []
    settings = BreakerSettings(failures=(lambda e: e.status >= 500,))
    assert Verdicts(settings, heard.append).of_error(ValueError()) is FAILURE
    assert heard == ["a question about exceptions"]
