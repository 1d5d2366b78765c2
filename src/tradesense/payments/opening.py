"""Whoever takes money for this instance, opened: the preferred ones first, each watched."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from tradesense.infra.runtime import Runtime
from tradesense.infra.settings import Settings
from tradesense.payments import bank, outages
from tradesense.payments.attempts.registry import Providers
from tradesense.payments.model import Provider
from tradesense.payments.providers import mollie_shapes, stripe_shapes
from tradesense.payments.providers.mollie import open_mollie
from tradesense.payments.providers.stripe import open_stripe
from tradesense.payments.refusals import UnknownProvider
from tradesense.resilience.breaker import State


def list_names(settings: Settings) -> tuple[str, ...]:
    """Return the names of whoever takes money for this instance, the preferred ones first."""
    second = (mollie_shapes.PROVIDER,) if settings.mollie_api_key else ()
    return (stripe_shapes.PROVIDER, *second, bank.Manual.name)


def require_known(settings: Settings, provider: str | None) -> None:
    """Raise UnknownProvider for a name that nobody has; None asks for nobody in particular."""
    names = list_names(settings)
    if provider is not None and provider not in names:
        raise UnknownProvider(f"provider is one of {', '.join(names)}; leave it out for any other")


@asynccontextmanager
async def open_providers(runtime: Runtime) -> AsyncIterator[Providers]:
    """Open every provider that is set up; our own bank comes last, and always answers."""
    settings, tally = runtime.settings, outages.Tally()
    manual = bank.Manual(
        runtime.db,
        now=runtime.now,
        public_url=settings.public_url,
        secret=settings.key_for(bank.PURPOSE),
    )
    async with AsyncExitStack() as opened:
        ours: list[Provider] = [
            await opened.enter_async_context(open_stripe(settings, runtime.policies))
        ]
        if settings.mollie_api_key:
            second = open_mollie(settings, runtime.policies)
            ours.append(await opened.enter_async_context(second))
        watched = [outages.watched(each, tally) for each in ours]
        watch = outages.Watch(
            runtime,
            {each.name: each for each in watched},
            tally,
            is_open=lambda name: _is_open(runtime, name),
            # The same after a restart: a process that comes back is no second one.
            node=f"{os.uname().nodename}:{settings.home}",
        )

        def is_admitting(name: str) -> bool:
            # Our own bank is no call to others, and has no policy.
            if name == manual.name:
                return True
            return runtime.policies[name].is_admitting and not watch.is_contained(name)

        yield Providers(
            [*watched, manual], is_admitting=is_admitting, refresh=manual.refresh, watch=watch
        )


def _is_open(runtime: Runtime, name: str) -> bool:
    breaker = runtime.policies[name].breaker
    return breaker is not None and breaker.state in {State.OPEN, State.FORCED_OPEN}
