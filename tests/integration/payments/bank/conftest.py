"""A firm with an account at a bank."""

import pytest

from bank_firm import open_firm


@pytest.fixture
async def firm(runtime):
    async with open_firm(runtime) as made:
        yield made
