"""The HTTP process: the API, the trading API, webhooks, and the pages."""

import uvicorn

from tradesense.app.api import OWN, create_app
from tradesense.app.web.bounds import WEBSOCKET_MESSAGE_MAX, BoundedHead
from tradesense.infra import fleet
from tradesense.infra.runtime import Runtime
from tradesense.infra.settings import Settings
from tradesense.operations.jobs import following

CONNECTIONS = 8
BACKLOG = 512
# Live pages and trade_updates never end by themselves; their clients come back by themselves.
STOP_PATIENCE_S = 1


async def main(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then let requests in flight finish."""
    async with (
        Runtime.open(settings, name="api", connections=CONNECTIONS, sheds=True) as runtime,
        following(runtime, OWN),
        fleet.joined_as("api", runtime),
    ):
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(runtime),
                host=settings.host,
                port=settings.port,
                http=BoundedHead,
                ws="websockets-sansio",
                ws_max_size=WEBSOCKET_MESSAGE_MAX,
                lifespan="off",
                log_config=None,
                access_log=False,
                backlog=BACKLOG,
                timeout_graceful_shutdown=STOP_PATIENCE_S,
                server_header=False,
            )
        )
        await server.serve()
