"""What becomes of an entry that could not be applied. Pure: no I/O, no clock, no chance."""

from tradesense.bus.model import Wait
from tradesense.kernel.errors import OutcomeUnknown, Unavailable
from tradesense.trail.model import Entry

# Three tries after the first delivery outlast what passes by itself (a lock, a restart); what
# still fails after seven seconds is a defect, and a person must look.
PAUSES_S = (1.0, 2.0, 4.0)

# Something else is away: that says nothing about the entry, so it is asked again, uncounted.
UNAVAILABLE_PAUSE_S = 1.0

TROUBLE_MAX = 500


def after_failure(entry: Entry, error: Exception, before: Wait | None) -> Wait:
    """Return how the entry's stream waits after `error`; `before` is how it waited until now."""
    counted = before.tries if before is not None and before.version == entry.version else 0
    if isinstance(error, Unavailable | OutcomeUnknown):
        tries, retry_in_s = counted, UNAVAILABLE_PAUSE_S
        return _wait(entry, error, tries=tries, retry_in_s=retry_in_s)
    retry = PAUSES_S[counted] if counted < len(PAUSES_S) else None
    return _wait(entry, error, tries=counted + 1, retry_in_s=retry)


def is_dead(wait: Wait) -> bool:
    """Return whether only a person can let the stream go on."""
    return wait.retry_in_s is None


def _wait(entry: Entry, error: Exception, *, tries: int, retry_in_s: float | None) -> Wait:
    return Wait(
        stream=entry.stream,
        entry_id=entry.entry_id,
        version=entry.version,
        kind=entry.kind,
        tries=tries,
        retry_in_s=retry_in_s,
        trouble=f"{type(error).__name__}: {error}"[:TROUBLE_MAX],
    )
