"""
Completed answers in Redis: a replay then costs no connection of the pool.

Never trusted for a first effect, nor for a refusal: only an answer of ours is given from here,
sealed under our secret for this very request, and committed to this very store before it was
put there. Anything else, and a Redis that is away, hung or flushed, means to ask the database.
"""

import logging

from tradesense.infra.idempotency.answers import Cipher, Unreadable
from tradesense.infra.idempotency.claims import Life
from tradesense.infra.idempotency.serving import Asked, Told
from tradesense.infra.redis import Redis
from tradesense.resilience.idempotency import Finding

log = logging.getLogger(__name__)

# Clients send again within seconds or minutes; later ones can afford a look at the database.
_KEPT_S = 600.0


class Shortcut:
    """
    The answers of the store that this process has last heard from.

    A database restored, promoted or made anew is another store: what Redis knows of the one
    before may never have happened there. A process that has heard from none asks the database.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._store: str | None = None

    async def find(self, asked: Asked) -> Told | None:
        """Return the answer of the same request if Redis knows it."""
        if self._store is None:
            return None
        name = _name(asked, self._store)
        sealed = await self._redis.find(_address(name))
        if sealed is None:
            return None
        try:
            answer = Cipher(asked.secret, name).open(sealed)
        except Unreadable:
            log.warning("Redis holds an answer that is not ours; the database is asked instead")
            return None
        return Told(answer, Finding.REPLAY, Life(0.0, self._store))

    async def keep(self, asked: Asked, told: Told) -> None:
        """Put a committed answer there, for no longer than it is valid."""
        self._store = told.life.store
        name = _name(asked, self._store)
        sealed = Cipher(asked.secret, name).seal(told.answer)
        for_s = min(_KEPT_S, told.life.expires_in_s)
        await self._redis.keep(_address(name), sealed, for_s=for_s)


def _name(asked: Asked, store: str) -> str:
    # The digest is keyed and bound to the key: whoever reads Redis learns neither.
    return f"{store}:{asked.digest.hex()}"


def _address(name: str) -> str:
    return f"tradesense:answer:{name}"
