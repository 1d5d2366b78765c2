"""The HTTP face of the platform: which routes there are, and whether it can serve them."""

from importlib.metadata import version

from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from tradesense.app import errors
from tradesense.app.attention.http import router as attention
from tradesense.app.web.bounds import BoundedBody
from tradesense.app.web.pages import STATIC
from tradesense.app.web.pages import router as pages
from tradesense.app.web.transfers.page import router as transfers
from tradesense.app.web.urgency import Urgency
from tradesense.challenges.http import router as challenges
from tradesense.identity.http import router as identity
from tradesense.infra import policies
from tradesense.infra.plain import require_plain
from tradesense.infra.policies.metrics import exposition
from tradesense.infra.runtime import FromRequest, Runtime
from tradesense.kernel.errors import Unavailable
from tradesense.notifications.http import router as notifications
from tradesense.operations.http import router as operations
from tradesense.payments.http import router as payments
from tradesense.payouts.http import router as payouts
from tradesense.purchases.http import router as purchases
from tradesense.reliability.http import router as reliability
from tradesense.trading.http import router as trading

OWN = "api"  # what this process is called
READY_PATIENCE_S = 1.0  # a load balancer asks every few seconds and must not queue

health = APIRouter(tags=["health"])


@health.get("/healthz")
async def healthz() -> dict[str, str]:
    """Say that the process is alive. Restart it when this does not answer."""
    return {"status": "alive"}


@health.get("/readyz")
async def readyz(runtime: FromRequest) -> JSONResponse:
    """Say whether the database can be reached. Send requests elsewhere when it cannot."""
    try:
        async with runtime.db.reading(patience_s=READY_PATIENCE_S) as tx:
            await tx.execute("SELECT 1")
    except Unavailable as error:
        return JSONResponse({"status": "unavailable", "detail": str(error)}, 503)
    return JSONResponse({"status": "ready"})


@health.get("/metrics", response_class=Response)
async def metrics(runtime: FromRequest) -> Response:
    """
    Tell Prometheus what this process has counted: numbers only, nobody's data.

    The policies also of the other processes of this machine: they have no port of their own.
    """
    others = [told for told in policies.read(runtime.settings.home) if told.process != OWN]
    told = exposition([policies.report(OWN, runtime.policies), *others])
    return Response(generate_latest() + told, headers={"content-type": CONTENT_TYPE_LATEST})


ROUTERS = (
    health,
    identity,
    purchases,
    payments,
    payouts,
    challenges,
    trading,
    notifications,
    reliability,
    operations,
    attention,
    pages,
    transfers,
)


def create_app(runtime: Runtime) -> FastAPI:
    """Return the application over an open `runtime`."""
    app = FastAPI(
        title="TradeSense",
        description="Prop-trading challenges whose money and verdicts survive every failure.",
        version=version("tradesense"),
        redoc_url=None,
        dependencies=[Depends(require_plain)],
    )
    app.state.runtime = runtime
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_middleware(BoundedBody)
    app.add_middleware(Urgency)
    errors.install(app)
    return app
