"""A verb commits once per key."""

import pytest

from tradesense.infra.db import AlreadyCommitted


async def test_a_key_commits_once(db):
    async def verb(tx):
        row = await (await tx.execute("SELECT current_user AS role")).fetchone()
        return row["role"]

    assert await db.run(verb, key="one") == "tradesense_app_login"
    with pytest.raises(AlreadyCommitted):
        await db.run(verb, key="one")


async def test_settable(runtime, owner_db, sealer_db):
    async with runtime.db.reading() as tx:
        assert (await (await tx.execute("SELECT 1 AS x")).fetchone())["x"] == 1
    assert runtime.now().year == 2014


async def test_settable2(runtime):
    async with runtime.db.reading() as tx:
        assert (await (await tx.execute("SELECT 1 AS x")).fetchone())["x"] == 1
