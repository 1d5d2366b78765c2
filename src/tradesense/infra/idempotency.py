"""
`Idempotency-Key`: a request sent again gets the answer of the first, and has no second effect.

The rendered answer is stored in the transaction of its effect, encrypted because it may hold
an API secret. A refusal undoes the verb and is an answer like any other. Under one key:
the same request gets the stored answer, another request 422, one that is still being served 409.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar
from weakref import WeakValueDictionary

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from fastapi import Depends, Request, Response
from pydantic import BaseModel

from tradesense.infra.db import Transaction
from tradesense.infra.runtime import FromRequest, Runtime
from tradesense.kernel.canonical import jsonable
from tradesense.kernel.errors import Conflict, Invalid, Rejected, Throttled, TradeSenseError

KEY_LENGTH_MAX = 255
REPLAYED = ("idempotency-replayed", "true")


class KeyMissing(Invalid):
    """The request carries no usable `Idempotency-Key`."""

    code = "idempotency.key_missing"
    http_status: ClassVar[int] = 400


class KeyReused(Invalid):
    """The key has been used for another request."""

    code = "idempotency.key_reused"


class StillServed(Conflict):
    """The first request under this key has not been answered yet."""

    code = "idempotency.still_served"


class Answer(msgspec.Struct, frozen=True):
    """A rendered answer, as it is sent and stored."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)

    @classmethod
    def of(cls, value: object, *, status: int = 200) -> "Answer":
        """Render a dataclass, a pydantic model or plain JSON."""
        plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else jsonable(value)
        return cls(status, msgspec.json.encode(plain))

    def response(self) -> Response:
        """Return it as the web framework wants it."""
        return Response(self.body, self.status, headers=dict(self.headers))


async def once(
    tx: Transaction,
    *,
    scope: str,
    key: str,
    payload: bytes,
    secret: bytes,
    verb: Callable[[Transaction], Awaitable[Answer]],
    refuse: Callable[[Rejected], Awaitable[Answer]] | None = None,
) -> Answer:
    """
    Return the answer stored under (`scope`, `key`), or run `verb` and store its answer.

    What `verb` refuses is undone, rendered by `refuse` and stored; without `refuse`, and for
    Throttled, which is no answer to keep, it is raised. `secret` is 32 bytes. Raises KeyReused,
    StillServed.
    """
    # Keyed: a payload may hold a password, which a bare hash would let people guess.
    digest = hmac.digest(secret, payload, "sha256")
    name = f"{len(scope)}:{scope}:{key}"
    locked = await tx.execute(
        "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 7)) AS got", (name,)
    )
    got = await locked.fetchone()
    if got is None or not got["got"]:
        # At once: waiting would fill the pool with the copies of one impatient client.
        raise StillServed("the first request with this key is still being served; ask again")
    cipher = _Cipher(secret, name)
    stored = await _find(tx, scope, key)
    if stored is not None:
        if stored[0] != digest:
            raise KeyReused("this Idempotency-Key was used for another request; take a new one")
        first = cipher.open(stored[1])
        return msgspec.structs.replace(first, headers=(*first.headers, REPLAYED))
    answer = await _answer(tx, verb, refuse)
    await tx.execute(
        "INSERT INTO infra_idempotency (scope, key, payload, status, answer)"
        " VALUES (%s, %s, %s, %s, %s)",
        (scope, key, digest, answer.status, cipher.seal(answer)),
    )
    return answer


async def forget_answers(tx: Transaction, *, before: datetime) -> int:
    """Delete answers stored before a moment of wall time; return how many."""
    done = await tx.execute("DELETE FROM infra_idempotency WHERE answered_at < %s", (before,))
    return done.rowcount


@dataclass(frozen=True, slots=True)
class Once:
    """What an endpoint needs to answer a request once; ask for `OnceFromRequest`."""

    request: Request
    runtime: Runtime

    async def answer(
        self,
        verb: Callable[[Transaction], Awaitable[object]],
        *,
        scope: str,
        status: int = 200,
    ) -> Response:
        """
        Run `verb` once per `Idempotency-Key` of `scope` (who asks) and answer what it returns.

        `verb` returns an Answer, or a value that is rendered as JSON with `status`. Raises
        KeyMissing, KeyReused, StillServed and what `Database.run` raises.
        """
        key = self._key()
        request = f"{self.request.method} {self.request.url.path}?{self.request.url.query}\n"
        payload = request.encode() + await self.request.body()
        secret = self.runtime.settings.key_for("stored answers")

        async def rendered(tx: Transaction) -> Answer:
            made = await verb(tx)
            return made if isinstance(made, Answer) else Answer.of(made, status=status)

        async with _in_flight.setdefault((scope, key), asyncio.Lock()):
            answer = await self.runtime.db.run(
                lambda tx: once(
                    tx, scope=scope, key=key, payload=payload, secret=secret,
                    verb=rendered, refuse=self._refuse,
                ),
                # Not the client's key: a request sent again must find the stored answer.
                key=f"answer:{self.runtime.new_id()}",
            )  # fmt: skip
        return answer.response()

    def _key(self) -> str:
        key = self.request.headers.get("idempotency-key", "")
        if not 1 <= len(key) <= KEY_LENGTH_MAX or not key.isprintable():
            raise KeyMissing(
                f"send an Idempotency-Key header of 1 to {KEY_LENGTH_MAX} characters, "
                "new for each thing you want done"
            )
        return key

    async def _refuse(self, refused: Rejected) -> Answer:
        """Render a refusal as the application's own handler does."""
        response = await self.request.app.exception_handlers[TradeSenseError](self.request, refused)
        headers = tuple(
            (name, value)
            for name, value in response.headers.items()
            if name not in {"content-length", "set-cookie"}
        )
        return Answer(response.status_code, bytes(response.body), headers)


def _once(request: Request, runtime: FromRequest) -> Once:
    return Once(request, runtime)


OnceFromRequest = Annotated[Once, Depends(_once)]

# Copies of one request in one process queue here, before they take a connection each.
_in_flight: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()


async def _find(tx: Transaction, scope: str, key: str) -> tuple[bytes, bytes] | None:
    found = await tx.execute(
        "SELECT payload, answer FROM infra_idempotency WHERE scope = %s AND key = %s",
        (scope, key),
    )
    row = await found.fetchone()
    return None if row is None else (row["payload"], row["answer"])


async def _answer(
    tx: Transaction,
    verb: Callable[[Transaction], Awaitable[Answer]],
    refuse: Callable[[Rejected], Awaitable[Answer]] | None,
) -> Answer:
    try:
        async with tx.transaction():
            return await verb(tx)
    except Throttled:
        raise
    except Rejected as refused:
        if refuse is None:
            raise
        return await refuse(refused)


class _Cipher:
    """AES-SIV: needs no nonce, so no chance; the same answer in another row reads differently."""

    def __init__(self, secret: bytes, name: str) -> None:
        self._siv = AESSIV(secret)
        self._name = [name.encode()]

    def seal(self, answer: Answer) -> bytes:
        return self._siv.encrypt(msgspec.msgpack.encode(answer), self._name)

    def open(self, sealed: bytes) -> Answer:
        return msgspec.msgpack.decode(self._siv.decrypt(sealed, self._name), type=Answer)
