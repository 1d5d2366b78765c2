"""Everything a process holds open, in one value."""

import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Self, cast
from uuid import UUID, uuid4  # noqa: TID251 -- the source of new ids

from fastapi import Depends, Request

from tradesense.infra.clock import clock_of
from tradesense.infra.db import Database
from tradesense.infra.policies import DATABASE, REDIS, platform_policies, shedding
from tradesense.infra.redis import Redis
from tradesense.infra.settings import Settings
from tradesense.kernel.errors import Unavailable
from tradesense.resilience import Policies

log = logging.getLogger(__name__)

_FIRST_LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Runtime:
    """Time, ids, chance and the outside world arrive here, never from the side."""

    settings: Settings
    db: Database
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]  # for what has no cause to derive an id from
    chance: Callable[[int], bytes]  # so many unpredictable bytes: tokens, salts
    redis: Redis
    policies: Policies  # of every call to the outside world, by the name of who is called

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings,
        *,
        name: str,
        url: str | None = None,
        connections: int = 8,
        sheds: bool = False,
    ) -> AsyncIterator[Self]:
        """
        Open what the process `name` needs, for the length of the block.

        Connects to the app's database unless `url` says another, with at most `connections`;
        `sheds`: what matters least is turned away when nearly all of them are busy.
        Raises TooPowerful for a role that could rewrite the trail; a database that is away is
        no reason not to start.
        """
        pool = shedding(connections) if sheds else None
        policies = platform_policies(settings, database=pool)
        async with (
            Database.open(
                url or settings.database_url,
                max_size=connections,
                name=name,
                policy=policies[DATABASE],
            ) as db,
            Redis.open(settings.redis_url, policies[REDIS]) as redis,
        ):
            try:
                async with db.reading(patience_s=_FIRST_LOOK_S):
                    pass
            except Unavailable as error:
                log.warning("%s starts without its database: %s", name, error)
            yield cls(settings, db, clock_of(settings).now, uuid4, os.urandom, redis, policies)


def _runtime(request: Request) -> Runtime:
    return cast(Runtime, request.app.state.runtime)


FromRequest = Annotated[Runtime, Depends(_runtime)]
