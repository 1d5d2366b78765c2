"""The platform's own processes are one fleet; another instance on the same Valkey is another."""

import asyncio
import dataclasses
import time

import redis

from platform_processes import processes
from tradesense.infra.fleet import fleet_of
from tradesense.infra.policies import platform_policies
from tradesense.resilience.fleet import load


async def test_the_processes_of_an_instance_beat_for_every_breaker_but_that_of_redis(
    settings, database, tmp_path
):
    names = {policy.name for policy in platform_policies(settings) if policy.breaker}
    expected = {name: {"api", "worker"} for name in names - {"redis"}}
    with (
        processes(
            database_url=database.app,
            owner_url=database.owner,
            sealer_url=database.sealer,
            redis_url=settings.redis_url,
            home=tmp_path,
        ) as platform,
        redis.Redis.from_url(settings.redis_url) as server,
    ):
        platform.start("api", "worker")
        deadline = time.monotonic() + 30
        while roles(server, settings) != expected:
            assert time.monotonic() < deadline, roles(server, settings)
            await asyncio.sleep(0.1)


def roles(server, settings):
    """Who beats for which breaker of the instance."""
    start = f"tradesense:fleet:1:{fleet_of(settings)}:"
    found = {}
    for key in server.keys(f"{start}*"):
        reports = load(server.get(key)).reports
        found[key.decode().removeprefix(start)] = {name.partition("@")[0] for name in reports}
    return found


def test_instances_on_one_valkey_are_fleets_apart(settings):
    theirs = dataclasses.replace(settings, secret="6f" * 32)
    staging = dataclasses.replace(settings, database_url="postgresql://app@db.example/staging")
    elsewhere = dataclasses.replace(
        settings, database_url=settings.database_url.replace("127.0.0.1", "db.example")
    )
    assert len({fleet_of(s) for s in (settings, theirs, staging)}) == 3
    assert fleet_of(elsewhere) == fleet_of(settings), "the same database by another address"
