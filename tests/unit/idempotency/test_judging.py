"""One rule says what a request is, and whatever happens a key has one effect a day."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tradesense.resilience.idempotency import Claim, Finding, judge

OURS, THEIRS = b"ours", b"theirs"


def claim(*, digest=OURS, answered=False, expired=False, leased=False):
    return Claim(digest=digest, is_answered=answered, is_expired=expired, is_leased=leased)


@pytest.mark.parametrize(
    ("found", "locked", "unlocked"),
    [
        (None, Finding.FIRST, Finding.CONFLICT),
        (claim(answered=True), Finding.REPLAY, Finding.REPLAY),
        (claim(answered=True, digest=THEIRS), Finding.MISMATCH, Finding.MISMATCH),
        (claim(answered=True, expired=True), Finding.EXPIRED, Finding.CONFLICT),
        (claim(answered=True, expired=True, digest=THEIRS), Finding.EXPIRED, Finding.CONFLICT),
        (claim(leased=True), Finding.CONFLICT, Finding.CONFLICT),
        (claim(leased=True, digest=THEIRS), Finding.MISMATCH, Finding.MISMATCH),
        (claim(), Finding.TAKEOVER, Finding.CONFLICT),
        (claim(expired=True), Finding.TAKEOVER, Finding.CONFLICT),
        (claim(expired=True, leased=True), Finding.CONFLICT, Finding.CONFLICT),
        (claim(digest=THEIRS), Finding.MISMATCH, Finding.MISMATCH),
        (claim(digest=THEIRS, expired=True), Finding.MISMATCH, Finding.MISMATCH),
    ],
)
def test_what_is_found_says_what_to_do(found, locked, unlocked):
    assert judge(found, OURS, is_locked=True) is locked
    assert judge(found, OURS, is_locked=False) is unlocked


class OneKey(RuleBasedStateMachine):
    """
    Workers who do as `judge` says on one key, and die, freeze and come back late.

    A birth is one life of the key: from a claim of a free or expired key to the next such claim.
    """

    def __init__(self):
        super().__init__()
        self.found = None  # what the store holds
        self.birth = self.token = 0
        self.stored = None  # the token of whoever answered
        self.workers = {}  # token -> birth; all who have not died
        self.given = {}  # birth -> the answers that callers got
        self.begun_anew_unanswered = 0

    @rule(digest=st.sampled_from([OURS, THEIRS]))
    def ask(self, digest):
        finding = judge(self.found, digest, is_locked=True)
        if finding in {Finding.FIRST, Finding.EXPIRED}:
            self.begun_anew_unanswered += self.found is not None and self.stored is None
            self.birth += 1
            self._claim(digest)
        elif finding is Finding.TAKEOVER:
            self._claim(digest)
        elif finding is Finding.REPLAY:
            assert digest == self.found.digest
            self._give(self.stored)

    def _claim(self, digest):
        self.token += 1
        self.workers[self.token] = self.birth
        self.found, self.stored = claim(digest=digest, leased=True), None

    def _give(self, answer):
        self.given.setdefault(self.birth, set()).add(answer)

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def a_worker_settles(self, data):
        worker = data.draw(st.sampled_from(sorted(self.workers)))
        del self.workers[worker]
        if worker == self.token and self.stored is None:  # else it was taken over
            self.found, self.stored = claim(digest=self.found.digest, answered=True), worker
            self._give(worker)

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def a_worker_dies(self, data):
        del self.workers[data.draw(st.sampled_from(sorted(self.workers)))]

    @precondition(lambda self: self.found is not None)
    @rule(expires=st.booleans())
    def time_passes(self, expires):
        """The lease runs out; after a day, also the answer's time."""
        self.found = claim(
            digest=self.found.digest,
            answered=self.found.is_answered,
            expired=expires or self.found.is_expired,
        )

    @invariant()
    def all_callers_of_one_life_get_one_answer(self):
        assert all(len(answers) == 1 for answers in self.given.values())

    @invariant()
    def what_has_no_answer_is_never_begun_anew(self):
        assert self.begun_anew_unanswered == 0


TestOneKey = OneKey.TestCase
TestOneKey.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
