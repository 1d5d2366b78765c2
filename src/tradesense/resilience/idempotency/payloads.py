"""When two requests under one key are the same request: by a keyed digest of what they say."""

import hmac
import json
from collections.abc import Iterable

Pairs = Iterable[tuple[str, str]]


def digest(
    secret: bytes, *, name: str, path: str, query: Pairs, media_type: str, body: bytes
) -> bytes:
    """
    Return 32 bytes that are equal for requests that say the same, under the key `name`.

    Order of JSON members, of query parameters with different names, and white space say
    nothing; numbers are compared as they are written, so that none is rounded. Keyed, and bound
    to `name`: a payload may hold a password, which a bare hash would let people guess.
    """
    told = json.dumps([name, path, sorted(query, key=_first)]).encode()
    plain = _canonical(body) if _is_json(media_type) else None
    kind = b"raw:" + media_type.encode() if plain is None else b"json"
    message = b"".join(
        len(part).to_bytes(8, "big") + part
        for part in (told, kind, body if plain is None else plain)
    )
    return hmac.digest(secret, message, "sha256")


def _first(pair: tuple[str, str]) -> str:
    return pair[0]


def _is_json(media_type: str) -> bool:
    essence = media_type.partition(";")[0].strip().lower()
    return essence == "application/json" or essence.endswith("+json")


def _canonical(body: bytes) -> bytes | None:
    """Return the same bytes for the same JSON, or None for what is none."""
    try:
        value = json.loads(body, parse_float=_Number, parse_constant=_Number)
        return json.dumps(_tagged(value), separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        return None  # the endpoint will say what is wrong with it; here bytes are compared


class _Number(str):
    """A number with a point or an exponent, as it was written."""

    __slots__ = ()


def _tagged(value: object) -> object:
    """Return JSON in which every array says what it stood for, so that no two values meet."""
    match value:
        case _Number():
            return ["number", str(value)]
        case dict():
            return ["object", [[name, _tagged(value[name])] for name in sorted(value)]]
        case list():
            return ["array", *map(_tagged, value)]
        case _:
            return value
