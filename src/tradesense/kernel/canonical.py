"""
One text for one value: canonical JSON (RFC 8785), so that a hash means something to a stranger.

We allow what needs no judgement: objects with ASCII keys, arrays, strings, booleans, null and
integers that every JSON reader keeps exact (up to 2^53 - 1). Floats are refused, and larger
integers must be written as strings. Within these bounds the standard library's sorted,
compact JSON is RFC 8785; `tests/unit/kernel` holds it against an independent implementation.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import lru_cache
from typing import Any
from uuid import UUID

from tradesense.kernel.instants import rfc3339

INTEGER_MAX = 2**53 - 1  # RFC 8785, section 3.2.2.3: what an IEEE 754 double keeps exact

JsonValue = None | bool | int | str | list["JsonValue"] | dict[str, "JsonValue"]


def canonical(value: object) -> bytes:
    """
    Return the canonical bytes of `value`.

    Raises TypeError for what has no exact JSON, UnicodeEncodeError for half a surrogate pair.
    """
    return _text(value).encode("utf-8")


def jsonable(value: object) -> "JsonValue":
    """
    Return `value` as plain JSON: dataclasses by field, ids and enums as text, moments RFC 3339.

    Raises TypeError for what has no exact JSON.
    """
    plain: JsonValue
    match value:
        case Enum():
            plain = jsonable(value.value)
        case None | bool() | str():
            plain = value
        case int():
            plain = value if -INTEGER_MAX <= value <= INTEGER_MAX else str(value)
        case UUID():
            plain = str(value)
        case datetime():
            plain = rfc3339(value)
        case date():
            plain = value.isoformat()
        case Mapping():
            plain = {_key(key): jsonable(item) for key, item in value.items()}
        case list() | tuple():
            plain = [jsonable(item) for item in value]
        case _ if is_dataclass(value):
            plain = {field.name: jsonable(getattr(value, field.name)) for field in fields(value)}
        case _:
            kind = type(value).__name__
            raise TypeError(f"{kind} has no exact JSON; use integers, text or moments")
    return plain


def _key(key: object) -> str:
    if isinstance(key, str) and key.isascii():
        return key
    raise TypeError(f"key {key!r} is not ASCII text; canonical order would need judgement")


_encode = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
).encode


def _text(value: object) -> str:
    """Return what `_encode` says of `jsonable(value)`; several times faster for flat nouns."""
    kind: Any = type(value)
    names = _names(kind)
    if names is None:
        write = _WRITERS.get(kind)
        return _encode(jsonable(value)) if write is None else write(value)
    told = [key + _text(getattr(value, name)) for key, name in names]
    return f"{{{','.join(told)}}}"


@lru_cache(maxsize=1_024)  # by class: there are as many as the code has
def _names(kind: type) -> tuple[tuple[str, str], ...] | None:
    """Return how each field of a dataclass is written, and its name, in canonical order."""
    if not is_dataclass(kind) or issubclass(kind, _PLAINER):
        return None
    names = sorted(field.name for field in fields(kind))
    return tuple((f"{_encode(name)}:", name) for name in names)


_PLAINER = (Enum, str, int, UUID, date, Mapping, list, tuple)  # what `jsonable` looks for before
_WRITERS: Mapping[type, Callable[[Any], str]] = {
    str: _encode,
    bool: {True: "true", False: "false"}.__getitem__,
    type(None): lambda _: "null",
    UUID: '"{}"'.format,
    datetime: lambda moment: f'"{rfc3339(moment)}"',
}
