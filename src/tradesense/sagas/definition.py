"""A story's definition: its steps in order, how each is done and taken back, and its pivot."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import takewhile
from typing import Any, Generic, TypeVar

from tradesense.infra.db import Transaction
from tradesense.infra.runtime import Runtime
from tradesense.kernel.errors import OutcomeUnknown
from tradesense.sagas.model import Data, Move, Saga, Shape, Sort

Answer = TypeVar("Answer")

# With pauses that grow to 60 s, thirty tries span 22 minutes: a provider's bad quarter of an hour.
TRIES_MAX = 30

# Local moves that follow one another share a transaction; so many at most, to hold locks briefly.
MOVES_MAX = 8

# Stripe forgets a key after 24 h; until 20 h a repeat surely finds it.
KEY_LIFE_S = 20 * 3600


class KeySpent(OutcomeUnknown):
    """It may have happened, and a repeat under this key would only bring the same error."""

    code = "sagas.key_spent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """
    A step in one transaction. `do(tx, saga, now)` returns what the saga knows from then on.

    Raising Rejected refuses the step for good; any other error is tried again. `do_each`, if
    given, does it for many sagas at once, in few statements, and returns for each, in their
    order, what `do` would return or raise; if it raises itself, they are done one by one.
    """

    name: str
    do: Callable[[Transaction, Saga, datetime], Awaitable[Data]]
    do_each: (
        Callable[[Transaction, Sequence[Saga], datetime], Awaitable[Sequence[Data | Exception]]]
        | None
    ) = None
    undo: "Step | None" = None
    tries_max: int = TRIES_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote(Generic[Answer]):
    """
    A step that asks somebody outside: the intent is committed, then asked, then the outcome.

    `ask(runtime, saga, key)` runs between transactions, more than once per key if need be. It
    raises Rejected if it surely never will happen, Unavailable if it did not happen,
    OutcomeUnknown if it may have: then the same key is repeated. KeySpent, or a key older than
    `key_life_s`, makes a new attempt: where `saga.attempt` is above 1, `ask` looks for what
    earlier attempts have done before it does anything new. `settle(tx, saga, answer, now)`
    commits the answer, and must not refuse it.
    """

    name: str
    ask: Callable[[Runtime, Saga, str], Awaitable[Answer]]
    settle: Callable[[Transaction, Saga, Answer, datetime], Awaitable[Data]]
    undo: "Step | None" = None
    tries_max: int = TRIES_MAX
    key_life_s: float = KEY_LIFE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Await:
    """
    A step that waits for a signal, at most `within_s` of the platform's time.

    `judge(data)` returns what the saga knows from the signal; it raises Rejected if the signal
    says no. It is pure. `enter(tx, saga, now)`, if given, runs once, in the transaction that
    begins to wait; it may refuse like a local step.
    """

    name: str
    signal: str
    within_s: float
    judge: Callable[[Data], Data]
    enter: Callable[[Transaction, Saga, datetime], Awaitable[Data]] | None = None
    undo: "Step | None" = None
    tries_max: int = TRIES_MAX


Step = Local | Remote[Any] | Await


@dataclass(frozen=True, kw_only=True)  # no slots: what follows from it is kept beside it
class Opening:
    """
    How a story begins: the steps that its first commit can make, and what comes after them.

    `then` is the sort of the step that follows; None where the story is over with them.
    """

    kind: str
    version: int
    steps: tuple[Local, ...]
    then: Sort | None

    @cached_property
    def shape(self) -> Shape:
        """Return the story as far as it is known here; enough to go forward through `steps`."""
        steps = tuple(_move(step) for step in self.steps)
        after = () if self.then is None else (Move(name="then", sort=self.then),)
        return Shape(
            kind=self.kind,
            version=self.version,
            steps=(*steps, *after),
            undos=(None,) * len(steps + after),
            pivot=0,
        )


@dataclass(frozen=True, kw_only=True)  # no slots: what follows from it is kept beside it
class Definition:
    """
    The steps of a story. An instance is pinned to (`kind`, `version`) when it starts.

    Change the steps only under a new version, and keep the old one until its instances are over.
    """

    kind: str
    version: int
    steps: tuple[Step, ...]
    pivot: str

    def __post_init__(self) -> None:
        names = [step.name for step in self._all_steps()]
        if len(names) != len(set(names)):
            raise ValueError(f"{self.kind}: a name is used twice in {', '.join(names)}")
        if self.pivot not in {step.name for step in self.steps}:
            raise ValueError(f"{self.kind}: pivot {self.pivot!r} is none of its steps")

    @property
    def undos(self) -> tuple[Step | None, ...]:
        """Return what takes back each step."""
        return tuple(step.undo for step in self.steps)

    @property
    def pin(self) -> str:
        """Return what instances are pinned to."""
        return f"{self.kind}:{self.version}"

    @cached_property
    def shape(self) -> Shape:
        """Return the definition as the state machine sees it."""
        return Shape(
            kind=self.kind,
            version=self.version,
            steps=tuple(_move(step) for step in self.steps),
            undos=tuple(None if undo is None else _move(undo) for undo in self.undos),
            pivot=[step.name for step in self.steps].index(self.pivot),
        )

    @cached_property
    def opening(self) -> Opening:
        """Return its first local steps, as many as one commit may make."""
        first = takewhile(lambda step: isinstance(step, Local), self.steps[:MOVES_MAX])
        steps = tuple(step for step in first if isinstance(step, Local))
        rest = self.steps[len(steps) :]
        return Opening(
            kind=self.kind,
            version=self.version,
            steps=steps,
            then=_move(rest[0]).sort if rest else None,
        )

    def find_step(self, name: str) -> Step:
        """Return the step or undo called `name`. Raises KeyError if there is none."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> Mapping[str, Step]:
        return {step.name: step for step in self._all_steps()}

    def _all_steps(self) -> list[Step]:
        return [*self.steps, *(undo for undo in self.undos if undo is not None)]


def _move(step: Step) -> Move:
    return Move(name=step.name, sort=_SORTS[type(step)], tries_max=step.tries_max)


_SORTS = {Local: Sort.LOCAL, Remote: Sort.REMOTE, Await: Sort.AWAIT}
