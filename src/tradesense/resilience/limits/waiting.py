"""Standing in line: until served, evicted, out of patience or cancelled."""

import asyncio
from collections.abc import Callable

from tradesense.resilience.limits.line import Line
from tradesense.resilience.refusals import Refused

Waiter = asyncio.Future[None]


async def wait_in(
    line: Line[Waiter],
    waiter: Waiter,
    *,
    most_s: float,
    give_up: Callable[[], Refused],
    give_back: Callable[[], None],
) -> None:
    """
    Wait until `waiter`, who stands in `line`, is served. Raises `give_up()` after `most_s`.

    Served in the very moment in which it was cancelled, it calls `give_back`.
    """

    def expire() -> None:
        if not waiter.done():
            line.leave(waiter)
            waiter.set_exception(give_up())

    timer = waiter.get_loop().call_later(max(0.0, most_s), expire)
    try:
        await waiter
    except BaseException:
        if not line.leave(waiter) and _was_served(waiter):
            give_back()
        raise
    finally:
        timer.cancel()


def _was_served(waiter: Waiter) -> bool:
    # Asking for the exception also tells asyncio that somebody has seen it.
    return waiter.done() and not waiter.cancelled() and waiter.exception() is None
