"""
Mollie, API v2, over our own HTTP client.

The official client for Python is synchronous and would bring a second HTTP stack into every
worker; so it judges our sandbox in the tests, and we speak the API's few paths ourselves.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from tradesense.infra import http
from tradesense.infra.settings import Settings
from tradesense.kernel.errors import InvariantBroken, TradeSenseError
from tradesense.kernel.money import Money
from tradesense.payments.model import (
    IntentAsked,
    Movement,
    ProviderPayment,
    ProviderRefund,
    ProviderStatus,
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
from tradesense.payments.providers.attempts import attempt
from tradesense.payments.providers.metadata import REFUND
from tradesense.payments.providers.mollie_shapes import (
    PROVIDER,
    payment_body,
    read_movement,
    read_payment,
    read_refund,
    write_amount,
)
from tradesense.payments.webhooks.mollie import address_of
from tradesense.resilience import Policies

PAGE = 250  # Mollie's largest
# How far back a lost answer is looked for; an older offer is harmless: nobody was told of it.
LOOK_BACK = 1_000
PAGES_MAX = 4_000  # a million lines of one balance; more would be a loop

# https://www.mollie.com/pricing (European cards, 1.8 % + 25 cents); only for choosing.
TARIFF = Tariff(
    currencies=frozenset({"EUR", "GBP", "JPY", "USD"}),
    ways=frozenset({Way.PAGE}),
    fee_bp=180,
    fee_minor=25,
)

_VIEW = "embed=refunds,chargebacks"
# Statuses that say more than their hundred.
_MEANINGS: dict[int, type[TradeSenseError]] = {
    401: ProviderAway,  # our key is not accepted: ours to mend, then it goes on
    403: ProviderAway,
    404: UnknownAtProvider,
    409: ProviderSilent,  # the first call under this key is still underway
    410: UnknownAtProvider,
    429: ProviderAway,
}
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_SUCCEEDED = {200, 201, 202, 204}


@asynccontextmanager
async def open_mollie(settings: Settings, policies: Policies) -> AsyncIterator["Mollie"]:
    """Open Mollie, or what stands in for it at `settings.mollie_api_base`."""
    async with http.client(policies[PROVIDER]) as client:
        yield Mollie(
            client,
            api_key=settings.mollie_api_key,
            base=settings.mollie_api_base,
            home=settings.public_url,
            webhooks=address_of(settings),
        )


class Mollie:
    """`payments.model.Provider`; `webhooks` gives the address to call about a payment."""

    name = PROVIDER
    tariff = TARIFF

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        api_key: str,
        base: str,
        home: str,
        webhooks: Callable[[UUID], str],
    ) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._base = base
        self._home = home
        self._webhooks = webhooks

    async def create_intent(self, asked: IntentAsked) -> ProviderPayment:
        if asked.way not in TARIFF.ways:
            raise ProviderRefused("Mollie's buyers pay on its page only")
        body = payment_body(asked, home=self._home, webhook_url=self._webhooks(asked.payment_id))

        async def create(key: str) -> ProviderPayment:
            made = await self._ask("POST", "/v2/payments", body=body, key=key)
            with _understood():
                return read_payment(made)

        offer = await attempt(
            create, lambda: self.find(asked.payment_id), f"payment:{asked.payment_id}"
        )
        # Mollie does not say that it compares what is asked under one key; so we do.
        if (offer.amount_minor, offer.currency) != (asked.amount.minor, asked.amount.currency):
            raise InvariantBroken(f"one key for two different things: {offer.ref}")
        return offer

    async def find(self, payment_id: UUID) -> ProviderPayment | None:
        async for payment in self._pages(f"/v2/payments?limit={PAGE}", "payments", LOOK_BACK):
            with _understood():
                seen = read_payment(payment)
            if seen.payment_id == payment_id:
                return await self.fetch(seen.ref)
        return None

    async def fetch(self, ref: str) -> ProviderPayment:
        found = await self._ask("GET", f"{_path(ref)}?{_VIEW}")
        with _understood():
            return read_payment(found)

    async def capture(self, ref: str, amount_minor: int) -> ProviderPayment:
        before = await self.fetch(ref)
        if before.status is ProviderStatus.SUCCEEDED:
            return before
        body = {"amount": write_amount(Money(amount_minor, before.currency))}

        async def take(key: str) -> ProviderPayment:
            await self._ask("POST", f"{_path(ref)}/captures", body=body, key=key)
            return await self.fetch(ref)

        taken = await attempt(take, lambda: self._paid(ref), f"capture:{ref}:{amount_minor}")
        if taken.status is ProviderStatus.AUTHORISED:
            # Part of it was captured: what is left is released, which makes it paid.
            await self._ask("POST", f"{_path(ref)}/release-authorization", body={})
            return await self.fetch(ref)
        return taken

    async def cancel(self, ref: str) -> ProviderPayment:
        seen = await self.fetch(ref)
        try:
            match seen.status:
                case ProviderStatus.OPEN | ProviderStatus.UNDERWAY:
                    await self._ask("DELETE", _path(ref))
                case ProviderStatus.AUTHORISED:
                    await self._ask("POST", f"{_path(ref)}/release-authorization", body={})
                case _:
                    return seen
        except ProviderRefused:
            return await self.fetch(ref)  # paid meanwhile, or not to be cancelled: it will expire
        return await self.fetch(ref)

    async def refund(self, asked: RefundAsked) -> ProviderRefund:
        # Looked for first: a key lives for an hour, and a refund is underway for days.
        earlier = await self._find_refund(asked)
        if earlier is not None:
            return earlier
        body = {
            "amount": write_amount(Money(asked.amount_minor, asked.currency)),
            "description": "Refund",
            "metadata": {REFUND: str(asked.refund_id)},
        }

        async def create(key: str) -> ProviderRefund:
            path = f"{_path(asked.provider_ref)}/refunds"
            made = await self._ask("POST", path, body=body, key=key)
            with _understood():
                return read_refund(made)

        return await attempt(create, lambda: self._find_refund(asked), f"refund:{asked.refund_id}")

    async def list_movements(self, *, since: datetime, until: datetime) -> Sequence[Movement]:
        found: list[Movement] = []
        references: dict[str, str | None] = {}
        async for balance in self._pages(f"/v2/balances?limit={PAGE}", "balances"):
            path = f"/v2/balances/{quote(str(balance['id']))}/transactions?limit={PAGE}"
            async for line in self._pages(path, "balance_transactions"):
                with _understood():
                    movement = read_movement(line)
                if movement.at < since:
                    break  # the newest come first
                if movement.at < until:
                    settlement = str((line.get("context") or {}).get("settlementId") or "")
                    if settlement and settlement not in references:
                        references[settlement] = await self._reference_of(settlement)
                    found.append(replace(movement, bank_reference=references.get(settlement)))
        # Stable, and from the newest within a balance: so lines of one second keep their order.
        found.reverse()
        return sorted(found, key=lambda movement: movement.at)

    async def _paid(self, ref: str) -> ProviderPayment | None:
        seen = await self.fetch(ref)
        return seen if seen.status is ProviderStatus.SUCCEEDED else None

    async def _find_refund(self, asked: RefundAsked) -> ProviderRefund | None:
        path = f"{_path(asked.provider_ref)}/refunds?limit={PAGE}"
        async for refund in self._pages(path, "refunds"):
            with _understood():
                seen = read_refund(refund)
            if seen.refund_id == asked.refund_id:
                return seen
        return None

    async def _reference_of(self, settlement: str) -> str | None:
        """Return what the bank shows of a settlement, once it has been paid out."""
        found = await self._ask("GET", f"/v2/settlements/{quote(settlement, safe='')}")
        reference = found.get("reference")
        return None if reference is None else str(reference)

    async def _pages(
        self, path: str, name: str, at_most: int = PAGES_MAX * PAGE
    ) -> AsyncIterator[Mapping[str, Any]]:
        """Walk a list, page by page, up to `at_most` objects."""
        walked = 0
        following: str | None = path
        while following is not None and walked < at_most:
            page = await self._ask("GET", following)
            with _understood():
                shown = list(page["_embedded"][name])
                link = page["_links"].get("next")
                href = None if link is None else str(link["href"])
            for one in shown:
                yield one
            walked += PAGE
            # Only its path and query: our key is never sent to an address that an answer names.
            following = None if href is None else httpx.URL(href).raw_path.decode()

    async def _ask(
        self, method: str, path: str, *, body: Mapping[str, Any] | None = None, key: str = ""
    ) -> dict[str, Any]:
        headers = {**self._headers, "Idempotency-Key": key} if key else self._headers
        try:
            answer = await self._client.request(
                method, f"{self._base}{path}", json=body, headers=headers
            )
        except _NEVER_SENT as error:
            raise ProviderAway(f"{type(error).__name__}: {error}") from error
        except httpx.HTTPError as error:
            raise ProviderSilent(f"{type(error).__name__}: {error}") from error
        if answer.status_code not in _SUCCEEDED:
            raise _explain(answer)
        if not answer.content:
            return {}
        with _understood():
            return _object(answer)


@contextmanager
def _understood() -> Iterator[None]:
    """Say of an answer in another shape that it is Mollie's failure."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise ProviderFailed(f"Mollie answered in another shape: {error!r}") from error


def _explain(answer: httpx.Response) -> TradeSenseError:
    try:
        detail = str(_object(answer).get("detail"))
    except ValueError:
        detail = answer.text[:200]
    text, status = f"{answer.status_code}: {detail}", answer.status_code
    if status in _MEANINGS:
        return _MEANINGS[status](text)
    return (ProviderRefused if httpx.codes.is_client_error(status) else ProviderFailed)(text)


def _object(answer: httpx.Response) -> dict[str, Any]:
    read = answer.json()
    if not isinstance(read, dict):
        raise ValueError("no object")  # noqa: TRY004 -- a wrong value of theirs, not a wrong type of ours
    return read


def _path(ref: str) -> str:
    return f"/v2/payments/{quote(ref, safe='')}"
