"""The state machine of sagas: rows for each arrow, and any walk over any shape."""

from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tradesense.sagas import State
from tradesense.sagas.model import (
    Move,
    Saga,
    SagaCompensated,
    SagaCompleted,
    SagaParked,
    SagaResumed,
    SagaTurnedBack,
    Shape,
    Sort,
    StepDone,
    StepUndone,
)
from tradesense.sagas.rules import (
    PAUSE_MAX_S,
    current,
    delayed,
    done,
    held,
    key,
    pause_s,
    refused,
    resumed,
)

ID = UUID(int=7)


def local(name: str, tries_max: int = 3) -> Move:
    return Move(name=name, sort=Sort.LOCAL, tries_max=tries_max)


# a can be taken back; b cannot; c is the pivot; d follows it.
SHAPE = Shape(
    kind="test",
    version=1,
    steps=(local("a"), local("b"), local("c"), local("d")),
    undos=(local("undo a"), None, local("undo c"), None),
    pivot=2,
)


def at(position: int, state: State = State.RUNNING, **changes: object) -> Saga:
    return Saga(id=ID, kind="test", version=1, state=state, position=position, **changes)


def test_a_step_done_leads_to_the_next_and_adds_what_it_knows():
    after, events = done(SHAPE, at(0, data={"x": 1}, tries=2, attempt=3), {"y": 2})

    assert (after.position, after.state, after.data) == (1, State.RUNNING, {"x": 1, "y": 2})
    assert (after.tries, after.attempt, after.trouble) == (0, 1, None)
    assert events == (StepDone(saga_id=ID, step="a"),)


def test_the_last_step_completes():
    after, events = done(SHAPE, at(3), {})

    assert after.state is State.COMPLETED
    assert events == (StepDone(saga_id=ID, step="d"), SagaCompleted(saga_id=ID))


@pytest.mark.parametrize(
    ("position", "state", "leads_to"),
    [
        (0, State.COMPENSATED, 0),  # nothing was done that could be taken back
        (1, State.COMPENSATING, 0),
        (2, State.COMPENSATING, 0),  # the pivot itself was refused; b has no undo
        (3, State.PARKED, 3),  # past the pivot there is no way back
    ],
)
def test_a_refusal_turns_back_until_the_pivot_is_done(position, state, leads_to):
    after, events = refused(SHAPE, at(position), reason="no", trouble="said no")

    assert (after.state, after.position) == (state, leads_to)
    if state is State.PARKED:
        assert events == (SagaParked(saga_id=ID, step="d", reason="no"),)
    else:
        assert events[0] == SagaTurnedBack(saga_id=ID, step="abcd"[position], reason="no")
        assert after.reason == "no"


def test_the_way_back_ends_compensated_with_the_first_reason():
    after, events = done(SHAPE, at(0, State.COMPENSATING, reason="no"), {})

    assert after.state is State.COMPENSATED
    assert events == (
        StepUndone(saga_id=ID, step="undo a"),
        SagaCompensated(saga_id=ID, reason="no"),
    )


def test_an_undo_that_is_refused_waits_for_a_person():
    after, events = refused(SHAPE, at(0, State.COMPENSATING, reason="no"), reason="x", trouble="y")

    assert (after.state, after.parked_from) == (State.PARKED, State.COMPENSATING)
    assert after.reason == "no"
    assert events == (SagaParked(saga_id=ID, step="undo a", reason="x"),)


@pytest.mark.parametrize(("tries", "is_parked"), [(0, False), (1, False), (2, True)])
def test_tries_run_out_at_their_limit(tries, is_parked):
    after, _ = delayed(SHAPE, at(1, tries=tries), trouble="away")

    assert (after.state is State.PARKED) == is_parked
    assert (after.tries, after.trouble) == (tries + 1, "away")


def test_a_delay_repeats_the_key_unless_the_key_is_spent():
    saga = at(0)

    again, _ = delayed(SHAPE, saga, trouble="timeout")
    anew, _ = delayed(SHAPE, saga, trouble="a stored 500", is_key_spent=True)

    assert key(saga, local("a")) == key(again, local("a")) == f"{ID}:a:1"
    assert key(anew, local("a")) == f"{ID}:a:2"


def test_who_was_not_even_asked_is_asked_as_often_as_it_takes():
    saga = at(1, tries=3)
    for _ in range(1_000):
        saga, events = held(SHAPE, saga, trouble="its breaker is open")
        assert events == ()

    assert (saga.state, saga.tries, saga.trouble) == (State.RUNNING, 3, "its breaker is open")


