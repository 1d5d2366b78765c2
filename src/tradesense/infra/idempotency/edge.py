"""What an endpoint asks for to serve its request once: `OnceFromRequest`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar, cast

from fastapi import Depends, FastAPI, Header, Request, Response

from tradesense.infra.db import Transaction
from tradesense.infra.idempotency.answers import Answer
from tradesense.infra.idempotency.claims import Name
from tradesense.infra.idempotency.counts import REQUESTS, SHORTCUTS
from tradesense.infra.idempotency.errand import LEASE_S, Errand, Runner
from tradesense.infra.idempotency.policy import STANDARD, Policy
from tradesense.infra.idempotency.serving import Asked, Told, once
from tradesense.infra.idempotency.shortcut import Shortcut
from tradesense.infra.runtime import FromRequest, Runtime
from tradesense.kernel.errors import Rejected, TradeSenseError
from tradesense.resilience.idempotency import (
    KEY_LENGTH_MAX,
    Finding,
    Flights,
    KeyReused,
    StillServed,
    digest,
    parse_key,
)
from tradesense.resilience.idempotency.keys import require_key

T = TypeVar("T")
Begin = Callable[[], None]

HEADER = "Idempotency-Key"
_TOLD = Header(
    alias=HEADER,
    description=(
        f"Up to {KEY_LENGTH_MAX} characters, new for each thing you want done; a random UUID is "
        "best. For 24 hours the same request under the same key gets the same answer, marked "
        "`Idempotency-Replayed: true`, and has no second effect. 400: missing or unusable. "
        "409 with Retry-After: still being served. 422: the key was used for another request."
    ),
)


@dataclass(frozen=True, slots=True)
class Once:
    """One request, to be served once per key."""

    request: Request
    runtime: Runtime

    @property
    def key(self) -> str:
        """The request's key, without quotes. Raises KeyMissing, KeyUnusable."""
        return require_key(self._lines)

    async def answer(
        self,
        verb: Callable[[Transaction], Awaitable[object]],
        *,
        principal: str,
        status: int = 200,
        policy: Policy = STANDARD,
    ) -> Response:
        """
        Run `verb` once per key of `principal` (who asks) on this route and answer what it returns.

        `verb` returns an Answer, or a value that is rendered as JSON with `status`. Raises
        KeyMissing, KeyUnusable, KeyReused, StillServed and what `Database.run` raises.
        """

        async def rendered(tx: Transaction) -> Answer:
            return Answer.of(await verb(tx), status=status)

        if not policy.is_key_required and parse_key(self._lines) is None:
            answer = await self.runtime.db.run(
                rendered, key=self._new_key(), patience_s=policy.patience_s
            )
            return answer.response()

        async def serve(asked: Asked, begin: Begin) -> Told:
            return await self.runtime.db.run(
                lambda tx: once(tx, asked, verb=rendered, refuse=self._refuse, begin=begin),
                # Not the client's key: a request sent again must find the stored answer.
                key=self._new_key(),
                patience_s=policy.patience_s,
            )

        return await self._share(principal, serve)

    async def run(
        self,
        errand: Errand[T],
        *,
        principal: str,
        policy: Policy = STANDARD,
        lease_s: float = LEASE_S,
    ) -> Response:
        """
        Have `errand` done once per key of `principal` on this route and answer what it keeps.

        Raises as `answer` does, and OutcomeUnknown: the same request finds out.
        """

        async def serve(asked: Asked, begin: Begin) -> Told:
            return await Runner(
                db=self.runtime.db,
                asked=asked,
                errand=errand,
                refuse=self._refuse,
                new_key=self._new_key,
                patience_s=policy.patience_s,
                lease_s=lease_s,
            ).run(begin)

        return await self._share(principal, serve)

    async def _share(
        self, principal: str, serve: Callable[[Asked, Begin], Awaitable[Told]]
    ) -> Response:
        asked = await self._asked(principal)
        flights, shortcut = _shared_by(self.request.app, self.runtime)
        route = self._route

        async def find_or_serve(begin: Begin) -> Told:
            known = await shortcut.find(asked)
            if known is not None:
                SHORTCUTS.labels(route).inc()
                return known
            told = await serve(asked, begin)
            await shortcut.keep(asked, told)
            return told

        try:
            told, _ = await flights.share(asked.name.text, asked.digest, find_or_serve)
        except StillServed:
            REQUESTS.labels(route, Finding.CONFLICT).inc()
            raise
        except KeyReused:
            REQUESTS.labels(route, Finding.MISMATCH).inc()
            raise
        REQUESTS.labels(route, told.finding).inc()
        return told.answer.response(is_replayed=told.finding is Finding.REPLAY)

    async def _asked(self, principal: str) -> Asked:
        name = Name(f"{principal} {self._route}", self.key)
        settings = self.runtime.settings
        said = digest(
            settings.key_for("idempotency digests"),
            name=name.text,
            path=self.request.url.path,
            query=self.request.query_params.multi_items(),
            media_type=self.request.headers.get("content-type", ""),
            body=await self.request.body(),
        )
        return Asked(name, said, settings.key_for("stored answers"))

    @property
    def _route(self) -> str:
        """Method and path as the application declares them: ids in a path are payload."""
        return f"{self.request.method} {self.request.scope['route'].path}"

    @property
    def _lines(self) -> list[str]:
        return self.request.headers.getlist(HEADER)

    def _new_key(self) -> str:
        return f"answer:{self.runtime.new_id()}"

    async def _refuse(self, refused: Rejected) -> Answer:
        """Render a refusal as the application's own handler does."""
        response = await self.request.app.exception_handlers[TradeSenseError](self.request, refused)
        return Answer.from_response(response)


def once_from_request(
    request: Request,
    runtime: FromRequest,
    _: Annotated[str | None, _TOLD] = None,  # read from the request, where two are seen as two
) -> Once:
    """Return what serves this request once; a test finds the routes that do not ask for it."""
    return Once(request, runtime)


OnceFromRequest = Annotated[Once, Depends(once_from_request)]


_Shared = tuple[Flights[Told], Shortcut]


def _shared_by(app: FastAPI, runtime: Runtime) -> _Shared:
    """Return what the requests of one process share."""
    if not hasattr(app.state, "idempotency"):
        app.state.idempotency = (Flights[Told](), Shortcut(runtime.redis))
    return cast(_Shared, app.state.idempotency)
