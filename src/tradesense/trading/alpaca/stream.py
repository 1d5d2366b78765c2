"""
The websocket of `trade_updates`: authenticate, listen, then every change of every order.

    client                                  we
    {"action":"authenticate","data":{…}} -> {"stream":"authorization","data":{"status":…}}
    {"action":"listen","data":{…}}       -> {"stream":"listening","data":{"streams":[…]}}
                                         -> {"stream":"trade_updates","data":{"event":…}} …

What is sent is read from the account's stream of facts, so nothing is lost while Redis is away;
Redis only says when to look. Frames go out as the client's come in, as text or as bytes.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import cast
from uuid import UUID

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from tradesense import trail
from tradesense.identity.caller import find_caller_by_key
from tradesense.infra.db import Transaction
from tradesense.infra.runtime import Runtime
from tradesense.kernel.errors import Unavailable
from tradesense.kernel.ids import derive
from tradesense.kernel.instants import rfc3339
from tradesense.trading import reads, store
from tradesense.trading.alpaca.decimals import short, text
from tradesense.trading.alpaca.shapes import Json, order_json
from tradesense.trading.model import AccountSetup, OrderRecord, OrderStatus
from tradesense.trading.running.publishing import UPDATES

log = logging.getLogger(__name__)

router = APIRouter(tags=["alpaca"])

LOOK_EVERY_S = 0.25  # without a wake
SIGN_IN_WITHIN_S = 10.0
TRADE_UPDATES = "trade_updates"
TRY_AGAIN_LATER = 1013  # as IANA's registry of websocket close codes names it
_EVENTS = {
    "OrderAccepted": "new",
    "OrderFilled": "fill",
    "OrderCancelled": "canceled",
    "OrderRejected": "rejected",
}


class _Client:
    """A socket that answers in the kind of frame in which it was spoken to."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._speaks_bytes = False

    async def hear(self) -> Mapping[str, object]:
        """Return the next message; an empty one for what is no JSON object."""
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))
        self._speaks_bytes = message.get("bytes") is not None
        try:
            found = json.loads(message.get("bytes") or message.get("text") or "{}")
        except (ValueError, RecursionError):  # the latter for brackets nested beyond reason
            return {}
        return found if isinstance(found, dict) else {}

    async def say(self, stream: str, data: Json) -> None:
        words = json.dumps({"stream": stream, "data": data})
        if self._speaks_bytes:
            await self._socket.send_bytes(words.encode())
        else:
            await self._socket.send_text(words)

    async def turn_away(self) -> None:
        """Close for a reason that will pass; clients come back by themselves."""
        await self._socket.close(TRY_AGAIN_LATER, "the database is away; connect again")


@router.websocket("/stream")
async def trade_updates(socket: WebSocket) -> None:
    """Serve one client until it leaves."""
    await socket.accept()
    client, runtime = _Client(socket), cast(Runtime, socket.app.state.runtime)
    with suppress(WebSocketDisconnect):
        try:
            async with asyncio.timeout(SIGN_IN_WITHIN_S):
                challenge_id = await _sign_in(client, runtime)
        except TimeoutError:
            challenge_id = None
        except Unavailable as error:
            log.info("nobody can sign in: %s", error)
            await client.turn_away()
            return
        if challenge_id is None:
            await socket.close()
            return
        await _serve(client, runtime, challenge_id)


async def _sign_in(client: _Client, runtime: Runtime) -> UUID | None:
    """Return the challenge whose key the client has shown."""
    asked = await client.hear()
    given = asked.get("data", asked)
    data = given if isinstance(given, dict) else {}
    key_id = str(data.get("key_id", data.get("key", "")))
    secret = str(data.get("secret_key", data.get("secret", "")))
    caller = await find_caller_by_key(runtime, key_id, secret)
    is_known = caller is not None and caller.challenge_id is not None
    status = "authorized" if is_known else "unauthorized"
    await client.say("authorization", {"status": status, "action": "authenticate"})
    return caller.challenge_id if caller is not None else None


