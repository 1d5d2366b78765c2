"""What listeners hear, and the bell that tells them without ever breaking a call."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened at `source`, the name of a breaker, policy, limit or cache."""

    source: str


@dataclass(frozen=True, slots=True)
class StateChanged(Happening):
    """A breaker went from one state to another."""

    before: str
    after: str
    why: str


@dataclass(frozen=True, slots=True)
class TriedAgain(Happening):
    """Try number `tries` failed; the next follows after `after_s` seconds."""

    tries: int
    after_s: float
    error: Exception


@dataclass(frozen=True, slots=True)
class GaveUp(Happening):
    """The last of `tries` tries failed, and `why` there is no other."""

    tries: int
    why: str
    error: Exception


@dataclass(frozen=True, slots=True)
class RanOutOfTime(Happening):
    """A call under way was cut off after `limit_s` seconds."""

    limit_s: float


@dataclass(frozen=True, slots=True)
class Hedged(Happening):
    """A second call was sent because the first had not answered after `after_s` seconds."""

    after_s: float


@dataclass(frozen=True, slots=True)
class FellBack(Happening):
    """`error` made us turn to the alternative `to`."""

    to: str
    error: Exception


@dataclass(frozen=True, slots=True)
class ServedStale(Happening):
    """`error` made us answer with a value `age_s` seconds old."""

    age_s: float
    error: Exception


@dataclass(frozen=True, slots=True)
class Buried(Happening):
    """After all tries a message was handed to the dead letters."""

    error: Exception


Listener = Callable[[Happening], None]


class Bell:
    """Tells listeners what happened. One that fails is logged: it must not replace an answer."""

    __slots__ = ("listeners",)

    def __init__(self, listeners: Iterable[Listener] = ()) -> None:
        self.listeners = tuple(listeners)

    def ring(self, happening: Happening) -> None:
        """Tell every listener of `happening`."""
        for listener in self.listeners:
            try:
                listener(happening)
            except Exception:  # noqa: BLE001 -- whatever it is, the call goes on
                _log.exception("a listener failed at %s", happening)

    @staticmethod
    def lament(what: str) -> None:
        """Log that `what`, handed to us by the user, raised the exception being handled."""
        _log.exception("%s failed; the call goes on as if it had not been asked", what)
