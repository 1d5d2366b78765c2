"""
The HTTP client: goes through a named policy, and never sends while a transaction is open.

    async with http.client(policies["stripe"]) as client:
        answer = await client.get("https://api.stripe.com/v1/balance")

It raises what httpx does, and what the policy does: a Refused (Unavailable) for a request that was
not sent, CutOff (OutcomeUnknown) for one that was given up on its way.
"""

import math
from http import HTTPStatus
from typing import Any

import httpx

from tradesense.infra.db import inside_transaction
from tradesense.infra.policies.judging import judging
from tradesense.infra.policies.plan import TIMEOUT_S
from tradesense.kernel.errors import InvariantBroken, Throttled
from tradesense.resilience import BadSetting, Policy

__all__ = ["client", "judging", "refuse_inside_transaction"]

CONNECT_TIMEOUT_S = 3.0  # who is not there by then is away, and we know that nothing was sent
CONNECTIONS_MAX = 50
RETRY_AFTER_MAX_S = 300.0  # a typing error of theirs must not close us for a day

_WAIT = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


def refuse_inside_transaction(what: str) -> None:
    """Raise InvariantBroken if a transaction is open here; `what` names what was to be sent."""
    if inside_transaction.get():
        raise InvariantBroken(
            f"{what} inside a transaction: it would hold locks and a connection for as long as "
            "somebody else's server likes; commit the intent, call, commit the outcome"
        )


def client(
    policy: Policy,
    *,
    base_url: str = "",
    timeout_s: float = TIMEOUT_S,
    transport: httpx.AsyncBaseTransport | None = None,
    limits: httpx.Limits | None = None,
) -> httpx.AsyncClient:
    """
    Return a client each of whose requests is a call under `policy`.

    A request with its answer's body, and the redirects it follows, is one call. Raises BadSetting
    for a breaker that does not judge answers. The client raises InvariantBroken rather than send
    inside a transaction.
    """
    breaker = policy.settings.breaker
    if breaker is not None and breaker.failing_result is None:
        raise BadSetting("failing_result", f"of {policy.name} judges no answers; see http.judging")
    return _Client(
        policy,
        base_url=base_url,
        timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S)),
        limits=limits or httpx.Limits(max_connections=CONNECTIONS_MAX),
        transport=transport,
    )


class _Client(httpx.AsyncClient):
    def __init__(self, policy: Policy, **settings: Any) -> None:
        super().__init__(**settings)
        self._policy = policy

    async def send(self, request: httpx.Request, **how: Any) -> httpx.Response:
        refuse_inside_transaction(f"{request.method} {request.url.copy_with(query=None)}")
        answer = await self._policy.call(super().send, request, **how)
        if answer.status_code in _WAIT:
            self._heed(answer.headers.get("retry-after", ""))
        return answer

    def _heed(self, retry_after: str) -> None:
        """Ask nothing for as long as the server wants; a date says less than our own rest."""
        try:
            asked_s = float(retry_after)
        except ValueError:
            return
        if not (math.isfinite(asked_s) and asked_s > 0):
            return
        asked_s = min(asked_s, RETRY_AFTER_MAX_S)
        if self._policy.limiter is not None:
            self._policy.limiter.heed(Throttled("the server's wish", retry_after_s=asked_s))
        elif self._policy.breaker is not None:
            self._policy.breaker.rest(asked_s, f"the server asked us to wait for {asked_s:g} s")
