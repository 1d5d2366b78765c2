"""A shop over the real database and the real sandbox, with a hand in every book."""

import pytest

from payment_books import BookShop, wall


@pytest.fixture
def books(runtime, clock, provider, sandbox, database):
    clock.set(wall())  # the provider lives in wall-clock time
    return BookShop(runtime, provider, sandbox, database.owner)
