"""
How a story goes forward, back, or stops. Pure: no I/O, no clock, no chance.

                done             done (last)
    RUNNING ──────────▶ RUNNING ───────────▶ COMPLETED
       │  │
       │  │ refused, pivot not done                 undone (nothing left)
       │  └──────────────────────▶ COMPENSATING ───────────────────────▶ COMPENSATED
       │                                │  ▲ undone: the step before it
       │ refused after the pivot,       │  └──┐
       │ or out of tries                │ refused, or out of tries
       ▼                                ▼
     PARKED ◀───────────────────────────┘       PARKED ── resumed ──▶ where it was

A delay (something was unavailable, or its outcome is unknown) stays where it is and counts one
try, unless a breaker is open and nobody was asked. An expired deadline is a refusal. Steps without
an undo are passed over on the way back.
"""

from dataclasses import replace
from typing import Any

from tradesense.kernel.canonical import JsonValue
from tradesense.kernel.events import Event
from tradesense.sagas.model import (
    OUT_OF_TRIES,
    Data,
    Move,
    Saga,
    SagaCompensated,
    SagaCompleted,
    SagaParked,
    SagaResumed,
    SagaTurnedBack,
    Shape,
    State,
    StepDone,
    StepUndone,
)

# The first pause is shorter than a person notices; the longest is how long a recovered
# provider waits for us at most.
PAUSE_FIRST_S = 0.25
PAUSE_MAX_S = 60.0
# While a dependency is known to be away: soon enough after it is back for whoever waits.
PAUSE_HELD_S = 5.0

Next = tuple[Saga, tuple[Event, ...]]


def current(shape: Shape, saga: Saga) -> Move | None:
    """Return what the saga does next, or None if it is over or parked."""
    match saga.state:
        case State.RUNNING:
            return shape.steps[saga.position]
        case State.COMPENSATING:
            return shape.undos[saga.position]
        case State.COMPLETED | State.COMPENSATED | State.PARKED:
            return None


def done(shape: Shape, saga: Saga, data: Data) -> Next:
    """Return the saga after its current move was done and added `data`."""
    move = _require_current(shape, saga)
    known = {**saga.data, **data}
    if saga.state is State.COMPENSATING:
        after, ending = _turn_back(shape, _fresh(saga, data=known), saga.position)
        return after, (StepUndone(saga_id=saga.id, step=move.name), *ending)
    fact = StepDone(saga_id=saga.id, step=move.name)
    if saga.position + 1 < len(shape.steps):
        return _fresh(saga, data=known, position=saga.position + 1), (fact,)
    after = _fresh(saga, data=known, state=State.COMPLETED)
    return after, (fact, SagaCompleted(saga_id=saga.id))


def refused(shape: Shape, saga: Saga, *, reason: str, trouble: str) -> Next:
    """Return the saga after its current move was refused for good, by the error code `reason`."""
    move = _require_current(shape, saga)
    if saga.state is State.COMPENSATING or saga.position > shape.pivot:
        return _park(saga, move, reason=reason, trouble=trouble)
    told = _fresh(saga, state=State.COMPENSATING, reason=reason, trouble=trouble)
    after, ending = _turn_back(shape, told, saga.position)
    return after, (SagaTurnedBack(saga_id=saga.id, step=move.name, reason=reason), *ending)


def delayed(shape: Shape, saga: Saga, *, trouble: str, is_key_spent: bool = False) -> Next:
    """
    Return the saga after its current move did not get through; parked when out of tries.

    The next try repeats the key, unless that is spent.
    """
    move = _require_current(shape, saga)
    tried = replace(
        saga,
        tries=saga.tries + 1,
        trouble=trouble,
        attempt=saga.attempt + is_key_spent,
    )
    if tried.tries < move.tries_max:
        return tried, ()
    return _park(tried, move, reason=OUT_OF_TRIES, trouble=trouble)


def held(shape: Shape, saga: Saga, *, trouble: str) -> Next:
    """
    Return the saga after nobody was even asked, because the dependency is known to be away.

    That costs no try: an outage of hours must not park every story that waits for its end.
    """
    _require_current(shape, saga)
    return replace(saga, trouble=trouble), ()


def parked(shape: Shape, saga: Saga, *, reason: str, trouble: str) -> Next:
    """Return the saga parked at its current move."""
    return _park(saga, _require_current(shape, saga), reason=reason, trouble=trouble)


def resumed(saga: Saga, *, why: str | None = None) -> Next:
    """Return a parked saga as it goes on, with all its tries. Raises ValueError if not parked."""
    if saga.parked_from is None:
        raise ValueError(f"saga {saga.id} is {saga.state.value}, not parked")
    back = replace(saga, state=saga.parked_from, parked_from=None, tries=0)
    return back, (SagaResumed(saga_id=saga.id, why=why),)


def outline(shape: Shape) -> JsonValue:
    """Return what instances rely on to stay the same under one version."""

    def told(move: Move | None) -> JsonValue:
        return None if move is None else [move.name, move.sort.value]

    return {
        "steps": [
            [told(step), told(undo)] for step, undo in zip(shape.steps, shape.undos, strict=True)
        ],
        "pivot": shape.steps[shape.pivot].name,
    }


def key(saga: Saga, move: Move) -> str:
    """Return the idempotency key of the current attempt; the same however often it is repeated."""
    return f"{saga.id}:{move.name}:{saga.attempt}"


def pause_s(tries: int) -> float:
    """Return how long to wait before the next try, in seconds of database time."""
    doublings = min(max(tries - 1, 0), 16)
    return min(PAUSE_FIRST_S * (1 << doublings), PAUSE_MAX_S)


def _turn_back(shape: Shape, saga: Saga, position: int) -> Next:
    """Go to the last step before `position` that can be taken back."""
    for earlier in reversed(range(position)):
        if shape.undos[earlier] is not None:
            return replace(saga, position=earlier), ()
    over = replace(saga, state=State.COMPENSATED)
    return over, (SagaCompensated(saga_id=saga.id, reason=saga.reason or ""),)


def _park(saga: Saga, move: Move, *, reason: str, trouble: str) -> Next:
    after = replace(
        saga,
        state=State.PARKED,
        parked_from=saga.state,
        trouble=trouble,
        waits_for=None,
        due_at=None,
    )
    return after, (SagaParked(saga_id=saga.id, step=move.name, reason=reason),)


def _fresh(saga: Saga, *, trouble: str | None = None, **changes: Any) -> Saga:
    """Return `saga` with `changes`, without what concerned the move before."""
    return replace(
        saga, attempt=1, tries=0, trouble=trouble, waits_for=None, due_at=None, **changes
    )


def _require_current(shape: Shape, saga: Saga) -> Move:
    move = current(shape, saga)
    if move is None:
        raise ValueError(f"saga {saga.id} is {saga.state.value}; there is nothing to do")
    return move
