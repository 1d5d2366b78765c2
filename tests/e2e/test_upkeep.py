"""Operators at the command line of a running platform: books, what stands still, one page."""

import json

import psycopg
import pytest

from platform_processes import processes
from purchase_world import PLAN
from running_platform import run


@pytest.fixture
def platform(database, valkey_url, tmp_path):
    where = {
        "database_url": database.app, "owner_url": database.owner, "sealer_url": database.sealer,
        "redis_url": valkey_url, "home": tmp_path,
    }  # fmt: skip
    with processes(**where) as lent:
        lent.start("sandbox", "api", "worker", "sealer", "scheduler")
        lent.wait_ready()
        yield lent


def test_an_operator_reads_the_books_and_closes_a_month_by_command(platform, database):
    buyer = platform.buyer()
    buyer.order(PLAN)
    buyer.pay()
    buyer.wait_for(lambda seen: seen["status"] == "active", 60)

    def command(*words, code=0):
        done = run(platform.environment(), *words)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout or done.stderr

    told = json.loads(command("books", "balance", "clearing:stripe:USD", "--json"))
    assert told["balance_minor"] > 0
    assert command("books", "balance", "clearing:stripe:USD").endswith(" USD\n")
    trial = json.loads(command("books", "trial-balance", "--json"))
    assert (trial["is_balanced"], trial["sums_minor"]) == (True, {"USD": 0})
    assert "clearing:provider:CURRENCY" in command("books", "chart")
    assert "LATE" not in command("books", "ages")
    command("books", "statement", "clearing:stripe:USD")
    assert "is no period" in command("books", "close", "May", "--why", "x", code=2)
    assert "never reopens" in command("books", "close", "2100-01", "--why", "x", code=2)
    assert "closed" in command("books", "close", "2020-01", "--why", "reported")
    assert command("sagas", "parked") == command("events", "dead") == "none\n"
    assert "0 will" in command("events", "replay", "--all", "--why", "a drill")
    assert "say which" in command("events", "replay", "--why", "a drill", code=2)
    nobody = "00000000-0000-0000-0000-000000000000"
    assert "no saga" in command("sagas", "resume", nobody, "--why", "a drill", code=2)
    assert command("attention") == "nothing waits for a person\n"
    with psycopg.connect(database.superuser) as conn:
        (entry,) = conn.execute(
            "SELECT convert_from(canonical, 'UTF8')::jsonb FROM trail_entries"
            " WHERE kind = 'PeriodEnded'"
        ).fetchone()
    assert entry["by"].startswith("operator:")
    assert entry["data"]["why"] == "reported"
