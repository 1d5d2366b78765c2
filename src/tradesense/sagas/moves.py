"""One move of one instance: what is done in the transaction that holds it, and what it becomes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar, assert_never
from uuid import UUID

import psycopg
import structlog

from tradesense.infra.db import Transaction
from tradesense.kernel.errors import CircuitOpen, InvariantBroken, Rejected, TradeSenseError
from tradesense.kernel.events import Event
from tradesense.sagas import rules
from tradesense.sagas.definition import Await, Definition, KeySpent, Local, Opening, Remote
from tradesense.sagas.model import DEADLINE_PASSED, Data, Move, Saga, SagaStarted, Shape, Sort
from tradesense.sagas.store import Asked, Claimed, Save

T = TypeVar("T")
Signals = Mapping[tuple[UUID, str], Data]

TROUBLE_MAX = 500

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A claimed remote move, to be made once its claim is committed."""

    definition: Definition
    saga: Saga
    step: Remote[Any]
    token: int
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What a move leaves behind: how the instance stands, what happened, whom to call."""

    save: Save
    events: tuple[Event, ...] = ()
    call: Call | None = None

    @property
    def goes_on(self) -> bool:
        """Return whether the next move can be made at once, in the same transaction."""
        return self.save.sort is Sort.LOCAL and self.save.wake_in_s == 0

    def then(self, later: "Moved") -> "Moved":
        """Return this move and the `later` one as one."""
        return replace(later, events=self.events + later.events)


class Stumbled(Exception):
    """A move failed where no savepoint keeps the rest: all of it is undone, to go with one."""


async def advance(
    tx: Transaction,
    definition: Definition,
    claimed: Claimed,
    signals: Signals,
    *,
    lease_s: float,
    is_alone: bool,
    now: datetime,
) -> Moved:
    """
    Make the current move of an instance that `tx` holds, as far as this transaction can.

    Where it `is_alone`, a local step has no savepoint, and raises Stumbled if it fails.
    """
    saga, shape = claimed.saga, definition.shape
    move = rules.current(shape, saga)
    if move is None:
        raise InvariantBroken(f"saga {saga.id} is {saga.state.value}, but due")
    step = definition.find_step(move.name)
    match step:
        case Local():
            work = _dare if is_alone else attempt
            outcome = await work(tx, lambda: step.do(tx, saga, now))
            return follow(shape, saga, judge(shape, saga, outcome))
        case Await():
            return await _wait(tx, shape, saga, step, signals, now=now)
        case Remote():
            return _claim(definition, claimed, step, move, lease_s)
        case _:
            assert_never(step)


async def open_with(tx: Transaction, opening: Opening, saga: Saga, *, now: datetime) -> Moved:
    """
    Make the first moves of a story that begins now, without a savepoint.

    Raises Stumbled if one fails: the caller undoes them all.
    """
    moved, shape = begun(saga), opening.shape
    events = [*moved.events]
    for step in opening.steps:
        before = moved.save.saga
        outcome = await _dare(tx, partial(step.do, tx, before, now))
        moved = follow(shape, before, judge(shape, before, outcome))
        events += moved.events
    return replace(moved, events=tuple(events))


def begun(saga: Saga) -> Moved:
    """Return a story of which nothing but its beginning is told; it is due at once."""
    event = SagaStarted(saga_id=saga.id, kind=saga.kind, version=saga.version)
    return Moved(save=Save(saga=saga, sort=Sort.LOCAL, wake_in_s=0), events=(event,))


async def advance_each(
    tx: Transaction, definition: Definition, step: Local, sagas: Sequence[Saga], *, now: datetime
) -> Sequence[Moved] | None:
    """Make the same local move of many instances; None if they must go one by one."""
    if step.do_each is None:
        return None
    do_each = step.do_each
    outcomes = await attempt(tx, lambda: do_each(tx, sagas, now))
    if isinstance(outcomes, Exception):
        log.warning("a step failed for many sagas at once", step=step.name, trouble=str(outcomes))
        return None
    shape = definition.shape
    return [
        follow(shape, saga, judge(shape, saga, outcome))
        for saga, outcome in zip(sagas, outcomes, strict=True)
    ]


async def attempt(tx: Transaction, work: Callable[[], Awaitable[T]]) -> T | Exception:
    """
    Do `work` in a savepoint; return what it returns, or the error that undid it.

    Errors of the transaction itself (connection, deadlock) are not the work's: they are raised.
    """
    try:
        async with tx.transaction():
            return await work()
    except psycopg.OperationalError:
        raise
    except Exception as error:  # noqa: BLE001 -- one instance's defect must not stop the others
        return error


async def _dare(_: Transaction, work: Callable[[], Awaitable[T]]) -> T | Exception:
    """Do `work` without a savepoint, which costs two statements. Raises Stumbled."""
    try:
        return await work()
    except psycopg.OperationalError:
        raise
    except Exception as error:
        raise Stumbled(trouble(error)) from error


def judge(shape: Shape, saga: Saga, outcome: Data | Exception) -> rules.Next:
    """Return the saga after its current move came to `outcome`."""
    if not isinstance(outcome, Exception):
        return rules.done(shape, saga, outcome)
    told = trouble(outcome)
    match outcome:
        case Rejected():
            after = rules.refused(shape, saga, reason=outcome.code, trouble=told)
        case CircuitOpen():
            after = rules.held(shape, saga, trouble=told)
        case InvariantBroken():
            after = rules.parked(shape, saga, reason=outcome.code, trouble=told)
        case _:
            spent = isinstance(outcome, KeySpent)
            after = rules.delayed(shape, saga, trouble=told, is_key_spent=spent)
    log.warning(
        "saga stumbled", saga=str(saga.id), kind=saga.kind, state=after[0].state, trouble=told
    )
    return after


def pause_after(outcome: object, saga: Saga) -> float:
    """Return in how many seconds a saga that did not get on is due again."""
    if isinstance(outcome, CircuitOpen):
        return rules.PAUSE_HELD_S
    return rules.pause_s(saga.tries)


def follow(shape: Shape, before: Saga, after: rules.Next, *, outcome: object = None) -> Moved:
    """
    Return what to save of a saga that came from `before`, and when it is due again.

    `outcome` is what its move came to, where that says how long to wait.
    """
    saga, events = after
    move = rules.current(shape, saga)
    if move is None:
        return Moved(save=Save(saga=saga, sort=None, wake_in_s=None), events=events)
    is_same_move = (saga.state, saga.position) == (before.state, before.position)
    is_same_key = is_same_move and saga.attempt == before.attempt
    return Moved(
        save=Save(
            saga=saga,
            sort=move.sort,
            wake_in_s=pause_after(outcome, saga) if is_same_move else 0,
            asked=Asked.KEPT if is_same_key else Asked.CLEARED,
        ),
        events=events,
    )


def trouble(error: Exception) -> str:
    """Return an error as one short line for the people who look after sagas."""
    name = error.code if isinstance(error, TradeSenseError) else type(error).__name__
    return f"{name}: {error}"[:TROUBLE_MAX]


async def _wait(
    tx: Transaction, shape: Shape, saga: Saga, step: Await, signals: Signals, *, now: datetime
) -> Moved:
    if saga.waits_for is None:
        entered = await _enter(tx, saga, step, now)
        if isinstance(entered, Exception):
            return follow(shape, saga, judge(shape, saga, entered))
        saga = entered
    heard = signals.get((saga.id, step.signal))
    if heard is not None:
        try:
            outcome: Data | Exception = step.judge(heard)
        except Rejected as error:
            outcome = error
        return follow(shape, saga, judge(shape, saga, outcome))
    if saga.due_at is not None and saga.due_at <= now:
        late = f"no {step.signal} by {saga.due_at}"
        return follow(
            shape,
            saga,
            rules.refused(shape, saga, reason=DEADLINE_PASSED, trouble=late),
        )
    return Moved(save=Save(saga=saga, sort=Sort.AWAIT, wake_in_s=None))


async def _enter(tx: Transaction, saga: Saga, step: Await, now: datetime) -> Saga | Exception:
    known: Data = {}
    if step.enter is not None:
        enter = step.enter
        outcome = await attempt(tx, lambda: enter(tx, saga, now))
        if isinstance(outcome, Exception):
            return outcome
        known = outcome
    return replace(
        saga,
        data={**saga.data, **known},
        waits_for=step.signal,
        due_at=now + timedelta(seconds=step.within_s),
    )


def _claim(
    definition: Definition, claimed: Claimed, step: Remote[Any], move: Move, lease_s: float
) -> Moved:
    saga = claimed.saga
    is_old = claimed.asked_s is not None and claimed.asked_s > step.key_life_s
    if is_old:
        saga = replace(saga, attempt=saga.attempt + 1)
    return Moved(
        save=Save(
            saga=saga,
            sort=Sort.REMOTE,
            wake_in_s=lease_s,
            asked=Asked.AFRESH if is_old else Asked.NOW,
            claims=1,
        ),
        call=Call(
            definition=definition,
            saga=saga,
            step=step,
            token=claimed.token + 1,
            key=rules.key(saga, move),
        ),
    )
