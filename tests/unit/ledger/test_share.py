import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesense.ledger.jobs import BATCH_MAX, SHARED_MIN, share


@pytest.mark.parametrize(
    ("waiting", "free", "taken"),
    [
        (0, 2, 0),
        (1, 2, 1),
        (16, 2, 16),  # a few go together: a second COMMIT would cost more than it overlaps
        (1_000, 2, 500),  # many are halved, so that both flights have one
        (999, 2, 500),
        (500, 1, 500),
        (5_000, 1, BATCH_MAX),
    ],
)
def test_free_flights_share_a_long_queue(waiting, free, taken):
    assert share(waiting, free=free, batch_max=BATCH_MAX) == taken


@given(st.integers(0, 10_000), st.integers(1, 8))
def test_what_all_free_flights_take_leaves_nothing_that_fits(waiting, free):
    left = waiting
    for still_free in range(free, 0, -1):
        taken = share(left, free=still_free, batch_max=BATCH_MAX)
        assert taken <= BATCH_MAX
        assert taken or not left
        left -= taken

    assert left == max(0, waiting - free * BATCH_MAX) or waiting <= free * SHARED_MIN
