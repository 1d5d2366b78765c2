"""One request as its endpoint sees it: what is asked, when, under which name."""

import hmac
from dataclasses import dataclass
from typing import Any

from tradesense.app.sandbox.store import Json, Store
from tradesense.app.sandbox.stripe.answers import make_id, missing, page
from tradesense.app.sandbox.stripe.forms import Params, check, integer, moments, text, texts
from tradesense.app.sandbox.world.cards import Declines

PAGE_DEFAULT = 10
PAGE_MAX = 100
_PREFIXES = {
    "pi": "payment_intent",
    "ch": "charge",
    "re": "refund",
    "evt": "event",
    "txn": "balance_transaction",
    "cs": "checkout.session",
    "dp": "dispute",
    "po": "payout",
}
_LIST_PARAMS = {
    "limit": integer(1, PAGE_MAX),
    "starting_after": text,
    "ending_before": text,
    "created": moments,
    "expand": texts,
}


def _nobody(_: str) -> None:
    """Decline nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`seed` is the idempotency key, or chance: every id made by the call follows from it."""

    store: Store
    params: Params
    now: int
    seed: str
    idempotency_key: str | None
    request_id: str
    signing_key: bytes
    pay_base: str
    declines: Declines = _nobody

    def new_id(self, prefix: str) -> str:
        return make_id(prefix, self.seed)

    def secret_of(self, object_id: str) -> str:
        """Return what only whoever was told may know; it does not follow from public names."""
        return hmac.digest(self.signing_key, object_id.encode(), "sha256").hex()[:25]

    def get(self, kind: str, object_id: str, *, param: str) -> Json:
        """Return an object. Raises Refused with Stripe's 404."""
        found = self.store.find(kind, object_id)
        if found is None:
            raise missing(kind, object_id, param=param)
        return found

    def emit(self, event_type: str, subject: Json, *, unique: str = "") -> None:
        """Tell the platform what has happened to `subject`; `unique` tells repetitions apart."""
        event: Json = {
            "id": make_id("evt", event_type, subject["id"], unique),
            "object": "event",
            "api_version": None,
            "created": self.now,
            "data": {"object": subject},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": self.request_id, "idempotency_key": self.idempotency_key},
            "type": event_type,
        }
        self.store.enqueue(event, at=float(self.now))

    def list_of(self, kind: str, url: str, **filters: Any) -> Json:
        """Return a page of objects, newest first, as the parameters ask for."""
        asked = check(self.params, {**_LIST_PARAMS, **dict.fromkeys(filters, text)})
        limit = asked.get("limit", PAGE_DEFAULT)
        for bound in ("starting_after", "ending_before"):
            if bound in asked:
                self.get(kind, asked[bound], param=bound)
        found = self.store.list_page(
            kind,
            limit=limit + 1,
            equal={filters[name]: asked[name] for name in filters if name in asked},
            created=asked.get("created", {}),
            after=asked.get("starting_after"),
            before=asked.get("ending_before"),
        )
        is_backwards = "ending_before" in asked and "starting_after" not in asked
        return page(url, found, limit=limit, is_backwards=is_backwards)


def expand(store: Store, body: Json, paths: list[str]) -> Json:
    """Return `body` with the ids at `paths` replaced by the objects they name."""
    for path in paths:
        _expand(store, body, path.split("."))
    return body


def _expand(store: Store, body: Any, path: list[str]) -> None:
    if isinstance(body, list):
        for item in body:
            _expand(store, item, path)
        return
    field, *rest = path
    value = body.get(field) if isinstance(body, dict) else None
    if isinstance(value, str) and value.partition("_")[0] in _PREFIXES:
        value = store.find_any(value)
        body[field] = value
    if rest and value is not None:
        _expand(store, value, rest)
