"""Any sequence of arrivals, departures, surrenders and resizing: who is inside, who waits."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tradesense.resilience.limits import BulkheadSettings, Priority
from tradesense.resilience.limits.places import Entry, Places

SHED_AT = {Priority.LOW: 0.5, Priority.NORMAL: 0.9}


class PlacesStory(RuleBasedStateMachine):
    """The model: a set of those inside, and a list of those who wait, in order of arrival."""

    @initialize(
        places=st.integers(1, 6), queue=st.integers(0, 4), shed=st.sampled_from([{}, SHED_AT])
    )
    def begin(self, places, queue, shed):
        self.queue_max = queue
        self.shed_at = shed
        self.places = Places(BulkheadSettings(places=places, queue_max=queue, shed_at=shed))
        self.inside, self.waiting, self.number = set(), [], 0
        self.most_inside = places

    @rule(level=st.sampled_from(Priority))
    def somebody_asks(self, level):
        self.number += 1
        load = len(self.inside) + len(self.waiting)
        walks_in = self.places.free > self.places.kept_back
        entry, evicted = self.places.ask(self.number, level)
        if evicted is not None:
            lost = next(one for one in self.waiting if one[1] == evicted)
            assert lost[0] > level, "somebody as important lost a place"
            assert lost[0] == max(waiting[0] for waiting in self.waiting)
            self.waiting.remove(lost)
        match entry:
            case Entry.IN:
                self.inside.add(self.number)
            case Entry.WAITS:
                self.waiting.append((level, self.number))
            case Entry.NO_ROOM:
                assert len(self.waiting) == self.queue_max
            case Entry.SHED:
                assert load >= self.shed_at[level] * self.places.limit
        if walks_in:
            assert entry is Entry.IN, "the quick way in let somebody in who is not welcome"

    @precondition(lambda self: self.inside)
    @rule(data=st.data())
    def somebody_leaves(self, data):
        self.inside.remove(data.draw(st.sampled_from(sorted(self.inside))))
        heir = self.places.leave()
        if heir is not None:
            self.lets_in(heir)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def somebody_gives_up(self, data):
        one = data.draw(st.sampled_from(self.waiting))
        assert self.places.line.leave(one[1])
        self.waiting.remove(one)

    @rule(limit=st.integers(1, 8))
    def the_limit_moves(self, limit):
        for heir in self.places.resize(limit):
            self.lets_in(heir)

    def lets_in(self, heir):
        first = min(self.waiting)  # the most important, then the longest waiting
        assert heir == first[1], "somebody overtook the line"
        self.waiting.remove(first)
        self.inside.add(heir)

    @invariant()
    def the_books_agree(self):
        if not hasattr(self, "places"):
            return
        assert self.places.in_use == len(self.inside)
        assert len(self.places.line) == len(self.waiting) <= self.queue_max

    @invariant()
    def nobody_waits_while_a_place_is_free(self):
        if hasattr(self, "places") and self.waiting:
            assert self.places.free <= 0


TestPlacesStory = PlacesStory.TestCase
TestPlacesStory.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
