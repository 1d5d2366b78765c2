"""Every outgoing call goes through a named policy; the rule is shown to fail where one does not."""

from pathlib import Path

import pytest

from outgoing_calls import calls_out

SOURCE = Path(__file__).parent.parent / "src" / "tradesense"

GUARDED = "each way out goes through the policy that its caller names"
OWN_SERVER = "the supervisor asks a server it has just started whether it is ready"
OWNER = "a command, once, as the owner; a person waits for it and reads what goes wrong"
# The documented list; docs/guides/resilience.md says the same in words.
EXEMPT = {
    "infra/http.py": GUARDED,
    "infra/redis.py": GUARDED,
    "infra/db/pool.py": GUARDED,
    "infra/embedded/postgres.py": OWN_SERVER,
    "infra/embedded/valkey.py": OWN_SERVER,
    "app/instance.py": "the supervisor asks its own API whether it serves; no client, for memory",
    "app/migrations/__init__.py": OWNER,
    "trail/audit/reading.py": "an auditor's command reads the trail in another process's thread",
}
FILES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(SOURCE)))
def test_nothing_calls_out_without_a_policy(file):
    found = list(calls_out(file.read_text()))
    if file.relative_to(SOURCE).as_posix() in EXEMPT:
        assert found, "it calls nobody; take it off the list"
    else:
        assert not found


def test_the_list_names_files_that_are_there():
    assert {name for name in EXEMPT if not (SOURCE / name).exists()} == set()


@pytest.mark.parametrize(
    "planted",
    [
        "import httpx\nasync with httpx.AsyncClient(timeout=1) as client: ...",
        "import httpx as web\nweb.post('http://provider')",
        "from httpx import AsyncClient\nclient = AsyncClient()",
        "from httpx import AsyncClient as Web\nclass Mine(Web): ...",
        "from tradesense.infra import http\nclient = http.client()",
        "from tradesense.infra.http import client\nclient(base_url='http://provider')",
        "import urllib.request\nurllib.request.urlopen('http://provider')",
        "from urllib.request import urlopen\nurlopen('http://provider')",
        "import http.client\nhttp.client.HTTPSConnection('provider')",
        "import socket\nsocket.create_connection(('provider', 443))",
        "import socket\nwith socket.socket() as s: s.connect(('provider', 443))",
        "import socket\nsocket.socket().connect_ex(('provider', 443))",
        "import asyncio\nasync def f(): await asyncio.open_connection('provider', 443)",
        "import asyncio\nasync def f(loop): await loop.create_connection(str, 'provider', 443)",
        "import redis.asyncio\nredis.asyncio.Redis.from_url('redis://there')",
        "from redis.asyncio import Redis\nRedis(host='there')",
        "import psycopg\npsycopg.connect('postgresql://there')",
        "import psycopg\nasync def f(): await psycopg.AsyncConnection.connect('postgresql://x')",
        "from psycopg import AsyncConnection\nAsyncConnection[dict].connect('postgresql://x')",
        "import stripe\nstripe.StripeClient('sk_test')",
        "import stripe\nstripe.PaymentIntent.create(amount=1)",
        "import aiosmtplib",
        "from requests import get",
        "import aiohttp.client",
    ],
)
def test_a_planted_call_is_found(planted):
    assert list(calls_out(planted))


@pytest.mark.parametrize(
    "fine",
    [
        "from tradesense.infra import http\nclient = http.client(policies['stripe'])",
        "import httpx\ndef f(client: httpx.AsyncClient) -> httpx.Response: ...",
        "import httpx\nlimits = httpx.Limits(keepalive_expiry=1.0)",
        "import sqlite3\nsqlite3.connect('file')",
        "import socket\nwith socket.socket() as probe: probe.bind(('127.0.0.1', 0))",
        "import stripe\nstripe.StripeClient('sk', http_client=ours)",
        "import psycopg\ntry: ...\nexcept psycopg.OperationalError: ...",
    ],
)
def test_a_guarded_call_is_left_alone(fine):
    assert not list(calls_out(fine))
