"""Clients at work while processes die and freeze around them; what was acknowledged is noted."""

import asyncio
import contextlib
import os
import random  # noqa: TID251 -- seeded by the fixture
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

import httpx

from bad_input_world import PLAN, World
from tradesense.app.story.trader import Trader

TARGETS = (
    "api", "worker", "engine", "feed", "scheduler", "sealer", "sandbox", "postgres", "valkey",
)  # fmt: skip
FREEZE_S_MAX = 2.5  # longer than a lease lives
PATIENCE_S = 30.0
AGAIN = {409, 502, 503}


@dataclass
class Storm:
    """Lasts `seconds`. `orders` and `purchases` are what clients were told had happened."""

    world: World
    chance: random.Random
    seconds: float
    orders: set[str] = field(default_factory=set)
    purchases: set[str] = field(default_factory=set)
    faults: Counter = field(default_factory=Counter)

    async def rage(self) -> None:
        self.end = time.monotonic() + self.seconds
        async with asyncio.TaskGroup() as group:
            for number in range(2):
                for trader in (self.world.ada, self.world.eve):
                    group.create_task(self._trade(trader, number))
            group.create_task(self._buy(self.world.eve))
            group.create_task(self._pass_time())
            group.create_task(self._strike())

    @property
    def lasts(self) -> bool:
        return time.monotonic() < self.end

    async def _trade(self, trader: Trader, lane: int) -> None:
        number = 0
        while self.lasts:
            number += 1
            name = f"storm-{trader.name}-{lane}-{number}"
            side, kind = (
                self.chance.choice(["buy", "sell"]),
                self.chance.choice(["market", "limit"]),
            )
            wire = {"symbol": "EUR/USD", "side": side, "type": kind, "qty": "1000"}
            wire |= {"client_order_id": name} | ({"limit_price": "1.38"} if kind == "limit" else {})
            told = await self._insist("POST", "/v2/orders", json=wire,
                                      headers=self.world.keys(trader))  # fmt: skip
            if told.status_code == 200 or "was used before" in told.text:
                self.orders.add(name)
            if self.chance.random() < 0.1:
                await self._insist("DELETE", "/v2/orders", headers=self.world.keys(trader))

    async def _buy(self, trader: Trader) -> None:
        number = 0
        while self.lasts:
            number += 1
            headers = trader.bearer() | {"Idempotency-Key": f"purchase {number} in the storm"}
            told = await self._insist("POST", "/api/v1/purchases", json={"plan": PLAN},
                                      headers=headers)  # fmt: skip
            assert told.status_code == 201, told.text
            purchase_id = told.json()["id"]
            self.purchases.add(purchase_id)
            await self._pay(purchase_id, trader)

    async def _pay(self, purchase_id: str, trader: Trader) -> None:
        method = self.chance.choice(["pm_card_visa", "pm_card_visa", "pm_sandbox_underpay"])
        while self.lasts:
            told = await self._insist("GET", f"/api/v1/purchases/{purchase_id}",
                                      headers=trader.bearer())  # fmt: skip
            payment = told.json()["payment"]
            if payment is not None and payment["pay_url"] is not None:
                form = {"client_secret": payment["client_secret"], "payment_method": method}
                await self._insist("POST", payment["pay_url"], data=form)
                return
            await asyncio.sleep(0.05)

    async def _pass_time(self) -> None:
        clock = self.world.instance.clock
        while self.lasts:
            clock.set(clock.now() + timedelta(seconds=1))
            await asyncio.sleep(0.2)

    async def _strike(self) -> None:
        while self.lasts:
            await asyncio.sleep(self.chance.uniform(0.1, 0.8))
            target = self.chance.choice(TARGETS)
            with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
                pid = self.world.pid(target)
                if self.chance.random() < 0.3:
                    await self._freeze(pid)
                    self.faults[f"{target} frozen"] += 1
                else:
                    os.kill(pid, signal.SIGKILL)
                    self.faults[f"{target} killed"] += 1

    async def _freeze(self, pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(self.chance.uniform(0.1, FREEZE_S_MAX))
        finally:
            os.kill(pid, signal.SIGCONT)

    async def _insist(self, method: str, url: str, **request: object) -> httpx.Response:
        """Ask until somebody answers; every request here is safe to send again."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    told = await self.world.http.request(method, url, **request)
                except httpx.TransportError:
                    self.faults["no answer"] += 1
                else:
                    assert told.status_code != 500, told.text
                    if told.status_code not in AGAIN:
                        return told
                await asyncio.sleep(0.1)
