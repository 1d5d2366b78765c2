"""An operator and an ordinary user at the platform's whole API."""

import pytest

from bus_world import World as BusWorld


@pytest.fixture
def api(olga):
    """Somebody who has signed in, and is no operator."""
    return olga


@pytest.fixture
async def ask(api):
    """Ask for something unsafe, under a key of its own; return the answer."""
    keys = iter(range(1_000))

    async def post(path, **body):
        headers = {"Idempotency-Key": f"upkeep number {next(keys)}"}
        return await api.post(f"/api/v1/operations/{path}", json=body, headers=headers)

    return post


@pytest.fixture
async def world(runtime, owner_db, sealer_db, tmp_path):
    """A bus with a consumer called `ears`."""
    await owner_db.repeat(
        lambda tx: tx.execute(
            """
            CREATE TABLE effects (
              made bigint GENERATED ALWAYS AS IDENTITY, consumer text, entry_id bigint,
              stream text, number int, UNIQUE (consumer, entry_id));
            GRANT SELECT, INSERT ON effects TO tradesense_app;
            """
        )
    )
    return BusWorld(runtime, sealer_db, tmp_path)
