"""A worker whose database dies under it, and that never had a Redis, only takes longer."""

import signal
import socket
import time

import psycopg
import pytest

from conftest import broken_invariants
from faults import own_server
from platform_processes import processes
from purchase_world import PLAN, PRICE_MINOR

PATIENCE_S = 30.0


@pytest.fixture
def nobody():
    """An address where nobody answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and never listening
        yield f"redis://127.0.0.1:{taken.getsockname()[1]}"


def test_the_database_dies_three_times_while_somebody_buys(tmp_path, nobody, chance):
    with (
        own_server() as server,
        processes(
            database_url=server.url,
            owner_url=server.owner_url,
            sealer_url=server.sealer_url,
            redis_url=nobody,
            home=tmp_path,
        ) as platform,
    ):
        platform.start("sandbox", "api", "sealer", "worker")
        platform.wait_ready()
        worker = platform.running["worker"].pid
        buyer = platform.buyer()

        def die():
            time.sleep(chance.uniform(0, 0.1))
            server.end(signal.SIGKILL)
            server.start()

        buyer.order(PLAN)
        die()
        buyer.pay()
        die()
        die()
        buyer.wait_for(lambda seen: seen["status"] == "active", PATIENCE_S)

        assert platform.running["worker"].poll() is None
        assert platform.running["worker"].pid == worker  # the same process, all the time
        with psycopg.connect(server.superuser_url) as conn:
            earned = "SELECT sum(amount_minor) FROM ledger_transfers WHERE reason = %s"
            row = conn.execute(earned, ("challenge started",)).fetchone()
            assert row == (PRICE_MINOR,)
        assert broken_invariants(server.superuser_url) == {}