def test_a_resumed_saga_goes_on_where_it_stopped_with_all_its_tries():
    stopped, _ = refused(SHAPE, at(3, tries=2), reason="no", trouble="said no")

    after, events = resumed(stopped)

    assert (after.state, after.position, after.tries) == (State.RUNNING, 3, 0)
    assert events == (SagaResumed(saga_id=ID),)


@pytest.mark.parametrize("state", [State.COMPLETED, State.COMPENSATED, State.PARKED])
def test_where_nothing_is_to_do_nothing_can_be_done(state):
    saga = at(3, state, parked_from=State.RUNNING if state is State.PARKED else None)

    assert current(SHAPE, saga) is None
    with pytest.raises(ValueError, match="nothing to do"):
        done(SHAPE, saga, {})


def test_pauses_double_up_to_a_minute():
    assert [pause_s(tries) for tries in (0, 1, 2, 3, 4)] == [0.25, 0.25, 0.5, 1.0, 2.0]
    assert pause_s(9) == pause_s(10_000) == PAUSE_MAX_S


class Walk(RuleBasedStateMachine):
    """Any sequence of outcomes over any shape keeps what sagas promise."""

    @initialize(undoable=st.lists(st.booleans(), min_size=1, max_size=6), pivot=st.integers(0, 5))
    def begin(self, undoable, pivot):
        names = [f"step {n}" for n in range(len(undoable))]
        self.shape = Shape(
            kind="walk",
            version=1,
            steps=tuple(local(name, 2) for name in names),
            undos=tuple(
                local(f"undo {name}", 2) if can else None
                for name, can in zip(names, undoable, strict=True)
            ),
            pivot=min(pivot, len(names) - 1),
        )
        self.saga = Saga(id=ID, kind="walk", version=1)
        self.told = []

    def follow(self, outcome):
        self.saga, events = outcome
        self.told += events

    @precondition(lambda self: not self.saga.state.is_over and self.saga.state != State.PARKED)
    @rule(data=st.dictionaries(st.sampled_from("xyz"), st.integers()))
    def succeed(self, data):
        self.follow(done(self.shape, self.saga, data))

    @precondition(lambda self: not self.saga.state.is_over and self.saga.state != State.PARKED)
    @rule()
    def refuse(self):
        self.follow(refused(self.shape, self.saga, reason="no", trouble="no"))

    @precondition(lambda self: not self.saga.state.is_over and self.saga.state != State.PARKED)
    @rule(is_key_spent=st.booleans())
    def delay(self, is_key_spent):
        self.follow(delayed(self.shape, self.saga, trouble="away", is_key_spent=is_key_spent))

    @precondition(lambda self: self.saga.state == State.PARKED)
    @rule()
    def resume(self):
        self.follow(resumed(self.saga))

    @precondition(lambda self: self.saga.state.is_over)
    @rule()
    def ask_for_more(self):
        with pytest.raises(ValueError, match="nothing to do"):
            refused(self.shape, self.saga, reason="no", trouble="no")

    def steps(self, kind):
        return [event.step for event in self.told if isinstance(event, kind)]

    @invariant()
    def steps_are_done_once_and_in_order(self):
        names = [move.name for move in self.shape.steps]
        assert self.steps(StepDone) == names[: len(self.steps(StepDone))]

    @invariant()
    def what_was_done_is_undone_in_reverse_and_once(self):
        made = self.steps(StepDone)
        undos = [
            undo.name
            for undo, move in zip(self.shape.undos, self.shape.steps, strict=True)
            if undo is not None and move.name in made
        ]
        undone = self.steps(StepUndone)
        assert undone == undos[::-1][: len(undone)]
        if self.saga.state is State.COMPENSATED:
            assert undone == undos[::-1]

    @invariant()
    def past_the_pivot_nothing_is_undone(self):
        pivot_done = len(self.steps(StepDone)) > self.shape.pivot
        assert not (pivot_done and self.steps(SagaTurnedBack))

    @invariant()
    def endings_are_told_once_and_only_when_true(self):
        endings = [
            type(event) for event in self.told if isinstance(event, SagaCompleted | SagaCompensated)
        ]
        expected = {State.COMPLETED: [SagaCompleted], State.COMPENSATED: [SagaCompensated]}
        assert endings == expected.get(self.saga.state, [])
        if self.saga.state is State.COMPLETED:
            assert len(self.steps(StepDone)) == len(self.shape.steps)

    @invariant()
    def there_is_a_move_unless_it_is_over_or_parked(self):
        moves = current(self.shape, self.saga) is not None
        assert moves == (self.saga.state in {State.RUNNING, State.COMPENSATING})


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
