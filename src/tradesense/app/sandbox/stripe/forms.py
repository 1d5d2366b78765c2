"""Stripe's form encoding: `metadata[a]=1&expand[]=x`, and what each parameter may hold."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from tradesense.app.sandbox.stripe.answers import Refused

Params = dict[str, Any]
Check = Callable[[str, Any], Any]

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART = re.compile(r"\[([^\[\]]*)\]")
PARAMS_MAX = 200
METADATA_KEYS_MAX = 50
METADATA_KEY_MAX = 40
METADATA_VALUE_MAX = 500


def parse(encoded: bytes) -> Params:
    """
    Return the nested parameters of a form or query.

    `a[b]=1` gives {"a": {"b": "1"}}; `a[]=x` and `a[0]=x` give {"a": ["x"]}. Raises Refused.
    """
    try:
        pairs = parse_qsl(
            encoded.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(encoded),
            max_num_fields=PARAMS_MAX,
            errors="strict",
        )
    except ValueError:
        raise Refused(400, "Invalid form encoding.") from None
    tree: Params = {}
    for name, value in pairs:
        _put(tree, name, value)
    return {name: _lists(value) for name, value in tree.items()}


def _put(tree: Params, name: str, value: str) -> None:
    match = _NAME.fullmatch(name)
    if match is None:
        raise Refused(400, f"Invalid parameter name: {name}")
    path = [match[1], *_PART.findall(match[2])]
    for at, part in enumerate(path):
        key = part or str(len(tree))  # `a[]` counts up
        if at == len(path) - 1:
            tree[key] = value
            return
        tree = tree.setdefault(key, {})
        if not isinstance(tree, dict):
            raise Refused(400, f"Invalid parameter: {name}", param=name)


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and list(value) == [str(at) for at in range(len(value))]:
        return [_lists(item) for item in value.values()]
    return {name: _lists(item) for name, item in value.items()}


def check(params: Params, known: Mapping[str, Check], required: tuple[str, ...] = ()) -> Params:
    """Return the parameters, each by its check. Raises Refused for unknown and missing ones."""
    for name in params:
        if name not in known:
            raise Refused(
                400,
                f"Received unknown parameter: {name}",
                code="parameter_unknown",
                param=name,
            )
    for name in required:
        if name not in params:
            raise Refused(
                400, f"Missing required param: {name}.", code="parameter_missing", param=name
            )
    return {name: known[name](name, value) for name, value in params.items() if value != ""}


def integer(low: int, high: int) -> Check:
    """Return a check for an integer from `low` to `high`."""

    def read(name: str, value: Any) -> int:
        if not isinstance(value, str) or not re.fullmatch(r"-?\d{1,18}", value):
            raise Refused(
                400, f"Invalid integer: {value}", code="parameter_invalid_integer", param=name
            )
        number = int(value)
        if number < low:
            code = "amount_too_small" if name == "amount" else "parameter_invalid_integer"
            raise Refused(400, f"This value must be at least {low}.", code=code, param=name)
        if number > high:
            code = "amount_too_large" if name == "amount" else "parameter_invalid_integer"
            raise Refused(400, f"This value must be at most {high}.", code=code, param=name)
        return number

    return read


def one_of(*allowed: str) -> Check:
    """Return a check for one of a few words."""

    def read(name: str, value: Any) -> str:
        if value not in allowed:
            raise Refused(400, f"Invalid {name}: must be one of {', '.join(allowed)}", param=name)
        return str(value)

    return read


def text(name: str, value: Any) -> str:
    """Accept any single value, up to 5,000 characters."""
    if not isinstance(value, str) or len(value) > 5000:  # noqa: PLR2004 -- Stripe's own limit
        raise Refused(400, "Invalid string.", param=name)
    return value


def truth(name: str, value: Any) -> bool:
    """Accept true and false."""
    return str(one_of("true", "false")(name, value)) == "true"


def texts(name: str, value: Any) -> list[str]:
    """Accept an array of single values."""
    if not isinstance(value, list):
        raise Refused(400, "Invalid array", param=name)
    return [text(name, item) for item in value]


def metadata(name: str, value: Any) -> dict[str, str]:
    """Accept up to 50 pairs of text."""
    if not isinstance(value, dict) or len(value) > METADATA_KEYS_MAX:
        raise Refused(400, "Invalid metadata: up to 50 pairs of text", param=name)
    for key, item in value.items():
        if len(key) > METADATA_KEY_MAX or len(text(name, item)) > METADATA_VALUE_MAX:
            raise Refused(400, "Metadata keys have 40, values 500 characters", param=name)
    return {key: str(item) for key, item in value.items()}


def moments(name: str, value: Any) -> dict[str, int]:
    """Accept `created[gte]=...` and its like, or one exact moment."""
    read = integer(0, 2**53)
    if not isinstance(value, dict):
        exact = read(name, value)
        return {"gte": exact, "lte": exact}
    if not set(value) <= {"gt", "gte", "lt", "lte"}:
        raise Refused(400, "Invalid range: gt, gte, lt or lte", param=name)
    return {operator: read(name, moment) for operator, moment in value.items()}


def nothing_in(name: str, value: Any) -> dict[str, Any]:
    """Accept a nested object that changes nothing here."""
    if not isinstance(value, dict):
        raise Refused(400, "Invalid object", param=name)
    return value
