"""
A trader who never gives up: HTTP to the platform and the provider, each request safe to repeat.

Any process of the instance may be killed while a request is on its way. So every request
carries a key that its content determines, and is repeated until somebody answers it.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx

from tradesense.infra import http
from tradesense.infra.policies import own_policy
from tradesense.kernel.errors import InvariantBroken, TimedOut
from tradesense.resilience import CutOff

PATIENCE_S = 90.0  # a killed PostgreSQL recovers in seconds; more means that nobody will answer
PAUSE_S = 0.05
TRY_AGAIN = {
    HTTPStatus.CONFLICT,  # the same key is in flight
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(slots=True)
class Trader:
    """One customer: `name`, and what they learnt from the platform so far."""

    name: str
    platform: httpx.AsyncClient
    seed: int
    challenge_id: str = ""
    purchase_id: str = ""
    _token: str = ""
    _key: Mapping[str, str] = field(default_factory=dict)

    @property
    def email(self) -> str:
        return f"{self.name}.{self.seed}@story.invalid"

    async def sign_up(self) -> None:
        """Become a customer, and sign in."""
        login = {"email": self.email, "password": f"a long password of {self.name}"}
        await self._post("/api/v1/signup", login, key="signup")
        answer = await self._post("/api/v1/sessions", login, key="session")
        self._token = answer["token"]

    async def buy(self, plan: str) -> None:
        """Order a challenge; it still has to be paid."""
        answer = await self._post("/api/v1/purchases", {"plan": plan}, key="purchase")
        self.purchase_id = answer["id"]

    async def purchase(self) -> dict[str, Any]:
        """Return the purchase as the platform shows it."""
        return await self._get(f"/api/v1/purchases/{self.purchase_id}")

    async def pay(self, payment: Mapping[str, str]) -> None:
        """Confirm the payment at the provider, as its pay page does, with a test card."""
        async with http.client(own_policy("pay page")) as provider:
            await insist(
                provider,
                "POST",
                payment["pay_url"],
                data={"client_secret": payment["client_secret"], "payment_method": "pm_card_visa"},
                follow_redirects=False,
            )

    async def wait_until_active(self) -> None:
        """Wait until what was paid for has begun. Raises TimedOut."""
        give_up = time.monotonic() + PATIENCE_S
        status = ""
        while time.monotonic() < give_up:
            status = (await self.purchase())["status"]
            if status == "active":
                return
            await asyncio.sleep(PAUSE_S)
        raise TimedOut(f"{self.name} has paid, but the purchase is {status!r}")

    async def collect_key(self, challenge_id: str) -> None:
        """Get the API key of the challenge; it follows the challenge through its phases."""
        self.challenge_id = challenge_id
        answer = await self._post(f"/api/v1/challenges/{challenge_id}/keys", {}, key="api-key")
        self._key = {
            "APCA-API-KEY-ID": answer["key_id"],
            "APCA-API-SECRET-KEY": answer["secret"],
        }

    async def challenge(self) -> dict[str, Any]:
        """Return the challenge with its accounts, as the platform shows it."""
        return await self._get(f"/api/v1/challenges/{self.challenge_id}")

    async def account(self) -> dict[str, Any]:
        """Return the current account in Alpaca's shape."""
        answer = await insist(self.platform, "GET", "/v2/account", headers=self._key)
        return dict(answer.json())

    async def order(self, wire: Mapping[str, str]) -> dict[str, Any]:
        """Place an order; `client_order_id` makes it safe to repeat. Return it, or the refusal."""
        answer = await insist(
            self.platform, "POST", "/v2/orders", json=dict(wire), headers=self._key
        )
        if answer.is_success:
            return dict(answer.json())
        found = await insist(
            self.platform,
            "GET",
            "/v2/orders:by_client_order_id",
            params={"client_order_id": wire["client_order_id"]},
            headers=self._key,
        )
        return dict((found if found.is_success else answer).json())

    async def cancel_all(self) -> None:
        """Cancel what is still waiting."""
        await insist(self.platform, "DELETE", "/v2/orders", headers=self._key)

    async def _post(self, path: str, body: Mapping[str, object], *, key: str) -> dict[str, Any]:
        headers = {"Idempotency-Key": f"story-{self.seed}-{self.name}-{key}"}
        if self._token:
            headers |= self.bearer()
        answer = await insist(self.platform, "POST", path, json=dict(body), headers=headers)
        return _must(answer)

    def bearer(self) -> dict[str, str]:
        """Return the header that says who we are."""
        return {"Authorization": f"Bearer {self._token}"}

    async def _get(self, path: str) -> dict[str, Any]:
        return _must(await insist(self.platform, "GET", path, headers=self.bearer()))


async def insist(
    client: httpx.AsyncClient, method: str, url: str, **request: Any
) -> httpx.Response:
    """
    Send until somebody answers, for at most PATIENCE_S; return the answer, whatever it says.

    Raises TimedOut. Only for requests that are safe to repeat.
    """
    give_up = time.monotonic() + PATIENCE_S
    last: object = None
    while time.monotonic() < give_up:
        try:
            answer = await client.request(method, url, **request)
        except (httpx.TransportError, CutOff) as error:
            last = error
        else:
            if answer.status_code not in TRY_AGAIN:
                return answer
            last = f"{answer.status_code} {answer.text[:200]}"
        await asyncio.sleep(PAUSE_S)
    raise TimedOut(f"{method} {url}: nobody answered within {PATIENCE_S:.0f} s; last: {last!r}")


def _must(answer: httpx.Response) -> dict[str, Any]:
    if not answer.is_success:
        request = answer.request
        raise InvariantBroken(
            f"{request.method} {request.url.path}: {answer.status_code} {answer.text[:300]}"
        )
    return dict(answer.json())
