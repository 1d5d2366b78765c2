"""The official `stripe` package over our own HTTP client, and its errors in our words."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

import httpx
import stripe

from tradesense.kernel.errors import InvariantBroken, TradeSenseError
from tradesense.payments.providers import (
    ProviderAway,
    ProviderFailed,
    ProviderRefused,
    ProviderSilent,
    UnknownAtProvider,
)

# Statuses that say more than their hundred.
_MEANINGS: dict[int, type[TradeSenseError]] = {
    401: ProviderAway,  # our key is not accepted: ours to mend, then it goes on
    403: ProviderAway,
    404: UnknownAtProvider,
    409: ProviderSilent,  # the first call under this key is still underway
    429: ProviderAway,
}
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def stripe_client(client: httpx.AsyncClient, *, api_key: str, base: str) -> stripe.StripeClient:
    """Return the package's client, which sends by ours."""
    # No retries of the package's own: whoever calls repeats under the same key, and knows.
    return stripe.StripeClient(
        api_key,
        base_addresses={"api": base},
        max_network_retries=0,
        http_client=_Transport(client),
    )


@contextmanager
def explained() -> Iterator[None]:
    """Say in our words who must act on an error of the package."""
    try:
        yield
    except stripe.StripeError as error:
        raise _explain(error) from error
    except (KeyError, TypeError, ValueError) as error:
        raise ProviderFailed(f"Stripe answered in another shape: {error!r}") from error


def _explain(error: stripe.StripeError) -> TradeSenseError:
    if isinstance(error, stripe.APIConnectionError):
        never_sent = isinstance(error.__cause__, NEVER_SENT)
        return (ProviderAway if never_sent else ProviderSilent)(str(error))
    if isinstance(error, stripe.IdempotencyError):
        return InvariantBroken(f"one key for two different things: {error}")
    status = error.http_status or 0
    if status in _MEANINGS:
        return _MEANINGS[status](str(error))
    return (ProviderRefused if httpx.codes.is_client_error(status) else ProviderFailed)(str(error))


class _Transport(stripe.HTTPClient):
    """
    The package's requests, sent by our client, which refuses to inside a transaction.

    (The package's own client for httpx hands it the body in a way that httpx calls deprecated.)
    """

    name = "httpx"

    def __init__(self, client: httpx.AsyncClient) -> None:
        super().__init__()
        self._client = client

    def sleep_async(self, secs: float) -> Any:
        return asyncio.sleep(secs)

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        try:
            response = await self._client.request(
                method, url, headers=dict(headers), content=post_data
            )
        except httpx.HTTPError as error:
            message = f"{type(error).__name__}: {error}"
            raise stripe.APIConnectionError(message) from error  # type: ignore[no-untyped-call] # untyped there
        return response.content, response.status_code, response.headers

    def request(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("call the asynchronous methods")

    async def close_async(self) -> None:
        """Nothing to do: the client belongs to whoever opened it."""
