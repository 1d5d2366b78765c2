"""Stripe's way of saying no, of naming things and of listing them."""

import hashlib
from collections.abc import Sequence
from typing import Any

from tradesense.app.sandbox.store import Json

DOCS = "https://docs.stripe.com/error-codes"
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_LENGTH = 24  # as long as Stripe's own


class Refused(Exception):
    """An answer that is not 2xx, as Stripe's error object."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        is_kept: bool = False,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        # Stripe keeps an answer under the key only once the endpoint has begun its work.
        self.is_kept = is_kept
        self.error: Json = {"message": message, "type": kind}
        for name, value in details.items():
            if value is not None:
                self.error[name] = value
        if "code" in self.error:
            self.error["doc_url"] = f"{DOCS}#{self.error['code'].replace('_', '-')}"


def missing(what: str, object_id: str, *, param: str = "intent") -> Refused:
    """Return Stripe's 404 for `what`."""
    return Refused(
        404, f"No such {what}: '{object_id}'", code="resource_missing", param=param, is_kept=True
    )


def make_id(prefix: str, *names: str) -> str:
    """Return the id that follows from `names`: a run repeated meets the same ids."""
    number = int.from_bytes(hashlib.sha256("\0".join((prefix, *names)).encode()).digest())
    digits = []
    for _ in range(ID_LENGTH):
        number, digit = divmod(number, 62)
        digits.append(_BASE62[digit])
    return f"{prefix}_{''.join(digits)}"


def page(url: str, objects: Sequence[Json], *, limit: int, is_backwards: bool = False) -> Json:
    """Return a list object; `objects` holds one more than `limit` if there are more."""
    has_more = len(objects) > limit
    shown = objects[-limit:] if is_backwards else objects[:limit]
    return {"object": "list", "url": url, "has_more": has_more, "data": list(shown)}
