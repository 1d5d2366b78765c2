"""The demo trader's way through the platform, each step safe to repeat."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import httpx
import structlog

from tradesense.app.demo import rules
from tradesense.app.demo.memory import Memory
from tradesense.app.logins import DEMO
from tradesense.resilience import CutOff

PLAN = "ftmo-2step-100k"
LOOK_EVERY_S = 0.5
PATIENCE_S = 60.0
NEW_ROUND_S = 60.0  # so that a visitor sees how a challenge ended before the next one begins

log = structlog.get_logger()


class Nuisance(Exception):
    """Something that may be gone in a moment: nobody answered, or not as hoped."""


class DemoTrader:
    """A person with a browser and a small bot. `live` goes on from wherever `memory` says."""

    def __init__(self, http: httpx.AsyncClient, memory: Memory, *, seed: int) -> None:
        self._http = http
        self._memory = memory
        self._seed = seed
        self._bearer: Mapping[str, str] = {}

    async def live(self) -> None:
        """Get what is missing, then trade until the challenge is over. Raises Nuisance."""
        await self._sign_in()
        note = self._memory.note
        if not note.purchase_id:
            bought = await self._post("/api/v1/purchases", {"plan": PLAN}, key=note.key("buy"))
            note = self._memory.write(purchase_id=bought["id"])
        if not note.challenge_id:
            note = self._memory.write(challenge_id=await self._pay(note.purchase_id))
        if not note.secret:
            path = f"/api/v1/challenges/{note.challenge_id}/keys"
            key = await self._post(path, {}, key=note.key("api-key"))
            self._memory.write(key_id=key["key_id"], secret=key["secret"])
        await self._trade()

    async def _sign_in(self) -> None:
        login = {"email": DEMO.email, "password": DEMO.password}
        answer = await self._send("POST", "/api/v1/sessions", json=login)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            headers = {"Idempotency-Key": f"demo-signup-{self._seed}"}
            await self._send("POST", "/api/v1/signup", json=login, headers=headers)
            answer = await self._send("POST", "/api/v1/sessions", json=login)
        self._bearer = {"Authorization": f"Bearer {_json(answer)['token']}"}

    async def _pay(self, purchase_id: str) -> str:
        """Pay what was bought, by a test card, and return the challenge that it starts."""
        waited_s = 0.0
        while waited_s < PATIENCE_S:
            path = f"/api/v1/purchases/{purchase_id}"
            bought = _json(await self._send("GET", path, headers=self._bearer))
            payment = bought["payment"] or {}
            if bought["challenge_id"]:
                return str(bought["challenge_id"])
            if payment.get("pay_url"):
                card = {"payment_method": "pm_card_visa"}
                form = card | {"client_secret": payment["client_secret"]}
                await self._send("POST", payment["pay_url"], data=form)
            await asyncio.sleep(LOOK_EVERY_S)
            waited_s += LOOK_EVERY_S
        raise Nuisance(f"the purchase is {bought['status']} after {PATIENCE_S:g} s")

    async def _trade(self) -> None:
        keys = {
            "APCA-API-KEY-ID": self._memory.note.key_id,
            "APCA-API-SECRET-KEY": self._memory.note.secret,
        }
        while True:
            note = self._memory.note
            path = f"/api/v1/challenges/{note.challenge_id}"
            challenge = _json(await self._send("GET", path, headers=self._bearer))
            if challenge["status"] == "failed":
                await asyncio.sleep(NEW_ROUND_S)
                self._memory.write(
                    round=note.round + 1, purchase_id="", challenge_id="", key_id="", secret="",
                    orders=0,
                )  # fmt: skip
                return
            account = await self._account(challenge["account_id"])
            if account is not None:
                await self._order(account, keys)
            await asyncio.sleep(rules.rest_s(self._seed, note.orders))

    async def _account(self, account_id: str) -> dict[str, Any] | None:
        """Return the account; None while the engine is still opening it."""
        answer = await self._send("GET", f"/api/v1/accounts/{account_id}", headers=self._bearer)
        return None if answer.status_code == HTTPStatus.NOT_FOUND else _json(answer)

    async def _order(self, account: Mapping[str, Any], keys: Mapping[str, str]) -> None:
        positions = await self._send("GET", "/v2/positions", headers=keys)
        held = {
            each["symbol"]: rules.Held(Decimal(each["qty"]), Decimal(each["current_price"]))
            for each in _list(positions)
        }
        # Counted on disk first: after a crash the next order gets a name of its own.
        note = self._memory.write(orders=self._memory.note.orders + 1)
        wish = rules.next_wish(self._seed, note.orders, held=held, room_share=_room_share(account))
        if wish is None:
            return
        order = {
            "symbol": wish.symbol,
            "qty": str(abs(wish.qty)),
            "side": "buy" if wish.qty > 0 else "sell",
            "type": "market" if wish.limit is None else "limit",
            "time_in_force": "gtc" if wish.limit is None else "day",
            "client_order_id": note.key(f"order-{note.orders}"),
        }
        if wish.limit is not None:
            order["limit_price"] = str(wish.limit)
        answer = await self._send("POST", "/v2/orders", json=order, headers=keys)
        if not answer.is_success:  # a closed market, say: an answer like any other
            log.info("order refused", symbol=wish.symbol, answer=answer.text[:200])

    async def _post(self, path: str, body: Mapping[str, Any], *, key: str) -> dict[str, Any]:
        headers = {**self._bearer, "Idempotency-Key": key}
        return _json(await self._send("POST", path, json=dict(body), headers=headers))

    async def _send(self, method: str, url: str, **request: Any) -> httpx.Response:
        try:
            answer = await self._http.request(method, url, **request)
        except (httpx.TransportError, CutOff) as error:
            raise Nuisance(f"{method} {url}: {error!r}") from error
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Nuisance(f"{method} {url}: {answer.status_code} {answer.text[:200]}")
        return answer


def _json(answer: httpx.Response) -> dict[str, Any]:
    if not answer.is_success:
        asked = f"{answer.request.method} {answer.request.url.path}"
        raise Nuisance(f"{asked}: {answer.status_code} {answer.text[:300]}")
    return dict(answer.json())


def _list(answer: httpx.Response) -> list[dict[str, Any]]:
    if not answer.is_success:
        raise Nuisance(f"{answer.request.url.path}: {answer.status_code} {answer.text[:300]}")
    return list(answer.json())


def _room_share(account: Mapping[str, Any]) -> float:
    """Return the smallest part of a permitted loss that is left; 0 when there is none."""
    return min(
        (each["room_minor"] / each["permitted_minor"] for each in account["floors"]), default=1.0
    )
