"""The nouns of sagas: an instance, and the shape of the story it plays."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tradesense.kernel.canonical import JsonValue
from tradesense.kernel.events import Event
from tradesense.trail.model import Head

Data = Mapping[str, JsonValue]

# Reasons that the machine itself gives; the others are the codes of errors that steps raise.
DEADLINE_PASSED = "sagas.deadline_passed"
OUT_OF_TRIES = "sagas.out_of_tries"


class State(StrEnum):
    RUNNING = "running"
    COMPENSATING = "compensating"
    COMPLETED = "completed"
    COMPENSATED = "compensated"
    PARKED = "parked"  # waits for a person; `parked_from` says what it goes on with

    @property
    def is_over(self) -> bool:
        return self in {State.COMPLETED, State.COMPENSATED}


class Sort(StrEnum):
    """How a step is done."""

    LOCAL = "local"  # one transaction
    REMOTE = "remote"  # commit the intent; call; commit the outcome
    AWAIT = "await"  # until a signal arrives, or its deadline passes


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The shape of one thing to do: a step, or the undoing of one."""

    name: str
    sort: Sort
    tries_max: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """
    A definition without its code: what the state machine needs to know.

    `undos[i]` takes back `steps[i]`, or is None if there is nothing to take back. Once
    the step called `pivot` is done, the story only goes forward.
    """

    kind: str
    version: int
    steps: tuple[Move, ...]
    undos: tuple[Move | None, ...]
    pivot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Saga:
    """
    One instance of a story.

    `position` is the step to do (or to take back) next. `data` is what the steps know. `reason`
    is the error code that turned it back; `trouble` the last message of what went wrong.
    `attempt` numbers the provider keys of the current remote move; `tries` counts failures.
    `told` is where its stream ends; None for a saga so old that the trail keeps that.
    """

    id: UUID
    kind: str
    version: int
    state: State = State.RUNNING
    position: int = 0
    data: Data = field(default_factory=dict)
    attempt: int = 1
    tries: int = 0
    reason: str | None = None
    trouble: str | None = None
    parked_from: State | None = None
    waits_for: str | None = None
    due_at: datetime | None = None
    told: Head | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A saga that waits for a person, `since` a moment of the database's clock."""

    saga: Saga
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SagaStarted(Event):
    saga_id: UUID
    kind: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDone(Event):
    saga_id: UUID
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SagaTurnedBack(Event):
    """The step was refused; what was done before it is now taken back."""

    saga_id: UUID
    step: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUndone(Event):
    saga_id: UUID
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SagaCompleted(Event):
    saga_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SagaCompensated(Event):
    saga_id: UUID
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SagaParked(Event):
    """Neither forward nor back by itself; a person must look."""

    saga_id: UUID
    step: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SagaResumed(Event):
    """Somebody let it go on; `why` is their reason, None if they gave none."""

    saga_id: UUID
    why: str | None = None
