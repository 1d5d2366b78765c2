"""An operator and an ordinary user at the platform's whole API."""

from uuid import UUID

import httpx
import pytest

from bus_world import World as BusWorld
from tradesense import identity
from tradesense.app.api import create_app

USER = {"email": "olga@example.com", "password": "a long enough password"}


@pytest.fixture
async def api(runtime):
    """Somebody who has signed in, and is no operator."""
    transport = httpx.ASGITransport(create_app(runtime), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://platform") as client:
        key = {"Idempotency-Key": "one signup of many, 7"}
        signed_up = await client.post("/api/v1/signup", json=USER, headers=key)
        session = await client.post("/api/v1/sessions", json=USER)
        client.headers["Authorization"] = f"Bearer {session.json()['token']}"
        client.user_id = UUID(signed_up.json()["user_id"])
        yield client


@pytest.fixture
async def operator(api, runtime):
    """The same person, appointed; as the trail calls them."""
    await runtime.db.run(
        lambda tx: identity.appoint_operator(tx, user_id=api.user_id, now=runtime.now()),
        key="appoint",
    )
    return f"operator:{api.user_id}"


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
