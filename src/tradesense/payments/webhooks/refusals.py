"""Calls that are not a provider's: refused, and counted however many come."""

import asyncio
from typing import ClassVar, cast

import structlog
from fastapi import FastAPI

from tradesense.infra.runtime import Runtime
from tradesense.kernel.errors import Invalid, OutcomeUnknown, Unavailable
from tradesense.payments.webhooks import inbox

REFUSALS_WAITING_MAX = 16
REFUSAL_PATIENCE_S = 2.0

log = structlog.get_logger()


class BadWebhook(Invalid):
    """The call is not the provider's, or not one we can read. Nothing of it is kept."""

    code = "payments.bad_webhook"
    http_status: ClassVar[int] = 400


class Refusals:
    """
    Puts refused calls on the trail, one at a time.

    Anybody can send a forged call. One writer means that a flood of them takes one connection;
    what comes faster than it can write is counted, and the count is recorded with the next one.
    """

    def __init__(self) -> None:
        self._writing = asyncio.Semaphore(1)
        self._waiting = 0
        self._unrecorded = 0

    async def record(self, runtime: Runtime, provider: str, body: bytes, reason: str) -> None:
        """Record that `body` was refused for `reason`, or count it."""
        if self._waiting >= REFUSALS_WAITING_MAX:
            self._unrecorded += 1
            return
        self._waiting += 1
        try:
            async with self._writing:
                await self._record(runtime, provider, body, reason)
        finally:
            self._waiting -= 1

    async def _record(self, runtime: Runtime, provider: str, body: bytes, reason: str) -> None:
        unrecorded, self._unrecorded = self._unrecorded, 0
        try:
            await runtime.db.run(
                lambda tx: inbox.refuse(
                    tx,
                    provider=provider,
                    body=body,
                    reason=reason,
                    unrecorded=unrecorded,
                    now=runtime.now(),
                ),
                key=f"payments:refused:{runtime.new_id()}",
                patience_s=REFUSAL_PATIENCE_S,
            )
        except (Unavailable, OutcomeUnknown) as error:
            # A forger is told no all the same; the count is kept for the next entry.
            self._unrecorded += unrecorded + 1
            log.warning("payments.refusal_unrecorded", reason=reason, error=str(error))


def refusals_of(app: FastAPI) -> Refusals:
    """Return the one writer of this process."""
    if not hasattr(app.state, "refused_webhooks"):
        app.state.refused_webhooks = Refusals()
    return cast(Refusals, app.state.refused_webhooks)
