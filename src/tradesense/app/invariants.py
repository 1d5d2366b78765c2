"""What must always be true, of every module; asked by `tradesense invariants` and the scheduler."""

import json
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import LiteralString, cast

import tradesense
from tradesense.infra.db import Database
from tradesense.infra.settings import Settings

ROWS_SHOWN_MAX = 20
PATIENCE_S = 120.0  # some walk a whole trail
Broken = Mapping[str, list[str]]


def statements() -> dict[str, LiteralString]:
    """Return sentence -> SQL of the rows that break it, of every module that promises anything."""
    found: dict[str, LiteralString] = {}
    for module in iter_modules(tradesense.__path__, "tradesense."):
        name = f"{module.name}.invariants"
        if name != __name__ and find_spec(name) is not None:
            own = cast(dict[str, LiteralString], import_module(name).INVARIANTS)
            if twice := found.keys() & own.keys():
                raise ValueError(f"{module.name}: promised elsewhere too: {', '.join(twice)}")
            found |= own
    return found


async def check(settings: Settings) -> Broken:
    """Return for every promise the rows that break it. Raises Unavailable without a database."""
    async with Database.open(settings.database_url, min_size=1, max_size=1, name="checks") as db:
        return await check_in(db)


async def check_in(db: Database, *, patience_s: float = PATIENCE_S) -> Broken:
    """Return for every promise the rows that break it, all seen in one snapshot."""
    broken: dict[str, list[str]] = {}
    asked = statements()  # first: importing every module takes longer than a transaction may idle
    async with db.reading(patience_s=patience_s) as tx:
        for sentence, statement in asked.items():
            cursor = await tx.execute(statement)
            broken[sentence] = [str(dict(row)) for row in await cursor.fetchmany(ROWS_SHOWN_MAX)]
    return broken


def as_json(broken: Broken) -> str:
    """Return the findings for a machine."""
    kept = sum(not rows for rows in broken.values())
    return json.dumps({"kept": kept, "broken": {s: r for s, r in broken.items() if r}}, indent=2)


def as_table(broken: Broken) -> str:
    """Return the findings for people."""
    lines = []
    for sentence, rows in broken.items():
        lines.append(f"{'BROKEN' if rows else 'kept  '}  {sentence}")
        lines += [f"          {row}" for row in rows]
    return "\n".join(lines)
