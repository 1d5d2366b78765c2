"""The sealer process: puts every committed fact into one order and signs it."""

from tradesense.infra.db import Database
from tradesense.infra.policies import DATABASE, platform_policies, watching
from tradesense.infra.settings import Settings
from tradesense.trail.jobs import run_sealer

CONNECTIONS = 3  # one seals, one holds the lease, one reads for the witness


async def main(settings: Settings) -> None:
    """Seal until cancelled."""
    guarded = platform_policies(settings)[DATABASE]
    async with (
        Database.open(
            settings.sealer_url, max_size=CONNECTIONS, name="sealer", policy=guarded
        ) as db,
        watching(settings.home, "sealer", [guarded]),
    ):
        await run_sealer(db, home=settings.home)
