import pytest

from bus_world import World


@pytest.fixture
async def world(runtime, owner_db, sealer_db, tmp_path):
    async def make_room(tx):
        await tx.execute(
            """
            CREATE TABLE effects (
              made bigint GENERATED ALWAYS AS IDENTITY, consumer text, entry_id bigint,
              stream text, number int, UNIQUE (consumer, entry_id));
            GRANT SELECT, INSERT ON effects TO tradesense_app;
            """
        )

    await owner_db.repeat(make_room)
    return World(runtime, sealer_db, tmp_path)
