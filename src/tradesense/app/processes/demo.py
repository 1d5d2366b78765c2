"""The demo trader: a customer like any other, who signs up, buys, pays and trades over HTTP."""

import asyncio
from pathlib import Path

import structlog

from tradesense.app.demo.memory import Memory
from tradesense.app.demo.trader import DemoTrader, Nuisance
from tradesense.infra.http import client
from tradesense.infra.policies import own_policy, watching
from tradesense.infra.settings import Settings

REST_S = 5.0  # after a nuisance: long enough not to be one ourselves
FIRST_REST_S = 0.2  # at a start the others are seconds behind at most

log = structlog.get_logger()


async def main(settings: Settings) -> None:
    """Trade until cancelled; whatever gets in the way, try again."""
    memory = Memory(_path(settings))
    guarded = own_policy("demo")
    async with (
        client(guarded, base_url=settings.own_url) as http,
        watching(settings.home, "demo", [guarded]),
    ):
        trader = DemoTrader(http, memory, seed=settings.seed)
        rest_s = FIRST_REST_S
        while True:
            try:
                await trader.live()
            except Nuisance as nuisance:
                log.info("trying again", reason=str(nuisance))
            await asyncio.sleep(rest_s)
            rest_s = min(2 * rest_s, REST_S)


def _path(settings: Settings) -> Path:
    return settings.home / "demo.json"
