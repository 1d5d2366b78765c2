"""Webhooks out: signed, at least once, until the platform takes them or three days are over."""

import asyncio
import hmac
import json
import logging

import httpx

from tradesense.app.sandbox.store import Delivery, Json, Store
from tradesense.app.sandbox.world.faults import WEBHOOK, Fault, strike
from tradesense.infra import http
from tradesense.infra.clock import Clock
from tradesense.kernel.errors import OutcomeUnknown, Unavailable
from tradesense.resilience import Policy

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.2
PAUSE_MAX_S = 60.0
GIVE_UP_AFTER_S = 3 * 86_400  # as long as Stripe tries
AT_ONCE = 8
LOOK_AGAIN_S = 0.1
SWAP_S = 0.5  # so long a call waits for the next one to overtake it


def sign(body: bytes, *, secret: str, at: int) -> str:
    """Return the `Stripe-Signature` header of `body`: `t=...,v1=HMAC-SHA256(t.body)`."""
    signature = hmac.digest(secret.encode(), f"{at}.".encode() + body, "sha256").hex()
    return f"t={at},v1={signature}"


def pause_s(tries: int) -> float:
    """Seconds until the next try: 0.2, 0.4, 0.8, … at most 60."""
    return min(FIRST_PAUSE_S * (1 << min(tries, 16)), PAUSE_MAX_S)


class Courier:
    """Brings events to one webhook address."""

    def __init__(
        self, store: Store, clock: Clock, policy: Policy, *, url: str, secret: str
    ) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._url = url
        self._secret = secret
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look for due deliveries at once."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with http.client(self._policy) as client:
            while True:
                self._woken.clear()
                due = await asyncio.to_thread(self._list_due)
                if due:
                    async with asyncio.TaskGroup() as group:
                        for delivery in due:
                            group.create_task(self._deliver(client, delivery))
                    continue
                try:
                    # Not `wait_for`: before Python 3.12 it can swallow a cancellation.
                    async with asyncio.timeout(LOOK_AGAIN_S):
                        await self._woken.wait()
                except TimeoutError:
                    continue  # a retry may have fallen due

    async def _deliver(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        fault = await asyncio.to_thread(self._strike, delivery)
        if fault is not None and fault.kind in {"delay_webhook", "swap_webhooks"}:
            pause = fault.delay_s if fault.kind == "delay_webhook" else SWAP_S
            await asyncio.to_thread(self._put_off, delivery, pause)
            return
        answer: str | None
        if fault is not None and fault.kind == "lose_webhook":
            answer = "lost by a fault"
        else:
            answer = await self._send(client, delivery.body, fault)
        age_s = self._now() - delivery.body["created"]
        if answer is None and age_s > GIVE_UP_AFTER_S:
            answer = "given up"
            log.warning("webhook %s was never taken", delivery.event_id)
        await asyncio.to_thread(self._note, delivery, answer)

    async def _send(
        self, client: httpx.AsyncClient, event: Json, fault: Fault | None
    ) -> str | None:
        """Post an event, after a forged one or before itself once more if a fault says so."""
        if fault is None:
            return await self._post(client, event, self._secret, 0)
        if fault.kind == "forge_webhook":
            await self._post(client, _forged(event), "whsec_of_a_stranger", 0)
        answer = await self._post(client, event, self._secret, fault.skew_s)
        if fault.kind == "repeat_webhook":
            return await self._post(client, event, self._secret, 0)
        return answer

    async def _post(
        self, client: httpx.AsyncClient, event: Json, secret: str, skew_s: int
    ) -> str | None:
        """Return what the platform answered if that was 2xx, else None."""
        url, body, headers = self._request(event, secret, skew_s)
        try:
            response = await client.post(url, content=body, headers=headers)
        except (httpx.HTTPError, OutcomeUnknown, Unavailable) as error:
            log.debug("webhook %s: %r", event["id"], error)
            return None
        return f"{response.status_code}" if response.is_success else None

    def _request(self, event: Json, secret: str, skew_s: int) -> tuple[str, bytes, dict[str, str]]:
        if event["object"] == "mollie_call":  # unsigned, to the address that the payment names
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            return event["url"], event["form"].encode(), form
        body = json.dumps(event, indent=2).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": sign(body, secret=secret, at=int(self._now()) + skew_s),
            "User-Agent": "Stripe/1.0 (sandbox)",
        }
        return self._url, body, headers

    def _list_due(self) -> list[Delivery]:
        with self._store.commit():
            return list(self._store.list_due(now=self._now(), limit=AT_ONCE))

    def _strike(self, delivery: Delivery) -> Fault | None:
        with self._store.commit():
            return strike(self._store, WEBHOOK, delivery.body["type"])

    def _put_off(self, delivery: Delivery, wait_s: float) -> None:
        with self._store.commit():
            self._store.put_off(delivery.event_id, next_at=self._now() + wait_s)

    def _note(self, delivery: Delivery, answer: str | None) -> None:
        with self._store.commit():
            next_at = self._now() + pause_s(delivery.tries)
            self._store.note_try(delivery.event_id, answer=answer, next_at=next_at)

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _forged(event: Json) -> Json:
    """Return what a stranger would like us to believe."""
    forged = event | {"id": f"{event['id']}forged"}
    return forged | {"url": forged["url"].partition("?")[0]} if "url" in forged else forged
