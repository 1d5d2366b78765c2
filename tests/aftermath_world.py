"""One running platform with two providers on which many payments come to their ends."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

import httpx
import psycopg

from conftest import Urls, broken_invariants
from payment_sandbox import MOLLIE_KEY, SandboxProcess
from platform_processes import Buyer, Processes
from purchase_world import PLAN
from tradesense.kernel.ids import derive

PATIENCE_S = 30.0
ORDER = {"symbol": "BTC/USD", "type": "market", "time_in_force": "gtc"}
ORDER_ENDS = {"filled", "rejected", "canceled", "expired"}
# What arrives at a provider's own account, or leaves it, per currency; its fees apart.
CLEARING = """
    SELECT account, sum(minor)::bigint FROM (
      SELECT debit AS account, amount_minor AS minor FROM ledger_transfers
      UNION ALL SELECT credit, -amount_minor FROM ledger_transfers) AS sides
    GROUP BY 1 HAVING sum(minor) <> 0 ORDER BY 1
"""
Balances = dict[str, int]
Found = TypeVar("Found")


def until(condition: Callable[[], Found], within_s: float, what: str) -> Found:
    """Return what `condition` says as soon as it says anything."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(0.05)
    return found


@dataclass(eq=False)
class Trader:
    """Somebody who buys a challenge, trades it, and reads what they are told."""

    buyer: Buyer
    keys: dict[str, str] = field(default_factory=dict)
    orders: int = 0

    @property
    def payment_id(self) -> UUID:
        return derive(UUID(self.buyer.purchase_id), "payment")

    def order(self, **body: str) -> None:
        """Order the plan; `way` and `return_url` as the API takes them."""
        self.buyer.order(PLAN, **body)

    @property
    def intent(self) -> str:
        """What the provider calls the payment that counts."""
        return self.buyer.purchase()["payment"]["intent_id"]

    def offer(self, provider: str) -> dict[str, str]:
        """Return what `provider` offers to pay, once it is what the purchase shows."""

        def is_shown(seen: dict) -> bool:
            shown = seen["payment"] or {}
            return shown.get("provider") == provider and bool(shown.get("pay_url"))

        return self.buyer.wait_for(is_shown, PATIENCE_S)["payment"]

    def until_ordered(self, provider: str) -> None:
        """Wait until somebody beside us has ordered, and `provider` has made its offer."""
        until(lambda: self.buyer.purchase_id, PATIENCE_S, "an order")
        self.offer_or_paid(provider)

    def offer_or_paid(self, provider: str) -> None:
        """Wait until the purchase shows `provider`, paid meanwhile or not."""
        self.buyer.wait_for(
            lambda seen: (seen["payment"] or {}).get("provider") == provider, PATIENCE_S
        )

    def pay_otherwise(self, provider: str) -> None:
        """Ask for another provider's offer."""
        answer = self.buyer.client.post(
            f"/api/v1/purchases/{self.buyer.purchase_id}/payment",
            json={"provider": provider, "way": "page"},
            headers={"Idempotency-Key": f"{self.buyer.name} rather at {provider}"},
        )
        assert answer.status_code == 202, answer.text

    def until(self, status: str, within_s: float = PATIENCE_S) -> dict:
        """Return the purchase once it is `status`."""
        return self.buyer.wait_for(lambda seen: seen["status"] == status, within_s)

    def until_payment(self, status: str) -> None:
        """Wait until the payment is `status`."""
        self.buyer.wait_for(lambda seen: seen["payment"]["status"] == status, PATIENCE_S)

    def until_told(self, *topics: str) -> None:
        """Wait until these are all messages so far, oldest first; in any order of one moment."""
        until(lambda: sorted(self.told()) == sorted(topics), PATIENCE_S, f"{topics}")

    def told(self) -> list[str]:
        """Return the topics of everything this person was told, oldest first."""
        found = self.buyer.client.get("/api/v1/messages").json()["messages"]
        return [message["topic"] for message in reversed(found)]

    def said(self, topic: str) -> str:
        """Return the words of the newest message of a topic."""
        found = self.buyer.client.get("/api/v1/messages").json()["messages"]
        return next(message["text"] for message in found if message["topic"] == topic)

    def challenge(self) -> dict:
        shown = self.buyer.purchase()["challenge_id"]
        return self.buyer.client.get(f"/api/v1/challenges/{shown}").json()

    def until_challenge(self, status: str) -> dict:
        """Return the challenge once it is `status`."""
        until(lambda: self.challenge()["status"] == status, PATIENCE_S, f"it is {status}")
        return self.challenge()

    def can_trade(self, side: str = "buy", qty: str = "0.1") -> bool:
        """
        Order at market, and say whether it was filled.

        An engine that is slow to answer refuses after the order was acknowledged.
        """
        if not self.keys:
            path = f"/api/v1/challenges/{self.buyer.purchase()['challenge_id']}/keys"
            headers = {"Idempotency-Key": f"the key of {self.buyer.name}"}
            issued = self.buyer.client.post(path, json={}, headers=headers).json()
            self.keys = {
                "APCA-API-KEY-ID": issued["key_id"],
                "APCA-API-SECRET-KEY": issued["secret"],
            }
        self.orders += 1
        name = f"{self.buyer.name}-{self.orders}"
        wire = ORDER | {"side": side, "qty": qty, "client_order_id": name}
        placed = self.buyer.client.post("/v2/orders", json=wire, headers=self.keys)
        if not placed.is_success:
            assert placed.status_code == 403, placed.text
            return False
        return until(lambda: self._ended(name), PATIENCE_S, "its end") == "filled"

    def positions(self) -> list[dict]:
        answer = self.buyer.client.get("/v2/positions", headers=self.keys)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _ended(self, name: str) -> str:
        """Return how an order has ended, "" while it has not."""
        path, asked = "/v2/orders:by_client_order_id", {"client_order_id": name}
        found = self.buyer.client.get(path, params=asked, headers=self.keys).json()
        return found["status"] if found.get("status") in ORDER_ENDS else ""


