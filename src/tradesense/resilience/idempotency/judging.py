"""
What to do about a request, by what is found under its key. Pure.

    found                       same payload        other payload
    nothing                     FIRST               FIRST
    an answer, in its day       REPLAY              MISMATCH
    an answer, past its day     EXPIRED             EXPIRED
    a claim, leased             CONFLICT            MISMATCH
    a claim, lease run out      TAKEOVER            MISMATCH

A claim without an answer never expires: what it began elsewhere may have happened, so whoever
comes next takes it over and asks, however late. Only who holds the key's lock may act on
anything but REPLAY and MISMATCH; to everybody else it is CONFLICT.
"""

from dataclasses import dataclass
from enum import StrEnum

from tradesense.kernel.errors import Conflict, Invalid


class Finding(StrEnum):
    """What a request turned out to be."""

    FIRST = "first"
    REPLAY = "replay"
    CONFLICT = "conflict"
    MISMATCH = "mismatch"
    TAKEOVER = "takeover"
    EXPIRED = "expired"


class KeyReused(Invalid):
    """The key has been used for another request."""

    code = "idempotency.key_reused"


class StillServed(Conflict):
    """The first request under this key has not been answered yet; ask again."""

    code = "idempotency.still_served"

    def __init__(self, *, retry_after_s: float = 1.0) -> None:
        super().__init__("the first request with this key is still being served; ask again")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is kept under a key, judged by the store's clock."""

    digest: bytes
    is_answered: bool
    is_expired: bool
    is_leased: bool


def judge(found: Claim | None, digest: bytes, *, is_locked: bool) -> Finding:
    """Return what a request with `digest` is; `is_locked`: nobody else acts on its key now."""
    finding = _judge(found, digest)
    if not is_locked and finding not in {Finding.REPLAY, Finding.MISMATCH}:
        return Finding.CONFLICT
    return finding


def _judge(found: Claim | None, digest: bytes) -> Finding:
    match found:
        case None:
            return Finding.FIRST
        case Claim(is_answered=True, is_expired=True):
            return Finding.EXPIRED
        case Claim() if found.digest != digest:
            return Finding.MISMATCH
        case Claim(is_answered=True):
            return Finding.REPLAY
        case Claim(is_leased=True):
            return Finding.CONFLICT
        case _:
            return Finding.TAKEOVER
