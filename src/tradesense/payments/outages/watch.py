"""Reports what this process saw of providers, judges them, and asks contained ones how they are."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta

import structlog

from tradesense.infra.clock import SystemClock
from tradesense.infra.db import Transaction
from tradesense.infra.runtime import Runtime
from tradesense.kernel.errors import TradeSenseError
from tradesense.payments.model import Provider
from tradesense.payments.outages import rules, service, store
from tradesense.payments.outages.model import Condition, Outage
from tradesense.payments.outages.tally import Tally

EVERY_S = 1.0
FORGET_EVERY = 600  # rounds

log = structlog.get_logger()


class Watch:
    """
    One process's part in watching `providers`, whose calls `tally` counts.

    `is_open` says whether this process's breaker of a provider is open.
    """

    def __init__(
        self,
        runtime: Runtime,
        providers: Mapping[str, Provider],
        tally: Tally,
        *,
        is_open: Callable[[str], bool],
        node: str,
    ) -> None:
        self._runtime = runtime
        self._providers = providers
        self._tally = tally
        self._is_open = is_open
        self._node = node
        self._conditions: dict[str, Condition] = {}

    def is_contained(self, name: str) -> bool:
        """Whether no new payment shall be asked of this provider now, as far as we know."""
        return self._conditions.get(name) is Condition.CONTAINED

    async def run(self, restored: Callable[[], None]) -> None:
        """
        Look every second, until cancelled; a database that is away is waited for.

        `restored` is called after a provider came back: whoever holds payments can go on.
        """
        rounds = 0
        while True:
            if await self.look():
                restored()
            rounds += 1
            if rounds % FORGET_EVERY == 0:
                await self._forget()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> bool:
        """
        Report and judge each provider once; ask those that are contained how they are.

        Return whether one has come back.
        """
        has_returned = False
        for name, provider in self._providers.items():
            calls, failures = self._tally.take(name)
            try:
                outage = await self._judge(name, calls, failures)
            except TradeSenseError as error:
                self._tally.put_back(name, calls, failures)
                log.info("cannot report on a provider", provider=name, reason=str(error))
                continue
            has_returned |= self._note(outage)
            if outage.condition is Condition.CONTAINED:
                await self._ask(provider)
        return has_returned

    async def _judge(self, name: str, calls: int, failures: int) -> Outage:
        async def verb(tx: Transaction) -> Outage:
            await store.report(
                tx,
                provider=name,
                node=self._node,
                calls=calls,
                failures=failures,
                is_open=self._is_open(name),
            )
            return await service.judge(tx, provider=name, now=self._runtime.now())

        return await self._runtime.db.run(verb, key=f"payments:report:{self._runtime.new_id()}")

    async def _ask(self, provider: Provider) -> None:
        """Make one harmless call: what comes of it is counted, and decides."""
        # The provider's own clock: a story's has nothing to do with it.
        now = SystemClock().now()
        try:
            await provider.list_movements(since=now - timedelta(seconds=1), until=now)
        except TradeSenseError as error:
            log.debug("provider still away", provider=provider.name, reason=str(error))

    def _note(self, outage: Outage) -> bool:
        """Remember how we stand to a provider; return whether it has come back."""
        before = self._conditions.get(outage.provider, Condition.WELL)
        self._conditions[outage.provider] = outage.condition
        if before is outage.condition:
            return False
        if outage.condition is Condition.CONTAINED:
            log.error("provider contained", provider=outage.provider, reason=outage.why)
            return False
        log.warning("provider restored", provider=outage.provider)
        return True

    async def _forget(self) -> None:
        try:
            await self._runtime.db.repeat(
                lambda tx: store.forget(tx, older_than_s=2 * rules.WINDOW_S)
            )
        except TradeSenseError as error:
            log.info("old reports kept for now", reason=str(error))
