"""Stripe, through its official package over our own HTTP client."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any, NoReturn, TypeVar
from uuid import UUID

import httpx
import stripe

from tradesense.infra import http
from tradesense.infra.settings import Settings
from tradesense.kernel.errors import InvariantBroken, TradeSenseError, Unavailable
from tradesense.payments.model import (
    IntentAsked,
    Movement,
    ProviderPayment,
    ProviderRefund,
    RefundAsked,
    Tariff,
    Way,
)
from tradesense.payments.providers import (
    ProviderAway,
    ProviderFailed,
    ProviderRefused,
    ProviderSilent,
    UnknownAtProvider,
)
from tradesense.payments.providers.stripe_shapes import (
    PAYMENT,
    PROVIDER,
    PURCHASE,
    REFUND,
    read_intent,
    read_movement,
    read_refund,
)
from tradesense.resilience import Policies

T = TypeVar("T")

ATTEMPTS_MAX = 3
# How far back a lost answer is looked for; an older intent is harmless: nobody can pay it.
LOOK_BACK = 1_000

# https://stripe.com/pricing (US cards, 2.9 % + 30 cents); only for choosing between providers.
TARIFF = Tariff(
    currencies=frozenset({"EUR", "GBP", "JPY", "KWD", "USD"}),
    ways=frozenset(Way),
    fee_bp=290,
    fee_minor=30,
)

# Statuses that say more than their hundred.
_MEANINGS: dict[int, type[TradeSenseError]] = {
    401: ProviderAway,  # our key is not accepted: ours to mend, then it goes on
    403: ProviderAway,
    404: UnknownAtProvider,
    409: ProviderSilent,  # the first call under this key is still underway
    429: ProviderAway,
}
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@asynccontextmanager
async def open_stripe(settings: Settings, policies: Policies) -> AsyncIterator["Stripe"]:
    """Open Stripe, or what stands in for it at `settings.stripe_api_base`."""
    async with http.client(policies[PROVIDER]) as client:
        yield Stripe(client, api_key=settings.stripe_secret_key, base=settings.stripe_api_base)


class Stripe:
    """`payments.model.Provider`."""

    name = PROVIDER
    tariff = TARIFF

    def __init__(self, client: httpx.AsyncClient, *, api_key: str, base: str) -> None:
        # No retries of the package's own: whoever calls repeats under the same key, and knows.
        self._v1 = stripe.StripeClient(
            api_key,
            base_addresses={"api": base},
            max_network_retries=0,
            http_client=_Transport(client),
        ).v1

    async def create_intent(self, asked: IntentAsked) -> ProviderPayment:
        async def create(key: str) -> ProviderPayment:
            with _explained():
                made = await self._v1.payment_intents.create_async(
                    {
                        "amount": asked.amount.minor,
                        "currency": asked.amount.currency.lower(),
                        "automatic_payment_methods": {"enabled": True},
                        "metadata": {
                            PAYMENT: str(asked.payment_id),
                            PURCHASE: str(asked.purchase_id),
                        },
                    },
                    {"idempotency_key": key},
                )
            return read_intent(made.to_dict())

        return await _attempt(
            create, lambda: self.find(asked.payment_id), f"payment:{asked.payment_id}"
        )

    async def fetch(self, ref: str) -> ProviderPayment:
        with _explained():
            found = await self._v1.payment_intents.retrieve_async(ref)
        return read_intent(found.to_dict())

    async def capture(self, ref: str, amount_minor: int) -> ProviderPayment:
        with _explained():
            taken = await self._v1.payment_intents.capture_async(
                ref,
                {"amount_to_capture": amount_minor},
                {"idempotency_key": f"capture:{ref}:{amount_minor}"},
            )
        return read_intent(taken.to_dict())

    async def list_movements(self, *, since: datetime, until: datetime) -> Sequence[Movement]:
        with _explained():
            page = await self._v1.balance_transactions.list_async(
                {
                    "created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())},
                    "expand": ["data.source"],
                    "limit": 100,
                }
            )
            newest_first = [read_movement(line.to_dict()) async for line in page.auto_paging_iter()]
        return newest_first[::-1]

    async def cancel(self, ref: str) -> ProviderPayment:
        try:
            with _explained():
                left = await self._v1.payment_intents.cancel_async(
                    ref, {}, {"idempotency_key": f"cancel:{ref}"}
                )
        except (ProviderRefused, ProviderFailed):
            # Paid or cancelled before, or a failure that the key would replay for ever.
            return await self.fetch(ref)
        return read_intent(left.to_dict())

    async def refund(self, asked: RefundAsked) -> ProviderRefund:
        # Looked for first: a refund that is underway for days outlives its key.
        earlier = await self._find_refund(asked)
        if earlier is not None:
            return earlier

        async def create(key: str) -> ProviderRefund:
            with _explained():
                made = await self._v1.refunds.create_async(
                    {
                        "payment_intent": asked.provider_ref,
                        "amount": asked.amount_minor,
                        "metadata": {REFUND: str(asked.refund_id)},
                    },
                    {"idempotency_key": key},
                )
            return read_refund(made.to_dict())

        return await _attempt(create, lambda: self._find_refund(asked), f"refund:{asked.refund_id}")

    async def _find_refund(self, asked: RefundAsked) -> ProviderRefund | None:
        with _explained():
            page = await self._v1.refunds.list_async(
                {"payment_intent": asked.provider_ref, "limit": 100}
            )
            async for refund in page.auto_paging_iter():
                seen = read_refund(refund.to_dict())
                if seen.refund_id == asked.refund_id:
                    return seen
        return None

    async def find(self, payment_id: UUID) -> ProviderPayment | None:
        looked_at = 0
        with _explained():
            page = await self._v1.payment_intents.list_async({"limit": 100})
            async for intent in page.auto_paging_iter():
                seen = read_intent(intent.to_dict())
                if seen.payment_id == payment_id:
                    return seen
                looked_at += 1
                if looked_at >= LOOK_BACK:
                    break
        return None


async def _attempt(
    create: Callable[[str], Awaitable[T]], find: Callable[[], Awaitable[T | None]], key: str
) -> T:
    """
    Create something once, under `key` and the number of the attempt.

    Stripe keeps a 5xx like any other answer and replays it under its key for a day. So after
    one we look whether it was made all the same, and only then try under the next key. Repeated
    as a whole, it walks the same keys to the same object.
    """
    for number in range(1, ATTEMPTS_MAX):
        try:
            return await create(f"{key}:{number}")
        except ProviderFailed as failed:
            try:
                found = await find()
            except Unavailable as error:
                # Not asked, or in vain: what failed before may have been done all the same.
                raise ProviderSilent(f"{failed}; nor can it be looked up: {error}") from error
            if found is not None:
                return found
    return await create(f"{key}:{ATTEMPTS_MAX}")


@contextmanager
def _explained() -> Iterator[None]:
    """Say in our words who must act on an error of the package."""
    try:
        yield
    except stripe.StripeError as error:
        raise _explain(error) from error
    except (KeyError, ValueError) as error:
        raise ProviderFailed(f"Stripe answered in another shape: {error!r}") from error


def _explain(error: stripe.StripeError) -> TradeSenseError:
    if isinstance(error, stripe.APIConnectionError):
        never_sent = isinstance(error.__cause__, _NEVER_SENT)
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
