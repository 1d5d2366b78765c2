"""The routes of identity, and a route that says who is asking, without a network."""

import httpx
import pytest
from fastapi import FastAPI

from tradesense.app import errors
from tradesense.identity.http import router


@pytest.fixture
def app(runtime):
    app = FastAPI()
    app.state.runtime = runtime
    app.include_router(router)
    errors.install(app)
    return app


@pytest.fixture
async def api(app):
    """Somebody's browser."""
    async with browser(app) as client:
        yield client


def browser(app, address="203.0.113.7"):
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 40_000))
    return httpx.AsyncClient(transport=transport, base_url="http://platform")
