"""Mollie's way of writing amounts, moments, links, lists and refusals."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tradesense.app.sandbox.store import Json
from tradesense.app.sandbox.stripe.answers import make_id
from tradesense.app.sandbox.world.cards import digits_of, in_units

DOCS = "https://docs.mollie.com/"
_TITLES = {
    400: "Bad Request",
    401: "Unauthorized Request",
    404: "Not Found",
    409: "Conflict",
    413: "Request Entity Too Large",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_VALUE = re.compile(r"\d{1,9}(\.\d{1,3})?")
AMOUNT_MAX = 99_999_999


class Refused(Exception):
    """An answer that is not 2xx, as Mollie's error object."""

    def __init__(self, status: int, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.body = problem(status, detail, field)


def problem(status: int, detail: str, field: str | None = None) -> Json:
    """Return Mollie's error object."""
    body: Json = {"status": status, "title": _TITLES.get(status, "Error"), "detail": detail}
    if field is not None:
        body["field"] = field
    return body | {"_links": {"documentation": {"href": DOCS, "type": "text/html"}}}


def mollie_id(prefix: str, *names: str) -> str:
    """Return an id of Mollie's form that follows from `names`."""
    return f"{prefix}_{make_id(prefix, *names).rpartition('_')[2][:12]}"


def amount(minor: int, currency: str) -> Json:
    """Return `{"value": "540.00", "currency": "USD"}`."""
    return {"value": in_units(minor, currency), "currency": currency.upper()}


def read_amount(asked: Json, currencies: Sequence[str]) -> tuple[int, str]:
    """Return minor units and currency (lower case) of what was asked for. Raises Refused."""
    given = asked.get("amount")
    given = given if isinstance(given, dict) else {}
    currency, value = str(given.get("currency", "")).lower(), given.get("value")
    if currency not in currencies:
        raise Refused(422, "The amount contains an invalid currency", "amount.currency")
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        raise Refused(422, "The amount contains an invalid value", "amount.value")
    whole, _, part = value.partition(".")
    digits = digits_of(currency)
    if len(part) != digits:
        raise Refused(422, f"{currency.upper()} has {digits} decimals", "amount.value")
    minor = int(whole + part)
    if not 1 <= minor <= AMOUNT_MAX:
        raise Refused(422, "The amount is lower than the minimum or too high", "amount.value")
    return minor, currency


def moment(at: int) -> str:
    """Return seconds since 1970 as `2026-11-23T12:00:00+00:00`."""
    return datetime.fromtimestamp(at, UTC).isoformat()


def link(href: str, kind: str = "application/hal+json") -> Json:
    return {"href": href, "type": kind}


def listed(name: str, shown: Sequence[Json], *, url: str, next_from: str | None) -> Json:
    """Return a list of objects, with the address of its next page if there is one."""
    more = None if next_from is None else link(f"{url}?limit={max(len(shown), 1)}&from={next_from}")
    links: dict[str, Any] = {"self": link(url), "previous": None, "next": more}
    return {"count": len(shown), "_embedded": {name: list(shown)}, "_links": links}