@dataclass
class World:
    """The platform, the sandbox's levers, and the books on both sides."""

    platform: Processes
    database: Urls
    sandbox: SandboxProcess
    operator: Buyer

    def trader(self, name: str) -> Trader:
        return Trader(self.platform.buyer(name))

    def active(self, name: str, provider: str = "stripe", **body: str) -> Trader:
        """Return somebody whose challenge runs, paid at `provider`."""
        trader = self.trader(name)
        trader.order(**body)
        self.sandbox.pay(trader.offer(provider)["intent_id"])
        trader.until("active")
        return trader

    def buy_and_time(self, trader: Trader) -> float:
        """Return the seconds from an order to its running challenge, paid once it can be."""
        began = time.monotonic()
        trader.order()
        self.sandbox.pay(trader.offer("stripe")["intent_id"])
        trader.until("active", within_s=120)
        return time.monotonic() - began

    def refund(self, trader: Trader, minor: int | None, key: str) -> httpx.Response:
        """Ask for money back as an operator does; None is the rest."""
        body = {"reason": "goodwill"} | ({} if minor is None else {"amount_minor": minor})
        return self.operator.client.post(
            f"/api/v1/operations/payments/{trader.payment_id}/refunds",
            json=body,
            headers={"Idempotency-Key": f"{trader.buyer.name} {key}"},
        )

    def balances(self) -> Balances:
        """Return what every book account holds, debits positive; those at zero left out."""
        with psycopg.connect(self.database.superuser) as conn:
            held = dict(conn.execute(CLEARING).fetchall())
        assert sum(held.values()) == 0, held
        return held

    def clearing(self) -> Balances:
        """Return what our books say that providers hold for us."""
        held = self.balances()
        return {name: minor for name, minor in held.items() if name.startswith("clearing:")}

    def held_there(self) -> Balances:
        """Return what the providers say that they hold for us, after their fees."""
        held = {
            f"clearing:stripe:{one.currency.upper()}": one.amount
            for one in self.sandbox.client().v1.balance.retrieve().available
        }
        for balance in self._ask_mollie("/v2/balances")["balances"]:
            amount = balance["availableAmount"]
            held[f"clearing:mollie:{amount['currency']}"] = cents(amount)
        return {name: minor for name, minor in held.items() if minor}

    def theirs(self) -> Balances:
        """Return what the providers say has moved on our accounts there, before their fees."""
        moved: Balances = {}
        for line in self.sandbox.client().v1.balance_transactions.list().auto_paging_iter():
            name = f"clearing:stripe:{line.currency.upper()}"
            moved[name] = moved.get(name, 0) + line.amount
        for name, minor in self._at_mollie():
            moved[name] = moved.get(name, 0) + minor
        return {name: minor for name, minor in moved.items() if minor}

    def met(self, kind: str) -> int:
        """Return how often faults of a kind have struck since they were planted."""
        return sum(each["met"] for each in self.sandbox.planted() if each["kind"] == kind)

    def expire(self, trader: Trader) -> None:
        """Let the days pass in which an order can be paid."""
        with psycopg.connect(self.database.superuser) as conn:
            conn.execute(
                "UPDATE saga_instances SET due_at = clock_timestamp() WHERE id = %s",
                (trader.buyer.purchase_id,),
            )

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tradesense.app.cli", *words],
            env=self.platform.environment(), capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip

    @contextmanager
    def books(self, **changes: int) -> Iterator[None]:
        """
        Check what the block has changed in the books, by account with `_` for `:`.

        Afterwards both providers' accounts say the same as ours, and every promise holds.
        """
        before = self.balances()
        yield
        after = self.balances()
        moved = {
            name.replace(":", "_").replace("-", "_"): after.get(name, 0) - before.get(name, 0)
            for name in {*before, *after}
        }
        assert {name: minor for name, minor in moved.items() if minor} == changes
        assert self.clearing() == self.theirs()
        broken = broken_invariants(self.database.superuser)
        assert not broken, broken  # said here: this file's assertions are not rewritten

    def _at_mollie(self) -> Iterator[tuple[str, int]]:
        for balance in self._ask_mollie("/v2/balances")["balances"]:
            lines = self._ask_mollie(f"/v2/balances/{balance['id']}/transactions?limit=250")
            for line in lines["balance_transactions"]:
                amount = line["initialAmount"]
                yield f"clearing:mollie:{amount['currency']}", cents(amount)

    def _ask_mollie(self, path: str) -> dict[str, list[dict]]:
        headers = {"Authorization": f"Bearer {MOLLIE_KEY}"}
        return httpx.get(f"{self.sandbox.base}{path}", headers=headers).json()["_embedded"]


def cents(amount: dict[str, str]) -> int:
    """Return Mollie's `{"value": "540.00"}` in minor units."""
    return int(Decimal(amount["value"]) * 100)


@contextmanager
def world(database: Urls, platform: Processes) -> Iterator[World]:
    """Start everything that a trading account and its payment need."""
    platform.start("sandbox", "api", "worker", "sealer", "scheduler", "feed", "engine")
    platform.wait_ready()
    lever = SandboxProcess(platform.home, port=platform.sandbox_port)
    operator = platform.buyer("olga")
    lent = World(platform, database, lever, operator)
    assert lent.command("operators", "appoint", "olga@example.com").returncode == 0
    yield lent
