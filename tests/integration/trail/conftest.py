"""What the tests of the trail share."""

import os

import pytest


@pytest.fixture
def environment(database, settings, tmp_path):
    return {
        "PATH": os.defpath,
        "TRADESENSE_HOME": str(tmp_path),
        "TRADESENSE_DATABASE_URL": database.app,
        "TRADESENSE_OWNER_URL": database.owner,
        "TRADESENSE_SEALER_URL": database.sealer,
        "TRADESENSE_REDIS_URL": settings.redis_url,
        "TRADESENSE_SECRET": settings.secret,
        "TRADESENSE_LOG_LEVEL": "error",
    }
