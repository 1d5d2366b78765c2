"""One running instance that strangers, traders and operators say nonsense to."""

import hmac
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path

import httpx
import psycopg

from price_files import ticks_of
from table_digests import BOOKKEEPING, Digests, digests
from tradesense.app.story.instance import Instance, running
from tradesense.app.story.trader import Trader

PLAN = "ftmo-2step-100k"
NOON = datetime(2014, 5, 2, 12, 0, tzinfo=UTC)  # a Friday; prices until a quarter past
FRESH = NOON + timedelta(minutes=5)
STALE = NOON + timedelta(hours=1)
CLOSED = NOON + timedelta(days=1)
# Beats of processes and what they saw of providers, and what follows from transfers in its own
# time: they change whatever is asked, and say nothing that the other tables do not.
BEATS = {
    "infra_leases", "ledger_follower", "ledger_lines", "ledger_balances",
    "payments_provider_nodes", "payments_provider_reports",
}  # fmt: skip


@dataclass(frozen=True)
class World:
    """An instance with two traders, each with a running challenge and a key to it."""

    instance: Instance
    http: httpx.AsyncClient
    ada: Trader
    eve: Trader
    account_id: str  # ada's
    order_id: str  # ada's, waiting far from the market

    async def at(self, moment: datetime) -> None:
        await self.instance.move_to(moment)

    async def order(self, **fields: object) -> httpx.Response:
        """Place an order of ada's, right but for `fields`; None leaves a field out."""
        wire = {"symbol": "EUR/USD", "side": "buy", "type": "market", "qty": "1000"} | fields
        left = {name: value for name, value in wire.items() if value is not None}
        return await self.http.post("/v2/orders", json=left, headers=self.keys(self.ada))

    async def buy(self, key: str, **body: object) -> httpx.Response:
        headers = self.ada.bearer() | {"Idempotency-Key": key}
        return await self.http.post("/api/v1/purchases", json=body, headers=headers)

    async def webhook(
        self, body: bytes, *, age_s: int = 0, secret: str | None = None, sent: bytes | None = None
    ) -> httpx.Response:
        """Call as the provider does; with another `secret`, or another body `sent` than signed."""
        signing = secret or self.instance.settings.stripe_webhook_secrets[0]
        at_s = int(datetime.now(UTC).timestamp()) - age_s  # noqa: TID251 -- as the provider signs
        proof = hmac.digest(signing.encode(), b"%d.%s" % (at_s, body), "sha256").hex()
        headers = {"Stripe-Signature": f"t={at_s},v1={proof}"}
        return await self.http.post("/webhooks/stripe", content=sent or body, headers=headers)

    def pid(self, name: str) -> int:
        """Return the process of that name. Raises FileNotFoundError, ValueError between two."""
        return int((self.instance.run / f"{name}.pid").read_text())

    def keys(self, trader: Trader) -> dict[str, str]:
        return dict(trader._key)  # noqa: SLF001 -- a trader shows it to nobody else

    def known_webhook(self) -> bytes:
        """Return the body of a webhook that the provider has sent and we have settled."""
        return bytes(self.ask("SELECT body FROM payments_webhooks ORDER BY event_id LIMIT 1")[0][0])

    def ask(self, query: str) -> list[tuple]:
        with psycopg.connect(self.instance.settings.owner_url) as conn:
            return conn.execute(query).fetchall()

    def state(self) -> Digests:
        """Return a digest of each table's content; the instance must be at rest."""
        return digests(self.instance.settings.owner_url, besides=BOOKKEEPING | BEATS)


@asynccontextmanager
async def nonsense_world(folder: Path) -> AsyncIterator[World]:
    """
    Start an instance in `folder`, which others than root may be unable to enter.

    Both traders have bought, paid, and hold keys; the clock stands where prices are fresh.
    """
    home = folder / "home"
    home.mkdir()
    prices = ticks_of(folder, NOON, count=180, every_ms=5_000)
    start = NOON - timedelta(minutes=1)
    try:
        lent = running(home, start=start, prices=[prices], layout=None, seed=1)
        async with lent as instance, client(instance) as http:
            ada, eve = (Trader(name, http, 1) for name in ("ada", "eve"))
            for trader in (ada, eve):
                await open_challenge(trader, instance)
            await instance.move_to(FRESH)
            account = (await ada.challenge())["account_id"]
            wire = {"symbol": "EUR/USD", "side": "buy", "type": "limit", "limit_price": "1.0",
                    "qty": "1000", "time_in_force": "gtc", "client_order_id": "far"}  # fmt: skip
            order = await ada.order(wire)
            await instance.settle()
            yield World(instance, http, ada, eve, account, order["id"])
    finally:
        forget_elsewhere(home)


def client(instance: Instance) -> httpx.AsyncClient:
    """Return a client that takes no cookies: who asks is said in each request, or is nobody."""
    made = httpx.AsyncClient(base_url=instance.address, timeout=20)
    made.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return made


async def open_challenge(trader: Trader, instance: Instance) -> None:
    await trader.sign_up()
    await trader.buy(PLAN)
    await instance.settle()
    await trader.pay((await trader.purchase())["payment"])
    await trader.wait_until_active()
    await instance.settle()
    await trader.collect_key((await trader.purchase())["challenge_id"])


def forget_elsewhere(home: Path) -> None:
    """Remove what root's PostgreSQL kept outside a folder that it could not enter."""
    link = home / "postgres"
    if os.geteuid() == 0 and link.is_symlink():
        shutil.rmtree(link.readlink().parent)
