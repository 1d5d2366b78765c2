"""
Copies of one request in one process: one of them looks, nobody waits for it to be served.

    leader     look ──▶ begin ──▶ serve ──▶ answer
                 └────▶ there is an answer already
    follower   waits for the look only, and briefly: then StillServed, or the same answer

So two hundred copies take one connection of the pool, not two hundred.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from tradesense.resilience.idempotency.judging import StillServed

T = TypeVar("T")
Begin = Callable[[], None]

# Many times what a look takes; a store that is away must not make copies wait.
LOOK_S = 0.1


class Flights(Generic[T]):
    """The requests of one process that are being looked up or served, by key."""

    def __init__(self) -> None:
        self._looks: dict[str, tuple[bytes, asyncio.Future[T | None]]] = {}

    async def share(
        self, name: str, digest: bytes, serve: Callable[[Begin], Awaitable[T]]
    ) -> tuple[T, bool]:
        """
        Serve the request, or share the answer that another copy of it finds meanwhile.

        `serve` calls what it is given as soon as it knows that there is no answer yet; from then
        on copies get StillServed, as do other requests under the same name. Returns the answer
        and whether it is shared.
        """
        ahead = self._looks.get(name)
        if ahead is not None:
            return await _follow(ahead, digest), True
        look: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()

        def begin() -> None:
            if not look.done():
                look.set_result(None)

        self._looks[name] = (digest, look)
        try:
            answer = await serve(begin)
            if not look.done():
                look.set_result(answer)
        finally:
            del self._looks[name]
            begin()  # it failed before it knew: the others ask again
        return answer, False


async def _follow(ahead: "tuple[bytes, asyncio.Future[T | None]]", digest: bytes) -> T:
    their_digest, look = ahead
    if their_digest != digest:
        raise StillServed
    await asyncio.wait({look}, timeout=LOOK_S)
    found = look.result() if look.done() else None
    if found is None:
        raise StillServed
    return found
