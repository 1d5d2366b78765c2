"""How what stands still is shown to a machine; a saga's data may hold secrets and is not."""

from collections.abc import Iterable
from typing import Any

from tradesense.bus import DeadLetter
from tradesense.kernel.instants import rfc3339
from tradesense.sagas import Parked, Saga
from tradesense.trail.model import Entry


def show_letter(letter: DeadLetter) -> dict[str, Any]:
    """Return a dead letter; `replayed_at` says that it is on its way again."""
    replayed_at = letter.replayed_at
    return {
        "entry_id": letter.entry_id,
        "consumer": letter.consumer,
        "stream": letter.stream,
        "version": letter.version,
        "kind": letter.kind,
        "trouble": letter.trouble,
        "died_at": rfc3339(letter.died_at),
        "replayed_at": None if replayed_at is None else rfc3339(replayed_at),
    }


def show_parked(parked: Parked) -> dict[str, Any]:
    """Return a parked saga, and since when it waits."""
    return {**show_saga(parked.saga), "parked_at": rfc3339(parked.since)}


def show_saga(saga: Saga, told: Iterable[Entry] | None = None) -> dict[str, Any]:
    """Return how a saga stands, and what was told of it, if that is given."""
    shown = {
        "saga_id": str(saga.id),
        "kind": saga.kind,
        "version": saga.version,
        "state": saga.state.value,
        "position": saga.position,
        "tries": saga.tries,
        "reason": saga.reason,
        "trouble": saga.trouble,
        "parked_from": None if saga.parked_from is None else saga.parked_from.value,
        "waits_for": saga.waits_for,
        "due_at": None if saga.due_at is None else rfc3339(saga.due_at),
    }
    if told is None:
        return shown
    return {**shown, "told": [_told(entry) for entry in told]}


def _told(entry: Entry) -> dict[str, Any]:
    return {"at": rfc3339(entry.at), "kind": entry.kind, "by": entry.by, "data": entry.data}
