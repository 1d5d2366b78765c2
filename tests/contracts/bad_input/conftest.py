"""One world for all rows of a file: a refused request leaves it as it was."""

import pytest_asyncio

from refusal_world import refusal_world
from tradesense.infra.settings import Settings

SEED = 7  # the world's ids follow from it; what is asked of it does not


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(lend_database, valkey_url, tmp_path_factory):
    with lend_database() as urls:
        settings = Settings(
            home=tmp_path_factory.mktemp("refusals"),
            database_url=urls.app,
            owner_url=urls.owner,
            sealer_url=urls.sealer,
            redis_url=valkey_url,
            secret="5e" * 32,
            stripe_secret_key="sk_test_tests",
            stripe_webhook_secrets=("whsec_tests",),
        )
        async with refusal_world(urls, settings, seed=SEED) as opened:
            yield opened
