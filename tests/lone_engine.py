"""An engine without challenges, to be killed: `python tests/lone_engine.py`."""

import asyncio

from tradesense.infra.runtime import Runtime
from tradesense.infra.settings import Settings
from tradesense.trading.jobs import run_engine


async def note(tx, outcome, now):
    """Conclude nothing; there is nobody's challenge behind these accounts."""


async def main():
    async with Runtime.open(Settings.from_environment(), name="lone engine") as runtime:
        await run_engine(runtime, conclude=note)


if __name__ == "__main__":
    asyncio.run(main())
