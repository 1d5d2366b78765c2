import pytest

from payout_world import Floor


@pytest.fixture
async def funded(runtime, sealer_db, clock, database):
    """A funded trader with 5,000 USD of profit that may be paid out; we have no bank account."""
    made = Floor(runtime, sealer_db, clock, database)
    await made.fund()
    await made.profit()
    return made


@pytest.fixture
async def floor(funded):
    """The same, with an account at a bank."""
    await funded.register()
    return funded
