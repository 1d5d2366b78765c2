"""The providers of this process by name, and whether each would take a call now."""

from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence

from tradesense.payments.attempts.rules import Candidate
from tradesense.payments.model import Provider
from tradesense.payments.outages import Watch


def _always(_: str) -> bool:
    return True


async def _nothing() -> None:
    return None


class Providers:
    """
    Whoever takes money for this instance, the preferred ones first.

    `is_admitting(name)` says whether the provider's breaker would let a call through; `refresh`
    reads again what providers take, as far as that can change; `watch` contains those that fail,
    while somebody runs it.
    """

    def __init__(
        self,
        providers: Sequence[Provider],
        *,
        is_admitting: Callable[[str], bool] = _always,
        refresh: Callable[[], Awaitable[None]] = _nothing,
        watch: Watch | None = None,
    ) -> None:
        self._providers = {provider.name: provider for provider in providers}
        self._is_admitting = is_admitting
        self.refresh = refresh
        self.watch = watch

    def __iter__(self) -> Iterator[Provider]:
        return iter(self._providers.values())

    def __getitem__(self, name: str) -> Provider:
        return self._providers[name]

    def candidates(self, *, without: Collection[str] = ()) -> list[Candidate]:
        """Return whom a payment may be routed to, but for those in vain a moment ago."""
        return [
            Candidate(
                name=provider.name,
                tariff=provider.tariff,
                is_admitting=provider.name not in without and self._is_admitting(provider.name),
            )
            for provider in self
        ]