async def _serve(client: _Client, runtime: Runtime, challenge_id: UUID) -> None:
    telling: asyncio.Task[None] | None = None
    async with asyncio.TaskGroup() as group:
        try:
            while True:
                asked = await client.hear()
                if asked.get("action") != "listen":
                    continue
                data = asked.get("data")
                streams = data.get("streams", []) if isinstance(data, dict) else []
                wants = isinstance(streams, list) and TRADE_UPDATES in streams
                if wants and telling is None:
                    tail = _Tail(runtime, challenge_id)
                    try:
                        await tail.start()
                    except Unavailable as error:
                        log.info("nobody can listen: %s", error)
                        await client.turn_away()
                        return
                    telling = group.create_task(tail.tell(client))
                await client.say("listening", {"streams": [TRADE_UPDATES] if wants else []})
        except WebSocketDisconnect:
            if telling is not None:
                telling.cancel()


class _Tail:
    """The end of the stream of a challenge's current account, phase after phase."""

    def __init__(self, runtime: Runtime, challenge_id: UUID) -> None:
        self._runtime = runtime
        self._challenge_id = challenge_id
        self._account_id: UUID | None = None
        self._version = 0
        self._woken = asyncio.Event()

    async def start(self) -> None:
        """Begin after what has happened so far."""
        async with self._runtime.db.reading() as tx:
            self._account_id = await reads.current_account(tx, self._challenge_id)
            if self._account_id is not None:
                self._version = await trail.stream_version(tx, f"account:{self._account_id}")

    async def tell(self, client: _Client) -> None:
        """Tell the client of everything new until it leaves; wait for a database that is away."""
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(self._listen())
            with suppress(WebSocketDisconnect):
                while True:
                    for update in await self._read():
                        await client.say(TRADE_UPDATES, update)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_EVERY_S):
                            await self._woken.wait()
                    self._woken.clear()
            listening.cancel()

    async def _listen(self) -> None:
        async for message in self._runtime.redis.subscribe(UPDATES):
            if message == str(self._account_id).encode():
                self._woken.set()

    async def _read(self) -> list[Json]:
        try:
            async with self._runtime.db.reading() as tx:
                await self._follow(tx)
                return await self._read_on(tx)
        except Unavailable as error:
            log.info("trade updates wait: %s", error)
            return []

    async def _follow(self, tx: Transaction) -> None:
        """Go over to the next phase's account once everything of this one is told."""
        current = await reads.current_account(tx, self._challenge_id)
        if current == self._account_id:
            return
        told = self._account_id is None or self._version == await trail.stream_version(
            tx, f"account:{self._account_id}"
        )
        if told:
            self._account_id, self._version = current, 0

    async def _read_on(self, tx: Transaction) -> list[Json]:
        account_id = self._account_id
        if account_id is None:
            return []
        entries = await trail.read_stream(tx, f"account:{account_id}", after=self._version)
        view = await reads.find_account(tx, account_id) if entries else None
        found = []
        for entry in entries:
            self._version = entry.version
            if view is not None and entry.kind in _EVENTS:
                order_id = UUID(str(entry.data["order_id"]))
                order = await store.find_order(tx, account_id=account_id, order_id=order_id)
                if order is not None:
                    found.append(_update(view.setup, entry, order))
        return found


def _update(setup: AccountSetup, entry: trail.Entry, order: OrderRecord) -> Json:
    event = _EVENTS[entry.kind]
    update: Json = {"event": event, "timestamp": rfc3339(entry.at)}
    if event == "new":
        # The order may have ended since: the update shows it as it was.
        order = replace(order, status=OrderStatus.NEW, filled_price=None, ended_us=None)
    elif order.status is OrderStatus.EXPIRED:
        update["event"] = "expired"
    if event == "fill":
        instrument = next(each for each in setup.instruments if each.symbol == order.symbol)
        held = int(str(entry.data["position_qty"]))
        update |= {
            "execution_id": str(derive(order.order_id, "execution")),
            "price": text(int(str(entry.data["price"])), instrument.price_digits),
            "qty": short(int(str(entry.data["qty"])), instrument.qty_digits),
            "position_qty": short(held, instrument.qty_digits),
        }
    return {**update, "order": order_json(setup, order)}
