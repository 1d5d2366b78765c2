"""What a call says about the dependency: that it fails, that it is well, or nothing."""

from collections.abc import Callable
from enum import Enum
from typing import Any

from tradesense.resilience.breaker.settings import BreakerSettings
from tradesense.resilience.sorts import Sorts, leaves


class Verdict(Enum):
    """What one call says."""

    FAILURE = "failure"
    ANSWER = "answer"
    NOTHING = "nothing"


STREAM_ENDED = object()  # stands for the result of a stream, which no setting judges


class Verdicts:
    """Judges results and exceptions by the settings; `lament` hears of questions that fail."""

    __slots__ = ("_answers", "_failures", "_ignored", "_is_failing", "_lament", "asks_results")

    def __init__(self, settings: BreakerSettings, lament: Callable[[str], None]) -> None:
        self._ignored = Sorts.read("ignored", settings.ignored)
        self._answers = Sorts.read("answers", settings.answers)
        self._failures = Sorts.read("failures", settings.failures)
        self._is_failing = settings.failing_result
        self._lament = lament
        self.asks_results = settings.failing_result is not None

    def of_result(self, result: Any) -> Verdict:
        """Return FAILURE if the settings call `result` one, else ANSWER."""
        if self._is_failing is None or result is STREAM_ENDED:
            return Verdict.ANSWER
        try:
            return Verdict.FAILURE if self._is_failing(result) else Verdict.ANSWER
        except Exception:  # noqa: BLE001 -- a bad question must not cost the caller the answer
            self._lament("failing_result")
            return Verdict.ANSWER

    def of_error(self, error: BaseException) -> Verdict:
        """Return what `error` says; of a group, the worst that any leaf says."""
        try:
            said = {self._of_leaf(leaf) for leaf in leaves(error)}
        except Exception:  # noqa: BLE001 -- nor may it replace the caller's own exception
            self._lament("a question about exceptions")
            return Verdict.FAILURE
        return next(v for v in (Verdict.FAILURE, Verdict.ANSWER, Verdict.NOTHING) if v in said)

    def _of_leaf(self, error: BaseException) -> Verdict:
        # Cancellation, exit and interrupt say that we stopped asking.
        if not isinstance(error, Exception) or self._ignored.know(error):
            return Verdict.NOTHING
        if not self._answers.know(error) and self._failures.know(error):
            return Verdict.FAILURE
        return Verdict.ANSWER
