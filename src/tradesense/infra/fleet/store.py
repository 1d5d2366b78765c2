"""The fleet's records in Redis: read with the server's time, decided here, swapped if unchanged."""

import logging
from collections.abc import Callable

from tradesense.infra.redis import Redis
from tradesense.kernel.errors import Unavailable
from tradesense.resilience.fleet import Beat, Fleet, FleetSettings, View, dump, load, step

log = logging.getLogger(__name__)

# Another member came first each time. A dozen members that beat every second never meet so
# often; and the next beat is not far.
_TRIES = 5
# A format that changes gets another number: processes of two versions are then two fleets.
_FORMAT = 1


class Contended(Unavailable):
    """Others changed the record each time before we could; this beat did not happen."""

    code = "infra.fleet_contended"


class RedisFleet:
    """
    A `FleetStore`; `settings` says how the fleet of a breaker's name judges.

    `fleet` is the name of all who share their records; others on the same server have another.
    Every record is written with an end: what nobody beats for is forgotten by the server.
    """

    def __init__(
        self, redis: Redis, settings: Callable[[str], FleetSettings], *, fleet: str = ""
    ) -> None:
        self._redis = redis
        self._fleet = fleet
        self._settings = settings

    async def exchange(self, breaker: str, beat: Beat) -> View:
        """Apply `step` to the record by the server's clock. Raises Contended, RedisAway."""
        key = f"tradesense:fleet:{_FORMAT}:{self._fleet}:{breaker}"
        settings = self._settings(breaker)
        for _ in range(_TRIES):
            before, now_s = await self._redis.look(key)
            after, view = step(_read(key, before), beat, now_s, settings)
            if await self._redis.swap(key, before, dump(after), for_s=settings.record_life_s):
                return view
        raise Contended(f"{_TRIES} times another member came first to {key}")


def _read(key: str, record: bytes | None) -> Fleet:
    try:
        return load(record)
    except ValueError as error:
        log.warning("%s is no record of ours, the fleet begins anew: %s", key, error)
        return Fleet()
