"""
The stream of one account's changes: server-sent events for one open page.

A `point` event is one dot of the chart and the platform's time; a message without a name is the
panels as HTML. Both are sent only when they differ from what was sent before.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator
from uuid import UUID

from tradesense.app.web.reading import get_view
from tradesense.app.web.rendering import TEMPLATES
from tradesense.app.web.view import AccountView, dot
from tradesense.infra.runtime import Runtime
from tradesense.kernel.errors import Unavailable

LOOK_EVERY_S = 0.4  # as often as an eye can follow a number
KEEP_ALIVE_S = 10.0  # proxies close what is silent for a minute; the page shows it is alive


async def changes(runtime: Runtime, account_id: UUID, *, user_id: UUID) -> AsyncIterator[str]:
    """
    Yield events until the reader leaves; a database that is away is waited for.

    The account is the user's: whoever answers with the stream has made sure of that.
    """
    sent_point = sent_panels = ""
    sent_at = time.monotonic()
    while True:
        try:
            async with runtime.db.reading() as tx:
                view = await get_view(tx, account_id, user_id=user_id, now=runtime.now())
        except Unavailable:
            view = None  # the page keeps what it shows and tries on
        if view is not None:
            point = json.dumps({**dot(view.point(), view.currency), "limits": view.limits()})
            if point != sent_point or time.monotonic() - sent_at > KEEP_ALIVE_S:
                sent_point, sent_at = point, time.monotonic()
                yield _event(_stamped(point, view), name="point")
            panels = await asyncio.to_thread(_panels, view)
            digest = hashlib.sha256(panels.encode()).hexdigest()
            if digest != sent_panels:
                sent_panels = digest
                yield _event(panels)
        await asyncio.sleep(LOOK_EVERY_S)


def _stamped(point: str, view: AccountView) -> str:
    return f'{point[:-1]}, "now_ms": {view.clock_ms}}}'


def _panels(view: AccountView) -> str:
    return TEMPLATES.get_template("_panels.html").render(view=view)


def _event(data: str, *, name: str = "") -> str:
    lines = [f"event: {name}"] if name else []
    lines += [f"data: {line}" for line in data.splitlines()]
    return "\n".join(lines) + "\n\n"
