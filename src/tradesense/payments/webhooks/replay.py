"""
The verbs of operators on the webhook inbox: list, show, have looked into again.

A replay keeps the event: nothing is received a second time. It is looked into as if it had just
come, so what it says is asked of the provider again, and what is settled already stays so.
"""

from collections.abc import Sequence
from datetime import datetime

from tradesense import trail
from tradesense.infra.db import Transaction
from tradesense.kernel.errors import Invalid, NotFound
from tradesense.payments.webhooks import store
from tradesense.payments.webhooks.inbox import stream_of
from tradesense.payments.webhooks.model import Attempt, Kept, Selection, WebhookReplayed
from tradesense.trail.model import Fact

REPLAY_MAX = 5_000  # at once: one transaction, and a quarter of an hour of asking the provider
LIST_MAX = 500
WHY_MAX = 500


class UnknownWebhook(NotFound):
    """The inbox has no such event."""

    code = "payments.unknown_webhook"


class BadSelection(Invalid):
    """It is not clear which webhooks are meant, or they are too many at once."""

    code = "payments.bad_webhook_selection"


async def list_webhooks(
    tx: Transaction, *, which: Selection, limit: int, after: str | None = None
) -> Sequence[Kept]:
    """
    Return webhooks, the newest first; `after` is the event id that the last page ended with.

    Raises BadSelection or UnknownWebhook (for `after`).
    """
    _check(which)
    if not 0 < limit <= LIST_MAX:
        raise BadSelection(f"a page has 1 to {LIST_MAX} webhooks, not {limit}")
    before = None
    if after is not None:
        before = await store.find_place(tx, after)
        if before is None:
            raise UnknownWebhook(f"no webhook {after[:100]!r} to go on after")
    return await store.list_kept(tx, which, limit=limit, before=before)


async def show_webhook(
    tx: Transaction, *, provider: str, event_id: str
) -> tuple[Kept, list[Attempt]]:
    """Return a webhook and every attempt to deliver it or look into it. Raises UnknownWebhook."""
    which = Selection(provider=provider, event_ids=(event_id,))
    found = await store.list_kept(tx, which, limit=1, before=None)
    if not found:
        raise UnknownWebhook(f"{provider} never sent a webhook {event_id[:100]!r}")
    entries = await trail.read_stream(tx, stream_of(event_id))
    return found[0], [Attempt(kind=e.kind, at=e.at, by=e.by, data=e.data) for e in entries]


async def replay_webhooks(
    tx: Transaction, *, which: Selection, why: str, by: str, now: datetime
) -> Sequence[str]:
    """
    Have webhooks looked into again, at once; return their event ids in the order they came.

    `why` goes on the trail with `by`. Raises BadSelection, and UnknownWebhook if an id that was
    said is not in the inbox; then none is replayed.
    """
    _check(which)
    if which == Selection(provider=which.provider):
        raise BadSelection("say which webhooks: by id, by kind, or since and until when")
    if not 0 < len(why.strip()) <= WHY_MAX:
        raise BadSelection(f"say why, in 1 to {WHY_MAX} characters: it goes on the trail")
    again = await store.replay(tx, which, limit=REPLAY_MAX + 1)
    if len(again) > REPLAY_MAX:
        raise BadSelection(f"more than {REPLAY_MAX:,} webhooks at once; take a shorter range")
    missing = sorted(set(which.event_ids) - {one.event_id for one in again})
    if missing:
        raise UnknownWebhook(f"not in the inbox, or not of the kind said: {', '.join(missing)}")
    await trail.record(
        tx,
        *(
            Fact(
                event=WebhookReplayed(one.provider, one.event_id, one.replays, why.strip()),
                stream=stream_of(one.event_id),
                at=now,
                by=by,
            )
            for one in again
        ),
    )
    return [one.event_id for one in again]


def _check(which: Selection) -> None:
    if which.since is not None and which.until is not None and which.since >= which.until:
        raise BadSelection(f"the range ends ({which.until}) before it begins ({which.since})")
    for kind in which.kinds:
        if not kind.removesuffix("*") or "*" in kind[:-1]:
            raise BadSelection(f"a kind is a name or a prefix and a star, not {kind[:100]!r}")
