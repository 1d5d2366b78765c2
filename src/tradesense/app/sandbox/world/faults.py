"""
What goes wrong on demand: each fault waits for its target, strikes a few times, and is counted.

    answer_500, answer_503, answer_429, hang, reset, slow      before anything is done
    fail_after, hang_after, reset_after, cut_answer,
    die_before_answer                                          after it was done
    decline                                                    the card of a payment
    lose_webhook, delay_webhook, repeat_webhook, swap_webhooks,
    forge_webhook, skew_webhook                                a call to the platform

A target is a pattern with * and ?: of "POST /v1/refunds" for requests, of the payment's id for
`decline`, of the event's type for webhooks. Everything is bounded, so that no sandbox stays
broken; with a `chance` below 1 it follows from the `seed` alone when a fault strikes.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from tradesense.app.sandbox.store import Json, Store

REFUSING = ("answer_503", "answer_429", "hang", "reset", "slow")
BEFORE = ("answer_500", *REFUSING)
AFTER = ("fail_after", "hang_after", "reset_after", "cut_answer", "die_before_answer")
WEBHOOK = (
    "lose_webhook",
    "delay_webhook",
    "repeat_webhook",
    "swap_webhooks",
    "forge_webhook",
    "skew_webhook",
)
KINDS = (*BEFORE, *AFTER, "decline", *WEBHOOK)

TIMES_MAX = 10_000
DELAY_MAX_S = 120.0
SKEW_MAX_S = 86_400
BYTES_MAX = 1 << 20


class BadFault(Exception):
    """What is wrong with a fault that was asked for, and what would be right."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that strikes now."""

    kind: str
    delay_s: float = 0.0
    retry_after: str | None = None
    skew_s: int = 0
    after_bytes: int = 0
    code: str = "generic_decline"


def plant(store: Store, asked: Json) -> None:
    """
    Plant a fault: {"kind", "target", "times", and what the kind takes}. Raises BadFault.

    `delay_s` (hang: how long at most, default 120), `retry_after` (429; absent: no such header),
    `skew_s` (seconds that a signature's time is wrong), `after_bytes` (cut_answer), `code`
    (decline), `chance` and `seed`.
    """
    known = {"kind", "target", "times", "chance", "seed", *Fault.__dataclass_fields__}
    if unknown := set(asked) - known:
        raise BadFault(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")
    kind, target = asked.get("kind"), asked.get("target")
    if kind not in KINDS:
        raise BadFault(f"kind: one of {', '.join(KINDS)}")
    if not isinstance(target, str) or not target:
        raise BadFault("target: a pattern with * and ?")
    details = {
        "delay_s": _number(asked, "delay_s", 0.0, DELAY_MAX_S, DELAY_MAX_S),
        "skew_s": int(_number(asked, "skew_s", -SKEW_MAX_S, SKEW_MAX_S, 0)),
        "after_bytes": int(_number(asked, "after_bytes", 0, BYTES_MAX, 0)),
        "retry_after": None if asked.get("retry_after") is None else str(asked["retry_after"]),
        "code": str(asked.get("code", "generic_decline")),
        "chance": _number(asked, "chance", 0.0, 1.0, 1.0),
        "seed": int(_number(asked, "seed", 0, 2**63, 0)),
    }
    times = int(_number(asked, "times", 1, TIMES_MAX, 1))
    store.plant(str(kind), target, times, details)


def strike(store: Store, kinds: Sequence[str], target: str) -> Fault | None:
    """Return the fault that strikes `target` now, using up one of its times."""
    for planted in store.find_planted(kinds, target):
        details = dict(planted.details)
        chance, seed = float(details.pop("chance")), details.pop("seed")
        strikes = _fraction(f"{seed}:{planted.target}:{planted.met}") < chance
        store.note_met(planted.seq, is_used=strikes)
        if strikes:
            return Fault(planted.kind, **details)
    return None


def _fraction(text: str) -> float:
    """Return a number in [0, 1) that follows from `text`."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48


def _number(asked: Json, name: str, low: float, high: float, default: float) -> float:
    value = asked.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise BadFault(f"{name}: a number from {low} to {high}")
    return value
