"""The HTTP client: never sends while a transaction is open."""

import httpx

from tradesense.infra.db import inside_transaction
from tradesense.kernel.errors import InvariantBroken

TIMEOUT_S = 10.0
CONNECTIONS_MAX = 50


def refuse_inside_transaction(what: str) -> None:
    """Raise InvariantBroken if a transaction is open here; `what` names what was to be sent."""
    if inside_transaction.get():
        raise InvariantBroken(
            f"{what} inside a transaction: it would hold locks and a connection for as long as "
            "somebody else's server likes; commit the intent, call, commit the outcome"
        )


def client(
    *,
    base_url: str = "",
    timeout_s: float = TIMEOUT_S,
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.AsyncClient:
    """Return a client that raises InvariantBroken rather than send inside a transaction."""
    return httpx.AsyncClient(
        base_url=base_url,
        timeout=timeout_s,
        limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
        transport=transport,
        event_hooks={"request": [_refuse]},
    )


async def _refuse(request: httpx.Request) -> None:
    refuse_inside_transaction(f"{request.method} {request.url.copy_with(query=None)}")
