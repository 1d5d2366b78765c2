"""Good requests, spoilt one way at a time as their OpenAPI schema allows: what must be refused."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

HUGE = 10**30  # beyond every column that holds a number
DEEP = 100_000


class Raw(str):
    """JSON as it is to be sent, where no value of Python's would be written so."""

    __slots__ = ()


@dataclass(frozen=True)
class Spoilt:
    """A body to be refused; `names` is the field that the answer has to name, if any."""

    kind: str
    content: bytes
    names: str = ""


# What no field may hold, whatever its type.
ANY = {
    "an object": {"of": "no kind"},
    "NaN": Raw("NaN"),
    "infinity": Raw("-Infinity"),
    "a float beyond all bounds": Raw("1e400"),
    "a number of 5,000 digits": Raw("9" * 5_000),
    "lists in lists": Raw("[" * DEEP + "]" * DEEP),
    "half a character": Raw(r'"a\ud800b"'),
    "a NUL": "a\0b",
}
TEXT = {"a number": 7, "too long a text": "x" * 10_000, "a list": ["x"]}
NUMBER = {"words": "a lot", "half of one": 0.5, "too many": HUGE, "too few": -HUGE, "yes": True}
CHOICE = {"no such choice": "barter", "a blank": "  ", "a number": 7}
FLAG = {"words": "perhaps", "a number of many": 7}
ID = {"no id": "ada", "a number": 7, "a blank": " "}
MOMENT = {"no moment": "soon", "a blank": " "}  # a number is one: seconds since 1970
LIST = {"a text": "x", "a list of objects": [{}], "a list of NULs": ["\0"]}
# What spoils the whole body, or is refused by what it is about: the field need not be named.
BEYOND = {"too many", "too few", "a list of NULs"}
KINDS = {
    "enum": CHOICE, "uuid": ID, "date-time": MOMENT, "string": TEXT, "integer": NUMBER,
    "boolean": FLAG, "array": LIST,
}  # fmt: skip


def spoilt(good: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Spoilt]:
    """Yield every spoilt form of `good`, an object of `schema` with all references resolved."""
    for name, field in schema["properties"].items():
        for kind, value in {**ANY, **_of(field)}.items():
            named = "" if kind in ANY or kind in BEYOND else name
            yield Spoilt(f"{name}: {kind}", written({**good, name: value}), named)
    for name in schema.get("required", ()):
        left = {each: value for each, value in good.items() if each != name}
        yield Spoilt(f"{name}: left out", written(left), name)
    yield from _whole(good)


def _whole(good: Mapping[str, Any]) -> Iterator[Spoilt]:
    """Yield what is wrong with a body as a whole."""
    name, text = next(iter(good)), written(good).decode()
    first = written({name: good[name]}).decode()[1:-1]
    yield Spoilt("a field too many", written({**good, "wish": "more"}), "wish")
    yield Spoilt("a name of half a character", f'{text[:-1]}, "\\ud800": 1}}'.encode())
    yield Spoilt("a name with a NUL", f'{text[:-1]}, "a\\u0000b": 1}}'.encode())
    yield Spoilt("a field said twice", f"{text[:-1]}, {first}}}".encode(), name)
    yield Spoilt("a binary name", text[:-1].encode() + b', "\xff\xfe": 1}')
    yield Spoilt("UTF-16", text.encode("utf-16"))
    yield Spoilt("half of it", text[: len(text) // 2].encode())
    yield Spoilt("a list", f"[{text}]".encode())
    yield Spoilt("a text", b'"please"')
    yield Spoilt("nothing", b"null")


def _of(field: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what cannot be a value of a field of this schema, by what is wrong with it."""
    shapes = [each for each in field.get("anyOf", [field]) if each.get("type") != "null"]
    (shape,) = shapes
    kinds = ("enum" if "enum" in shape else "", shape.get("format"), shape["type"])
    return next(KINDS[kind] for kind in kinds if kind in KINDS)


def written(value: Any) -> bytes:
    """Return a value as JSON, Raw as it is."""
    return _json(value).encode()


def _json(value: Any) -> str:
    match value:
        case Raw():
            return str(value)
        case dict():
            return "{" + ", ".join(f"{_json(k)}: {_json(v)}" for k, v in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_json, value)) + "]"
    return json.dumps(value)


def resolved(schema: Any, document: Mapping[str, Any]) -> Any:
    """Return a schema with its references into `document` replaced by what they stand for."""
    match schema:
        case {"$ref": str() as where}:
            found: Any = document
            for step in where.removeprefix("#/").split("/"):
                found = found[step]
            return resolved(found, document)
        case dict():
            return {name: resolved(each, document) for name, each in schema.items()}
        case list():
            return [resolved(each, document) for each in schema]
    return schema
