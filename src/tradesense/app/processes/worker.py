"""The worker: advances sagas, delivers facts, and settles what payment providers say."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from tradesense import bus, sagas
from tradesense.bus.jobs import Consumer
from tradesense.infra.db import Transaction
from tradesense.infra.runtime import Runtime
from tradesense.infra.settings import Settings
from tradesense.kernel.errors import OutcomeUnknown, Unavailable
from tradesense.payments import jobs as payments
from tradesense.purchases import jobs as purchases
from tradesense.purchases.model import WAKE
from tradesense.sagas import Definition
from tradesense.sagas.jobs import Runner

CONNECTIONS = 8

# The database is asked this often whether anything is due: how much later than at once things
# happen where nobody could ring, at a few percent of one core.
POLL_S = 0.05
REST_S = 0.25  # after trouble with the database: it is waited for, not pressed
DEFECT_REST_S = 1.0

SUBSCRIPTIONS = (purchases.SUBSCRIPTION,)
WAKES = (WAKE, "payments")  # who has something for us says so there

log = structlog.get_logger()


class Bell:
    """Wakes every loop: what one has done is often what another waits for."""

    def __init__(self) -> None:
        self.rings = 0
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake whoever waits."""
        self.rings += 1
        self._rung.set()
        self._rung = asyncio.Event()

    async def wait(self, *, since: int, at_most_s: float) -> None:
        """Wait until it has rung since its count was `since`, or the time is over."""
        if self.rings != since:
            return
        try:
            async with asyncio.timeout(at_most_s):
                await self._rung.wait()
        except TimeoutError:
            return


async def main(settings: Settings) -> None:
    """Work until cancelled; a database, a Redis or a provider that is away is waited for."""
    async with (
        Runtime.open(settings, name="worker", connections=CONNECTIONS) as runtime,
        payments.open_provider(settings) as provider,
    ):
        definitions = [purchases.story(provider)]
        await _prepare(runtime, definitions)
        bell = Bell()
        async with asyncio.TaskGroup() as group:
            runner = Runner(runtime, definitions, group, on_settled=bell.ring)
            group.create_task(_listen(runtime, bell))
            group.create_task(_again_and_again("sagas", runner.advance, bell))
            group.create_task(
                _again_and_again("payments", lambda: payments.do_due(runtime, provider), bell)
            )
            for subscription in SUBSCRIPTIONS:
                consumer = Consumer(runtime, subscription)
                group.create_task(
                    _again_and_again(f"bus {subscription.name}", consumer.deliver, bell)
                )


async def _prepare(runtime: Runtime, definitions: Sequence[Definition]) -> None:
    """Make our stories and consumers known. Raises DefinitionChanged."""

    async def verb(tx: Transaction) -> None:
        await sagas.pin(tx, definitions)
        await bus.subscribe(tx, SUBSCRIPTIONS)

    while True:
        try:
            return await runtime.db.repeat(verb)
        except (Unavailable, OutcomeUnknown) as error:
            log.info("waiting for the database", reason=str(error))
            await asyncio.sleep(REST_S)


async def _again_and_again(name: str, work: Callable[[], Awaitable[int]], bell: Bell) -> None:
    """Do `work` as long as it finds something, then again when the bell rings, or soon."""
    while True:
        since, rest_s = bell.rings, POLL_S
        try:
            if await work():
                bell.ring()
        except (Unavailable, OutcomeUnknown) as error:
            log.info("put off", work=name, reason=str(error))
            rest_s = REST_S
        except Exception:
            # One loop's defect must not stop the others; it is logged, and tried again.
            log.exception("defect", work=name)
            rest_s = DEFECT_REST_S
        await bell.wait(since=since, at_most_s=rest_s)


async def _listen(runtime: Runtime, bell: Bell) -> None:
    async for _ in runtime.redis.subscribe(*WAKES):
        bell.ring()
