import pytest

from payout_world import Floor


@pytest.fixture
async def floor(runtime, sealer_db, clock, database):
    """A funded trader with 5,000 USD of profit that may be paid out."""
    made = Floor(runtime, sealer_db, clock, database)
    await made.fund()
    await made.profit()
    await made.register()
    return made
