"""The engine: the only process that fills orders and judges accounts."""

from tradesense import challenges
from tradesense.infra.runtime import Runtime
from tradesense.infra.settings import Settings
from tradesense.operations.jobs import following
from tradesense.trading.jobs import run_engine

CONNECTIONS = 3  # the lease's beat, a read, a commit


async def main(settings: Settings) -> None:
    """Judge every price until SIGTERM or SIGINT."""
    async with (
        Runtime.open(settings, name="engine", connections=CONNECTIONS) as runtime,
        following(runtime, "engine"),
    ):
        await run_engine(runtime, conclude=challenges.conclude)
