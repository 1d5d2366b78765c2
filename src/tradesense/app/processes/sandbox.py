"""The payment sandbox: a provider of our own, for instances that have no real one."""

import asyncio
from urllib.parse import urlsplit

import uvicorn

from tradesense.app.sandbox.deliveries import Courier
from tradesense.app.sandbox.house import Sandbox
from tradesense.app.sandbox.server import create_app
from tradesense.app.sandbox.store import Store
from tradesense.app.sandbox.wire import CuttableProtocol
from tradesense.infra.clock import SystemClock
from tradesense.infra.policies import own_policy, watching
from tradesense.infra.settings import Settings

STOP_PATIENCE_S = 1


async def main(settings: Settings) -> None:
    """Serve, and deliver webhooks, until SIGTERM or SIGINT."""
    clock = SystemClock()  # the outside world does not follow a driven clock
    store = Store(settings.home / "sandbox" / "stripe.sqlite3")
    guarded = own_policy("webhook-delivery")
    courier = Courier(
        store,
        clock,
        guarded,
        url=f"{settings.own_url}/webhooks/stripe",
        secret=settings.stripe_webhook_secrets[0],
    )
    public = urlsplit(settings.public_url)
    sandbox = Sandbox(
        store=store,
        clock=clock,
        api_key=settings.stripe_secret_key,
        mollie_key=settings.mollie_api_key,
        base=f"http://{public.hostname}:{settings.sandbox_port}",
        home=settings.public_url,
        wake=courier.wake,
    )
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(sandbox),
            host=settings.host,
            port=settings.sandbox_port,
            http=CuttableProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=STOP_PATIENCE_S,
            server_header=False,
        )
    )
    try:
        async with watching(settings.home, "sandbox", [guarded]), asyncio.TaskGroup() as group:
            delivering = group.create_task(courier.run())
            await server.serve()
            delivering.cancel()
    finally:
        store.close()
