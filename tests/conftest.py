"""
What every test may ask for.

`db`, `owner_db`, `sealer_db`: a fresh, migrated database per test under the roles of production.
`runtime`, with `clock.set(moment)`: a process's world whose time, ids and chance are the test's.
`tables()`: a digest of each table, for what must change nothing.
`seed`, `chance`: printed with the test's output; `--seed N` repeats a run.
"""

import importlib
import os
import random  # noqa: TID251 -- the source of the tests' chance, seeded
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

import servers as test_servers
import tradesense
from table_digests import Digests, digests
from tradesense.infra.db import Database
from tradesense.infra.policies import platform_policies
from tradesense.infra.redis import Redis
from tradesense.infra.runtime import Runtime
from tradesense.infra.settings import Settings

OPENING = datetime(2014, 5, 2, 8, 0, tzinfo=UTC)  # a Friday, London open


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=None, help="repeat a run's chance")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "breaks_invariants: the test damages records on purpose; do not check them"
    )


@dataclass(frozen=True)
class Urls:
    """The addresses of one test's database, by role."""

    name: str
    app: str
    owner: str
    sealer: str
    superuser: str


class SettableClock:
    """A clock that stands still until a test sets it."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def now(self) -> datetime:
        return self._moment

    def set(self, moment: datetime) -> None:
        assert moment >= self._moment, "a clock never goes back"
        self._moment = moment


@pytest.fixture(scope="session")
def servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> test_servers.Servers:
    """PostgreSQL and Valkey of this run."""
    is_worker = hasattr(request.config, "workerinput")
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if is_worker else base) / "servers"
    return test_servers.start_once(folder, os.getppid() if is_worker else os.getpid())


@pytest.fixture(scope="session")
def superuser(servers: test_servers.Servers) -> Iterator[psycopg.Connection]:
    with psycopg.connect(f"{servers.superuser}postgres", autocommit=True) as conn:
        yield conn


Lend = Callable[[], AbstractContextManager[Urls]]


@pytest.fixture(scope="session")
def lend_database(servers: test_servers.Servers, superuser: psycopg.Connection) -> Lend:
    """What lends databases to those who keep one for longer than a test."""
    return partial(_lend, servers, superuser)


@contextmanager
def _lend(servers: test_servers.Servers, superuser: psycopg.Connection) -> Iterator[Urls]:
    """Lend a fresh copy of the migrated template."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    superuser.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER tradesense_owner STRATEGY FILE_COPY").format(
            sql.Identifier(name), sql.Identifier(test_servers.TEMPLATE)
        )
    )
    try:
        yield Urls(
            name,
            servers.app + name,
            servers.owner + name,
            servers.sealer + name,
            servers.superuser + name,
        )
    finally:
        superuser.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database(request: pytest.FixtureRequest, lend_database: Lend) -> Iterator[Urls]:
    """A fresh copy of the migrated template; afterwards every invariant must hold."""
    with lend_database() as lent:
        yield lent
        if request.node.get_closest_marker("breaks_invariants") is None:
            assert broken_invariants(lent.superuser) == {}


_numbers = iter(range(1, 1_000_000_000))


def broken_invariants(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows that break a promise of any module, by promise."""
    broken = {}
    with psycopg.connect(url) as conn:
        for promise, query in INVARIANTS.items():
            if rows := conn.execute(query).fetchall():
                broken[promise] = rows
    return broken


def _collected() -> dict[str, str]:
    source = Path(tradesense.__file__).parent
    modules = sorted(path.parent.name for path in source.glob("*/invariants.py"))
    return {
        f"{module}: {promise}": query
        for module in modules
        if module != "app"  # it collects the others
        for promise, query in importlib.import_module(
            f"tradesense.{module}.invariants"
        ).INVARIANTS.items()
    }


INVARIANTS = _collected()


@pytest.fixture
def tables(database: Urls) -> Callable[[], Digests]:
    """Returns a digest of each table's content, but for those of keys and stored answers."""
    return lambda: digests(database.superuser)


@pytest.fixture
async def db(database: Urls) -> AsyncIterator[Database]:
    """The database as the app's role sees it."""
    async with Database.open(database.app, name="test") as opened:
        yield opened


@pytest.fixture
async def owner_db(database: Urls) -> AsyncIterator[Database]:
    async with Database.open(database.owner, name="test owner", is_owner=True) as opened:
        yield opened


@pytest.fixture
async def sealer_db(database: Urls) -> AsyncIterator[Database]:
    async with Database.open(database.sealer, name="test sealer", max_size=4) as opened:
        yield opened


@pytest.fixture(scope="session")
def valkey_url(servers: test_servers.Servers) -> str:
    return servers.valkey


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(OPENING)


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The number from which this test's chance follows; shown when the test fails."""
    given = request.config.getoption("--seed")
    drawn = random.SystemRandom().randrange(2**32) if given is None else given
    print(f"seed {drawn}: repeat with --seed {drawn}")  # noqa: T201 -- pytest shows it
    return int(drawn)


@pytest.fixture
def chance(seed: int) -> random.Random:
    return random.Random(seed)


@pytest.fixture
def settings(tmp_path: Path, database: Urls, valkey_url: str) -> Settings:
    return Settings(
        home=tmp_path,
        database_url=database.app,
        owner_url=database.owner,
        sealer_url=database.sealer,
        redis_url=valkey_url,
        secret="5e" * 32,
        stripe_secret_key="sk_test_tests",
        stripe_webhook_secrets=("whsec_tests",),
    )


@pytest.fixture
async def runtime(
    settings: Settings, db: Database, clock: SettableClock, chance: random.Random
) -> AsyncIterator[Runtime]:
    """One process's world: time is `clock`, ids and chance follow from `seed`."""
    policies = platform_policies(settings)
    async with Redis.open(settings.redis_url, policies["redis"]) as redis:
        yield Runtime(
            settings,
            db,
            clock.now,
            lambda: UUID(int=chance.getrandbits(128), version=4),
            chance.randbytes,
            redis,
            policies,
        )
