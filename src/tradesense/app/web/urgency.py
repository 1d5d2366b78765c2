"""
How much a request matters when the database cannot serve all: orders and money before looks.

Whoever changes something waits for a connection where others are turned away with 503 and
Retry-After; a page is the first to be turned away: people reload it.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from tradesense.resilience import Priority, important

_LOOKS = {"GET", "HEAD", "OPTIONS"}
_FOR_PROGRAMS = ("/api/", "/v2/")
_FOR_OPERATORS = ("/readyz", "/api/v1/operations/")  # who must see and act while it is full


class Urgency:
    """Says to everything below how much its request matters."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with important(urgency(scope.get("method", "GET"), scope.get("path", ""))):
            await self._app(scope, receive, send)


def urgency(method: str, path: str) -> Priority:
    """Return how much a request matters."""
    if method not in _LOOKS or path.startswith(_FOR_OPERATORS):
        return Priority.CRITICAL
    return Priority.HIGH if path.startswith(_FOR_PROGRAMS) else Priority.LOW
