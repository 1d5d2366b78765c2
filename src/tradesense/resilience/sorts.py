"""Sorts of exceptions, as settings name them: a class, a class by name, or a question to ask."""

import builtins
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

from tradesense.kernel import errors
from tradesense.resilience.settings import BadSetting

# "TimeoutError", "Unavailable" (one of the kernel's), "httpx.ConnectError", or a predicate.
Sort = type[BaseException] | str | Callable[[BaseException], bool]


@dataclass(frozen=True, slots=True)
class Sorts:
    """Recognises exceptions."""

    classes: tuple[type[BaseException], ...]
    questions: tuple[Callable[[BaseException], bool], ...]

    @classmethod
    def read(cls, field: str, sorts: tuple[Sort, ...]) -> Self:
        """Raise BadSetting, naming `field`, for a name that no exception has."""
        if not isinstance(sorts, tuple):
            raise BadSetting(field, f"is a tuple of exceptions, not {sorts!r}")
        found = [_class(field, s) for s in sorts if isinstance(s, str | type)]
        questions = [_question(field, s) for s in sorts if not isinstance(s, str | type)]
        return cls(tuple(found), tuple(questions))

    def know(self, error: BaseException) -> bool:
        """Return whether `error` is of one of these sorts."""
        return isinstance(error, self.classes) or any(ask(error) for ask in self.questions)


def _class(field: str, sort: str | type) -> type[BaseException]:
    found = _named(field, sort) if isinstance(sort, str) else sort
    if not (isinstance(found, type) and issubclass(found, BaseException)):
        raise BadSetting(field, f"holds exceptions; {sort!r} is none")
    if not issubclass(found, Exception):
        raise BadSetting(field, f"cannot hold {found.__name__}: it is no answer and no failure")
    return found


def _named(field: str, name: str) -> object:
    module_name, _, own = name.rpartition(".")
    places: tuple[object, ...] = (builtins, errors)
    if module_name:
        try:
            places = (importlib.import_module(module_name),)
        except ImportError as error:
            raise BadSetting(field, f"names {name!r}, but {error}") from error
    for place in places:
        if hasattr(place, own):
            return getattr(place, own)
    raise BadSetting(field, f"names {name!r}, which no exception is called")


def _question(field: str, sort: object) -> Callable[[BaseException], bool]:
    if not callable(sort):
        raise BadSetting(field, f"holds exceptions or questions; {sort!r} is neither")
    return sort


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Return the exceptions that `error` consists of: itself, or what its group holds."""
    if not isinstance(error, BaseExceptionGroup):
        yield error
        return
    for inner in error.exceptions:
        yield from leaves(inner)
