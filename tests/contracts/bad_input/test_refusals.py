"""
Every unsafe route refuses bad input in clear words, and not one table differs afterwards.

`refusal_rows.ROUTES` is the table; the OpenAPI document says what the routes' fields are, and so
how each may be spoilt.
"""

import json
import re
from uuid import UUID

import pytest

from refusal_document import operation, schema
from refusal_judging import faults
from refusal_rows import ROUTES
from spoilt_requests import spoilt, written
from table_digests import differing

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOBODYS = UUID(int=99)


async def ask(world, route, row=None, *, content=None, at=None, who=None):
    """Ask what `row` asks, or the route's good request with `content`, `at` or `who` replaced."""
    path = named(world, at or (row and row.at) or route.at)
    if content is None:
        content = body(world, route, row)
    is_signed = route.is_signed if row is None else row.is_signed
    headers = world.signed(content) if is_signed else {}
    asking = who if who is not None else ((row and row.who) or route.who)
    return await world.ask(route.method, path, who=asking or None, content=content, headers=headers)


def body(world, route, row=None):
    if row is not None and row.raw is not None:
        return row.raw
    if not isinstance(route.good, dict):
        return route.good or b""
    changes = {} if row is None else row.but
    return named(world, written({**route.good, **changes}).decode()).encode()


def named(world, text):
    """Return `text` with the names of the world's things replaced by their ids."""
    return re.sub(r"\{([a-z]+(?:-[a-z]+)?)\}", lambda found: world.names[found[1]], text)


def wrong(world, route, before, answer):
    changed = differing(before, world.tables()) - route.recorded
    return list(faults(answer, changed=changed))


ROWS = [(route, row) for route in ROUTES for row in route.rows]


@pytest.mark.parametrize(
    ("route", "row"), ROWS, ids=[f"{route.asked}: {row.kind}" for route, row in ROWS]
)
async def test_bad_input_is_refused_and_changes_nothing(world, route, row):
    before = world.tables()

    answer = await ask(world, route, row)

    assert wrong(world, route, before, answer) == []
    said = answer.json()
    assert (answer.status_code, said["code"]) == (row.status, row.code), said
    assert row.says in said["detail"]


SPOILT = [route for route in ROUTES if schema(route)]


@pytest.mark.parametrize("route", SPOILT, ids=lambda route: route.asked)
async def test_a_spoilt_body_is_refused_and_changes_nothing(world, route):
    before = world.tables()
    good = json.loads(body(world, route))
    for each in spoilt(good, schema(route)):
        answer = await ask(world, route, content=each.content)

        assert list(faults(answer)) == [], each.kind
        is_named = each.names in json.dumps(answer.json(), ensure_ascii=False)
        assert is_named, (each.kind, answer.text)
    assert differing(before, world.tables()) - route.recorded == set()


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.who], ids=lambda route: route.asked
)
async def test_who_may_not_ask_is_refused_and_changes_nothing(world, route):
    before = world.tables()
    who, status = route.foreign
    stranger = await ask(world, route, who="")
    foreign = await ask(world, route, who=who)

    assert wrong(world, route, before, stranger) + wrong(world, route, before, foreign) == []
    assert (stranger.status_code, foreign.status_code) == (401, status)


WITH_ID = [
    (route, each["name"])
    for route in ROUTES
    for each in operation(route).get("parameters", [])
    if each["in"] == "path"
]


@pytest.mark.parametrize(
    ("route", "name"), WITH_ID, ids=[f"{route.asked}: {name}" for route, name in WITH_ID]
)
async def test_an_id_of_nothing_and_what_is_no_id_are_refused_and_change_nothing(
    world, route, name
):
    before = world.tables()
    for written_id, statuses in (
        (str(NOBODYS), {404}),
        ("ada", {404, 422}),
        ("%00", {422}),
        ("a%00b", {422}),
        ("%ff", {404, 422}),
        ("x" * 2_000, {404, 422}),
        ("9" * 40, {404, 422}),
    ):
        asked = route.asked.split()[1].replace("{%s}" % name, written_id)  # noqa: UP031 -- braces
        answer = await ask(world, route, at=asked)

        assert list(faults(answer)) == [], (written_id, answer.text)
        assert answer.status_code in statuses, (written_id, answer.text)
    assert differing(before, world.tables()) - route.recorded == set()


async def test_what_was_spoilt_is_fine_by_itself(world):
    """The last of this file, as it changes the world: no row is refused for another reason."""
    for route in ROUTES:
        answer = await ask(world, route)

        code = answer.json()["code"] if answer.status_code in range(400, 600) else ""
        assert (answer.status_code, code) == route.fine, (route.asked, answer.text)
