"""
A shop whose every effect can be counted; in the test's process, or in one of its own to kill.

`python tests/idempotency_shop.py` serves it with what SHOP says, as JSON, in the environment.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path

import httpx
import uvicorn
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response
from pydantic import BaseModel
from starlette.datastructures import State

from payment_sandbox import free_port
from tradesense.app import errors
from tradesense.infra.db import Transaction
from tradesense.infra.idempotency import (
    Answer,
    Errand,
    Once,
    OnceFromRequest,
    Policy,
    StoreDown,
)
from tradesense.infra.runtime import FromRequest, Runtime
from tradesense.infra.settings import Settings
from tradesense.kernel.errors import (
    Conflict,
    InvariantBroken,
    OutcomeUnknown,
    Rejected,
    Throttled,
    Unauthenticated,
    Unavailable,
)

SECRET_SHOWN = "sk_shown_once"


class TooLarge(Conflict):
    code = "shop.too_large"


# What a verb may come to after its effect, by the order's mood.
MOODS = {
    "greedy": TooLarge("that is too much"),
    "hasty": Throttled("later", retry_after_s=1),
    "unknown": Unauthenticated("sign in first"),
    "away": Unavailable("a part of us is away"),
    "lost": OutcomeUnknown("a part of us did not answer"),
    "broken": InvariantBroken("two records disagree"),
}


class Order(BaseModel):
    """`takes_s`: how long the verb keeps its transaction open."""

    qty: int = 1
    mood: str = "calm"
    takes_s: float = 0.0


class Till:
    """
    A provider that honours our keys, kept in files so that it outlives whoever asks it.

    `asked` counts calls, `done` what they came to: one per key.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)

    def take(self, key: str, qty: int) -> str:
        with (self._folder / "asked").open("a") as log:
            log.write(f"{key}\n")
        receipt = self._folder / f"done-{key}"
        if not receipt.exists():
            receipt.write_text(f"receipt of {qty} for {key}")
        return receipt.read_text()

    def find(self, key: str) -> str | None:
        receipt = self._folder / f"done-{key}"
        return receipt.read_text() if receipt.exists() else None

    @property
    def asked(self) -> list[str]:
        log = self._folder / "asked"
        return log.read_text().split() if log.exists() else []

    @property
    def done(self) -> int:
        return len(list(self._folder.glob("done-*")))


async def mark(tx: Transaction, runtime: Runtime, what: str) -> None:
    """Leave a mark that is counted by `effects`: twice is two."""
    await tx.execute(
        "INSERT INTO infra_leases (name, token) VALUES (%s, 1)", (f"{what} {runtime.new_id()}",)
    )


async def effects(db, what: str = "order") -> int:
    async with db.reading() as tx:
        cursor = await tx.execute(
            "SELECT count(*) AS n FROM infra_leases WHERE name LIKE %s", (f"{what} %",)
        )
        row = await cursor.fetchone()
    return row["n"]


router = APIRouter()


def application(runtime: Runtime) -> FastAPI:
    """Return the shop; `X-Who` says who asks."""
    app = FastAPI()
    app.state.runtime = runtime
    app.state.served = 0
    app.state.lease_s = 4.0
    app.state.till = Till(runtime.settings.home / "till")
    app.include_router(router)
    errors.install(app)
    return app


@router.post("/orders")
@router.put("/orders")
@router.post("/shops/{shop}/orders")
async def post_order(order: Order, once: OnceFromRequest) -> Response:
    return await place(order, once, Policy())


@router.post("/relaxed-orders")
async def post_relaxed(order: Order, once: OnceFromRequest) -> Response:
    return await place(order, once, Policy(is_key_required=False))


@router.post("/impatient-orders")
async def post_impatient(order: Order, once: OnceFromRequest) -> Response:
    return await place(order, once, Policy(store_down=StoreDown.REFUSE))


@router.post("/naive-orders", status_code=201)
async def post_naive(request: Request, runtime: FromRequest) -> dict[str, bool]:
    """How not to do it: copies wait for the first, each with a connection of the pool."""
    key = request.headers["idempotency-key"]

    async def verb(tx: Transaction) -> bool:
        await tx.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (key,))
        await tx.execute("SELECT pg_sleep(0.3)")
        return True

    return {"ok": await runtime.db.run(verb, key=str(runtime.new_id()))}


@router.get("/unrelated")
async def unrelated(runtime: FromRequest) -> dict[str, bool]:
    async with runtime.db.reading() as tx:
        await tx.execute("SELECT 1")
    return {"ok": True}


async def place(order: Order, once: Once, policy: Policy) -> Response:
    state = once.request.app.state

    async def verb(tx: Transaction) -> Answer:
        state.served += 1
        await mark(tx, once.runtime, "order")
        if order.takes_s:
            await tx.execute("SELECT pg_sleep(%s)", (order.takes_s,))
        if order.mood in MOODS:
            raise MOODS[order.mood]
        told = {"qty": order.qty, "secret": SECRET_SHOWN, "served": state.served}
        answer = Answer.of(told, status=201)
        if order.mood != "with a cookie":
            return answer
        more = (("set-cookie", "session=1"), ("x-served-by", "us"))
        return Answer(answer.status, answer.body, (*answer.headers, *more))

    who = once.request.headers.get("x-who", "ada")
    return await once.answer(verb, principal=f"user:{who}", status=201, policy=policy)


