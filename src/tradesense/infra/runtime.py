"""Everything a process holds open, in one value."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, cast
from uuid import UUID

from fastapi import Depends, Request

from tradesense.infra.db import Database
from tradesense.infra.settings import Settings


@dataclass(frozen=True, slots=True)
class Runtime:
    """Time, ids, chance and the database arrive here, never from the side."""

    settings: Settings
    db: Database
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]


def _runtime(request: Request) -> Runtime:
    return cast(Runtime, request.app.state.runtime)


FromRequest = Annotated[Runtime, Depends(_runtime)]
