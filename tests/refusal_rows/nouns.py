"""The nouns of the table of bad input: a route, with what is fine; and rows that are not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

API, FIRM = "/api/v1", "/api/v1/operations"
NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Row:
    """`says` is in the answer; `but` replaces fields of the good body, `raw` all of it."""

    kind: str
    status: int
    code: str
    says: str
    but: Mapping[str, Any] = field(default_factory=dict)
    at: str = ""
    who: str = ""
    raw: bytes | None = None
    is_signed: bool = False


@dataclass(frozen=True, kw_only=True)
class Route:
    """
    `at` is its path in the world, `who` may ask (empty: anybody), and `good` is a fine body.

    `fine` is the answer to that, as status and code: what is refused for its state alone shows
    that the body is good too. `foreign` is who else may ask such things, but not about these, and
    how they are answered. `recorded` are tables that a refusal is written to. `stateless` says why
    no state of the subject is wrong.
    """

    asked: str  # method and path, as the OpenAPI document writes them
    at: str
    who: str = "jane"
    good: Mapping[str, Any] | bytes | None = None
    fine: tuple[int, str] = (200, "")
    is_signed: bool = False
    foreign: tuple[str, int] = ("bob", 403)
    recorded: frozenset[str] = NOBODY
    stateless: str = ""
    rows: tuple[Row, ...] = ()

    @property
    def method(self) -> str:
        return self.asked.split()[0]


def amounts(code: str, says: str, *values: int, status: int = 422, name: str = "amount_minor"):
    return tuple(Row(f"{name} of {value}", status, code, says, {name: value}) for value in values)


def state(kind: str, at: str, code: str, says: str, status: int = 409, **how: Any) -> Row:
    return Row(f"wrong state: {kind}", status, code, says, at=at, **how)
