"""
Three steps that each write a transfer, as a workflow of DBOS: prints workflows per second.

    python bench/peers/dbos_story.py DATABASE_URL SECONDS CALLERS

Each step is a transaction of DBOS's own datasource, so that its effect and its record share a
commit, as ours do.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import sqlalchemy as sa

STEPS = (
    ("bank:USD", "deferred-revenue:USD"),
    ("clearing:stripe:USD", "deferred-revenue:USD"),
    ("fees:stripe:USD", "bank:USD"),
)
WRITE = sa.text("INSERT INTO peer_transfers (debit, credit, amount_minor) VALUES (:d, :c, 100)")


def main(url: str, seconds: float, callers: int) -> None:
    """Run workflows from `callers` threads for `seconds` and print how many were done a second."""
    dbos: Any = import_module("dbos")  # not in our own environment
    address = url.replace("postgresql://", "postgresql+psycopg://")
    datasource = dbos.SQLAlchemyDatasource.create(address, engine_kwargs={"pool_size": callers})
    dbos.DBOS(
        config={
            "name": "bench",
            "system_database_url": address,
            "sys_db_pool_size": callers,
            "log_level": "ERROR",
        }
    )

    def write(debit: str, credit: str) -> None:
        datasource.sql_session().execute(WRITE, {"d": debit, "c": credit})

    def tell() -> None:
        for debit, credit in STEPS:
            move(debit, credit)

    move = datasource.transaction(write)
    story = dbos.DBOS.workflow()(tell)
    dbos.DBOS.launch()
    story()
    begun = time.perf_counter()

    def call(_: int) -> int:
        done = 0
        while time.perf_counter() - begun < seconds:
            story()
            done += 1
        return done

    with ThreadPoolExecutor(callers) as pool:
        done = sum(pool.map(call, range(callers)))
    print(done / (time.perf_counter() - begun))
    dbos.DBOS.destroy()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
