"""The verbs of operations. Each takes the caller's transaction and never commits it."""

from dataclasses import replace
from datetime import datetime

from tradesense import trail
from tradesense.infra import policies
from tradesense.infra.db import Transaction
from tradesense.kernel.errors import Invalid, NotFound
from tradesense.kernel.events import Event
from tradesense.operations import store
from tradesense.operations.model import (
    BreakerClosed,
    BreakerDisabled,
    BreakerForcedOpen,
    BreakerWatched,
    Directive,
    Wanted,
)
from tradesense.trail.model import Fact

WHY_MAX = 500
FOR_MAX_S = 30 * 86_400  # who wants it for longer changes the settings

list_directives = store.list_directives


class UnknownBreaker(NotFound):
    """There is no policy of this name; the message lists those there are."""

    code = "operations.unknown_breaker"


class NoBreaker(Invalid):
    """The policy guards by other means than a breaker."""

    code = "operations.no_breaker"


class WhyMissing(Invalid):
    """No reason was given, or one that nobody would read."""

    code = "operations.why_missing"


class BadDuration(Invalid):
    """A directive cannot hold for so long."""

    code = "operations.bad_duration"


async def direct(
    tx: Transaction,
    *,
    policy: str,
    state: Wanted,
    why: str,
    by: str,
    for_s: int | None = None,
    now: datetime,
) -> Directive:
    """
    Decide about the breaker of `policy`, in place of what was decided before, and return that.

    It holds `for_s` seconds of the database's time, or until the next decision. Raises
    UnknownBreaker, NoBreaker, WhyMissing, BadDuration; then nothing has changed.
    """
    _require_breaker(policy)
    reason = require_reason(why)
    if for_s is not None and (state is Wanted.CLOSE or not 0 < for_s <= FOR_MAX_S):
        raise BadDuration(
            f"a breaker is forced open, disabled or watched for 1 to {FOR_MAX_S} seconds, or "
            "without end; closing it is for good"
        )
    wanted = Directive(
        policy=policy, version=0, state=state, why=reason, by=by, at=now, left_s=for_s
    )
    version = await store.put_directive(tx, wanted, for_s=for_s, now=now)
    event = _event(wanted, for_s)
    await trail.record(tx, Fact(event=event, stream=f"breaker:{policy}", at=now, by=by))
    return replace(wanted, version=version)


def _require_breaker(policy: str) -> None:
    if policy == policies.DATABASE:
        raise NoBreaker(
            "the database has no breaker: without it nobody could read what you decide; when it is "
            "busy, it serves by priority"
        )
    if policy not in policies.BREAKERS:
        raise UnknownBreaker(f"there is no breaker {policy!r}: {', '.join(policies.BREAKERS)}")


def require_reason(why: str) -> str:
    """Return the reason as it is kept. Raises WhyMissing."""
    reason = why.strip()
    if not reason or len(reason) > WHY_MAX or not reason.isprintable():
        raise WhyMissing(f"say why, in 1 to {WHY_MAX} characters on one line: others will ask")
    return reason


def _event(wanted: Directive, for_s: int | None) -> Event:
    match wanted.state:
        case Wanted.FORCE_OPEN:
            return BreakerForcedOpen(wanted.policy, wanted.why, for_s)
        case Wanted.DISABLE:
            return BreakerDisabled(wanted.policy, wanted.why, for_s)
        case Wanted.WATCH_ONLY:
            return BreakerWatched(wanted.policy, wanted.why, for_s)
        case Wanted.CLOSE:
            return BreakerClosed(wanted.policy, wanted.why)