@router.post("/errands")
async def post_errand(order: Order, once: OnceFromRequest) -> Response:
    state = once.request.app.state
    trouble = once.request.headers.get("x-trouble", "")  # no part of the payload
    delivery = Delivery(order, trouble, once.runtime, state)
    errand = Errand(
        intend=delivery.intend,
        call=delivery.call,
        look=delivery.look,
        keep=delivery.keep,
        forgo=delivery.forgo,
    )
    return await once.run(errand, principal="user:ada", lease_s=state.lease_s)


@dataclass
class Delivery:
    """An order that the till takes; `trouble` says what goes wrong, and when."""

    order: Order
    trouble: str
    runtime: Runtime
    state: State

    async def intend(self, tx: Transaction) -> None:
        await mark(tx, self.runtime, "intent")
        if self.trouble == "too much":
            raise MOODS["greedy"]

    async def call(self, key: str) -> str:
        self.state.served += 1
        self._go_wrong("before")
        receipt = self.state.till.take(key, self.order.qty)
        self._go_wrong("after")
        await asyncio.sleep(self.order.takes_s)
        return receipt

    def _go_wrong(self, moment: str) -> None:
        if self.trouble == f"dies {moment}":
            os.kill(os.getpid(), signal.SIGKILL)
        if (self.trouble, moment) in TROUBLE:
            raise TROUBLE[self.trouble, moment]

    async def look(self, key: str) -> str | None:
        return self.state.till.find(key)

    async def keep(self, tx: Transaction, receipt: str) -> Answer:
        await mark(tx, self.runtime, "receipt")
        if self.trouble == "unkept":
            raise Conflict("we cannot keep that")
        return Answer.of({"receipt": receipt}, status=201)

    async def forgo(self, tx: Transaction, refused: Rejected) -> None:
        await mark(tx, self.runtime, f"forgone {refused.code}")


TROUBLE = {
    ("never heard", "before"): Unavailable("the provider refused the connection"),
    ("busy", "before"): Throttled("the provider is busy", retry_after_s=1),
    ("declined", "before"): Rejected("the card was declined"),
    ("lost", "before"): OutcomeUnknown("the provider never answered"),
    ("answer lost", "after"): OutcomeUnknown("the provider never answered"),
}


class Client:
    """Somebody who sends orders to one shop of a runtime."""

    def __init__(self, runtime, *, flush=None) -> None:
        self.runtime = runtime
        self.app = application(runtime)
        self._flush = flush
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://shop")

    async def send(self, key=None, *, to="/orders", method="POST", headers=None, **order):
        """Send an order under `key`, if any; then Redis may forget."""
        said = {**({"Idempotency-Key": key} if key else {}), **(headers or {})}
        body = {} if {"content", "json"} & order.keys() else {"json": {"qty": 1, **order}}
        raw = {name: order[name] for name in ("content", "json") if name in order}
        answer = await self.http.request(method, to, headers=said, **body, **raw)
        if self._flush is not None:
            await self._flush()
        return answer

    async def effects(self, what="order") -> int:
        return await effects(self.runtime.db, what)


async def insist(send: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """Send until there is an answer, and wait as long as Retry-After says."""
    while (answer := await send()).headers.get("retry-after") is not None:
        await asyncio.sleep(int(answer.headers["retry-after"]))
    return answer


@dataclass
class Shop:
    """The shop in a process of its own, with a pool of `connections`."""

    database_url: str
    redis_url: str
    home: str
    port: int
    connections: int = 10
    lease_s: float = 4.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def shop_process(**where: object) -> Iterator[tuple[Shop, subprocess.Popen[bytes]]]:
    """Lend a running shop and its process, which the test may kill."""
    shop = Shop(port=free_port(), **where)
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "SHOP": json.dumps(asdict(shop))}
    process = subprocess.Popen([sys.executable, __file__], env=environment)
    try:
        _wait_ready(shop)
        yield shop, process
    finally:
        process.kill()
        process.wait()


def _wait_ready(shop: Shop) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{shop.url}/unrelated", timeout=5).status_code == HTTPStatus.OK:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the shop did not open")


async def serve(shop: Shop) -> None:
    settings = Settings(
        home=Path(shop.home),
        database_url=shop.database_url,
        redis_url=shop.redis_url,
        secret="5e" * 32,
    )
    async with Runtime.open(settings, name="shop", connections=shop.connections) as runtime:
        app = application(runtime)
        app.state.lease_s = shop.lease_s
        config = uvicorn.Config(
            app, port=shop.port, lifespan="off", log_config=None, access_log=False, backlog=512
        )
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    asyncio.run(serve(Shop(**json.loads(os.environ["SHOP"]))))  # noqa: TID251 -- a test's own
