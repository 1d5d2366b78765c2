"""Counts what comes of the calls to providers, whatever guards them."""

from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from tradesense.kernel.errors import OutcomeUnknown, Unavailable
from tradesense.payments.model import (
    IntentAsked,
    Movement,
    Provider,
    ProviderPayment,
    ProviderRefund,
    RefundAsked,
    Tariff,
)
from tradesense.resilience import Refused

T = TypeVar("T")


@dataclass(slots=True)
class Tally:
    """Calls since it was last taken, by provider; belongs to one event loop."""

    calls: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    async def count(self, provider: str, call: Awaitable[T]) -> T:
        """Await `call` and count it; what our own guards refused was no call."""
        try:
            answer = await call
        except (Unavailable, OutcomeUnknown) as error:
            if not _is_refused(error):
                self.calls[provider] += 1
                self.failures[provider] += 1
            raise
        except Exception:
            self.calls[provider] += 1  # it answered: no
            raise
        self.calls[provider] += 1
        return answer

    def take(self, provider: str) -> tuple[int, int]:
        """Return calls and failures since the last time, and begin anew."""
        return self.calls.pop(provider, 0), self.failures.pop(provider, 0)

    def put_back(self, provider: str, calls: int, failures: int) -> None:
        """Count again what was taken and could not be reported."""
        self.calls[provider] += calls
        self.failures[provider] += failures


def _is_refused(error: BaseException | None) -> bool:
    """Whether one of our own guards stopped the call, however providers word it."""
    while error is not None:
        if isinstance(error, Refused):
            return True
        error = error.__cause__
    return False


def watched(provider: Provider, tally: Tally) -> Provider:
    """Return `provider`, each of whose calls is counted."""
    return _Watched(provider, tally)


class _Watched:
    """`payments.model.Provider`."""

    def __init__(self, provider: Provider, tally: Tally) -> None:
        self._provider = provider
        self._tally = tally

    @property
    def name(self) -> str:
        return self._provider.name

    @property
    def tariff(self) -> Tariff:
        return self._provider.tariff

    async def create_intent(self, asked: IntentAsked) -> ProviderPayment:
        return await self._tally.count(self.name, self._provider.create_intent(asked))

    async def find(self, payment_id: UUID) -> ProviderPayment | None:
        return await self._tally.count(self.name, self._provider.find(payment_id))

    async def fetch(self, ref: str) -> ProviderPayment:
        return await self._tally.count(self.name, self._provider.fetch(ref))

    async def capture(self, ref: str, amount_minor: int) -> ProviderPayment:
        return await self._tally.count(self.name, self._provider.capture(ref, amount_minor))

    async def cancel(self, ref: str) -> ProviderPayment:
        return await self._tally.count(self.name, self._provider.cancel(ref))

    async def refund(self, asked: RefundAsked) -> ProviderRefund:
        return await self._tally.count(self.name, self._provider.refund(asked))

    async def list_movements(self, *, since: datetime, until: datetime) -> Sequence[Movement]:
        return await self._tally.count(
            self.name, self._provider.list_movements(since=since, until=until)
        )
