"""What the tests of the trail share."""

import os

import psycopg
import pytest

from integration.trail.facts import noted, seal_now
from integration.trail.tampering import TABLES
from tradesense.trail import record
from tradesense.trail.audit.verify import Known, verify
from tradesense.trail.sealing.keys import read_public


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


@pytest.fixture
async def sealed(db, sealer_db, database, tmp_path):
    """700 entries of five streams, sealed in seven batches; nothing of them is wrong yet."""
    for batch in range(7):
        facts = [noted(f"{batch}.{n}", f"account:{n % 5}") for n in range(100)]
        await db.run(lambda tx, facts=facts: record(tx, *facts), key=str(batch))
        await seal_now(sealer_db, tmp_path)
    return database


@pytest.fixture
def audit(sealed, tmp_path):
    """Verify as an auditor would, with the pinned key and, if not told otherwise, the witness."""
    key = read_public(tmp_path / "keys")

    def run(*, witnessed=True, checkpoints=(), key=key, streams=False):
        witness = tmp_path / "witness" if witnessed else None
        known = Known(key=key, witness=witness, checkpoints=checkpoints, walks_streams=streams)
        return verify(sealed.app, known)

    return run


@pytest.fixture
def tamper(sealed):
    """Run statements as a superuser who has switched the triggers off."""

    def run(*statements, **arguments):
        with psycopg.connect(sealed.superuser) as conn:
            for table in TABLES:
                conn.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
            for statement in statements:
                conn.execute(statement, arguments)
            for table in TABLES:
                conn.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")

    return run
