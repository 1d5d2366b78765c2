"""
Requests that mean one thing only: what two readers would read differently is refused at the edge.

`require_plain` stands before every route; `Said` is the type of what a person says in words, and
`Moment` that of a moment.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, NoReturn

from fastapi import Request
from fastapi.requests import HTTPConnection
from pydantic import AfterValidator, AwareDatetime
from pydantic_core import PydanticCustomError

from tradesense.kernel.errors import Invalid

_SHOWN_MAX = 60  # of a name that is told back


class Unreadable(Invalid):
    """The request could be read in two ways, or holds text that no table can keep."""

    code = "unreadable"


def _said(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("blank", "say it in words: this is blank")
    return text


Said = Annotated[str, AfterValidator(_said)]
"""Words of a person, for others to read: not blank."""


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("moment", "no calendar of ours has this moment in UTC") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A moment with its zone, given in UTC: year 1 at +14:00 is in no year of Python's calendar."""


async def require_plain(asked: HTTPConnection) -> None:
    """
    Refuse a request whose path, query or JSON body cannot be read in one way only.

    Raises Unreadable for a NUL or half a character (a lone surrogate) anywhere, which PostgreSQL
    and UTF-8 cannot hold, for a name that an object holds twice, and for numbers that are none
    (RFC 8259, sections 4, 6 and 8). What it makes sense of is for the route to judge.
    """
    for name, value in (*asked.path_params.items(), *asked.query_params.multi_items()):
        _require_text(name, "the name of a parameter")
        _require_text(str(value), name)
    if isinstance(asked, Request) and _takes_json(asked):
        _require_plain_json(await asked.body())


def _takes_json(asked: Request) -> bool:
    # Routes without a model read their bodies themselves: files, and what providers sign.
    is_modelled = getattr(asked.scope.get("route"), "body_field", None) is not None
    return is_modelled and "json" in asked.headers.get("content-type", "")


def _require_plain_json(body: bytes) -> None:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"the body is no UTF-8, from byte {error.start} on") from None
    try:
        found = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)
    except ValueError:
        return  # no JSON at all: the framework has said where
    for where, value in _texts(found):
        _require_text(value, where)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Unreadable(f"the body says {_shown(twice)} twice; say it once")
    return found


def _refuse(constant: str) -> NoReturn:
    raise Unreadable(f"{constant} is not a number; leave the field out if there is none")


def _texts(value: Any) -> Iterator[tuple[str, str]]:
    """Yield every text in a JSON value, names too, with the name it stands under."""
    left = [("the body", value)]
    while left:
        match left.pop():
            case where, str() as text:
                yield where, text
            case where, dict() as members:
                yield from ((where, name) for name in members)
                left.extend(members.items())
            case where, list() as items:
                left.extend((where, item) for item in items)
            case _:
                continue  # numbers, truths and nothing have no text


def _require_text(text: str, where: str) -> None:
    if "\0" in text:
        raise Unreadable(f"{_shown(where)} holds a NUL character; leave it out")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise Unreadable(f"{_shown(where)} holds half a character (a lone surrogate)")


def _shown(name: str) -> str:
    return name[:_SHOWN_MAX].encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
