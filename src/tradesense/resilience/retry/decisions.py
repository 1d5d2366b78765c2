"""Whether a failed call is tried again, and when. Pure: no clock, no chance of its own."""

from dataclasses import dataclass

from tradesense.kernel.errors import OutcomeUnknown, Unavailable
from tradesense.resilience.refusals import Refused
from tradesense.resilience.retry.backoff import Backoff, Decorrelated, Steps
from tradesense.resilience.settings import BadSetting, require_count, require_seconds
from tradesense.resilience.sorts import Sort, Sorts, leaves

GENTLE = Decorrelated()


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySettings:
    """
    What is tried again.

    By default what certainly did not happen (`Unavailable`). What may have happened
    (`OutcomeUnknown`) only if the call is `repeatable`: each try carries the same idempotency
    key, or the call changes nothing. What we refused ourselves, never.
    An error's own `retry_after_s` is waited for, up to `retry_after_max_s`.
    """

    tries_max: int = 3
    backoff: Backoff = GENTLE
    elapsed_max_s: float = 30.0  # no try begins later than this after the first
    retry_after_max_s: float = 30.0
    repeatable: bool = False
    on: tuple[Sort, ...] = (Unavailable,)

    def __post_init__(self) -> None:
        require_count("tries_max", self.tries_max)
        require_seconds("elapsed_max_s", self.elapsed_max_s)
        require_seconds("retry_after_max_s", self.retry_after_max_s, or_zero=True)
        if not isinstance(self.backoff, Decorrelated | Steps):
            raise BadSetting("backoff", f"is Decorrelated or Steps, not {self.backoff!r}")
        if isinstance(self.backoff, Steps) and self.tries_max > len(self.backoff.pauses_s) + 1:
            pauses = len(self.backoff.pauses_s)
            raise BadSetting("tries_max", f"is at most {pauses + 1}: there are {pauses} pauses")
        Sorts.read("on", self.on)


@dataclass(frozen=True, slots=True)
class Again:
    """Try again after `after_s` seconds."""

    after_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Raise the error: there is no other try, and this is why."""

    why: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A try that failed: which one, and what time there was and is, in seconds."""

    error: Exception
    tries: int
    elapsed_s: float  # since the first try began
    left_s: float  # until the deadline; infinite if there is none
    paused_s: float  # before this try


def after_failure(
    failed: Failed, settings: RetrySettings, sorts: Sorts, chance: float
) -> Again | GiveUp:
    """Decide what follows on `failed`; `sorts` are `settings.on`, read."""
    if not all(_is_worth_it(leaf, settings, sorts) for leaf in leaves(failed.error)):
        return GiveUp("it would not help, or not be safe")
    if failed.tries >= settings.tries_max:
        return GiveUp("no tries left")
    pause_s = settings.backoff.pause_s(failed.tries, failed.paused_s, chance)
    if pause_s is None:
        return GiveUp("no tries left")
    asked_s = float(getattr(failed.error, "retry_after_s", 0) or 0)
    pause_s = max(pause_s, min(asked_s, settings.retry_after_max_s))
    if failed.elapsed_s + pause_s > settings.elapsed_max_s:
        return GiveUp("it takes too long")
    if pause_s >= failed.left_s:
        return GiveUp("the deadline is near")
    return Again(pause_s)


def _is_worth_it(error: BaseException, settings: RetrySettings, sorts: Sorts) -> bool:
    if isinstance(error, Refused) or not isinstance(error, Exception):
        return False
    if isinstance(error, OutcomeUnknown):
        return settings.repeatable
    return sorts.know(error)
