"""The engine as a job: one at a time over the whole platform, by lease."""

import asyncio
import logging

from tradesense.infra.lease import LeaseLost, hold
from tradesense.infra.policies import DATABASE
from tradesense.infra.runtime import Runtime
from tradesense.trading.running.loop import Conclude, Engine
from tradesense.trading.running.publishing import Publisher
from tradesense.trading.running.wake import Waker

log = logging.getLogger(__name__)

__all__ = ["Conclude", "run_engine"]


async def run_engine(runtime: Runtime, *, conclude: Conclude) -> None:
    """Run the engine until cancelled; `conclude` is called where an account's end is stored."""
    waker = Waker(runtime.settings.database_url, runtime.policies[DATABASE])
    publisher = Publisher(runtime.redis)
    async with asyncio.TaskGroup() as group:
        group.create_task(waker.listen())
        group.create_task(publisher.run())
        while True:
            try:
                async with hold(runtime.db, "engine") as lease:
                    engine = Engine(
                        db=runtime.db,
                        lease=lease,
                        now=runtime.now,
                        is_driven=runtime.settings.clock == "driven",
                        conclude=conclude,
                        waker=waker,
                        publisher=publisher,
                    )
                    await engine.run()
            except LeaseLost as lost:
                log.warning("%s: waiting for it again", lost)
