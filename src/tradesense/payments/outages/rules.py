"""When a provider is contained, and when it is used again. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from tradesense.payments.outages.model import Condition, Outage, Sighting

# Mission, "Recovery Process": detected by a payment success rate below 99.9 %.
SUCCESS_PER_MILLE_MIN = 999
WINDOW_S = 300  # as the alert on failing payments: 5 minutes
CALLS_MIN = 20  # one failure among fewer calls is no rate
RECOVERY_S = 10  # a contained provider must have answered well for this long ...
RECOVERY_CALLS = 3  # ... to as many calls as this ...
RECOVERY_S_MAX = 300  # ... and for longer each time it fails again ...
RELAPSE = timedelta(minutes=15)  # ... within this time

BREAKER_OPEN = "its breaker is open"
TOO_FEW_SUCCEED = "less than 99.9 % of the calls succeed"


def judge(outage: Outage, seen: Sighting, now: datetime) -> Outage | None:
    """Return how we stand to the provider from now on, None if nothing changes."""
    match outage.condition:
        case Condition.WELL:
            why = _trouble(seen)
            return None if why is None else _contained(outage, why, now)
        case Condition.CONTAINED:
            if not _is_well(seen, recovery_s(outage)):
                return None
            return replace(outage, condition=Condition.WELL, since=now)


def recovery_s(outage: Outage) -> int:
    """Return for how many seconds the provider must have been well before it is used again."""
    return min(RECOVERY_S_MAX, RECOVERY_S << min(outage.streak, 10))


def _trouble(seen: Sighting) -> str | None:
    if seen.nodes and 2 * seen.open_nodes >= seen.nodes:  # one bad node of many is its own trouble
        return BREAKER_OPEN
    succeeded = seen.calls - seen.failures
    if seen.calls >= CALLS_MIN and succeeded * 1000 < SUCCESS_PER_MILLE_MIN * seen.calls:
        return TOO_FEW_SUCCEED
    return None


def _is_well(seen: Sighting, for_s: int) -> bool:
    return seen.standing_s >= for_s and (
        seen.open_nodes == 0 and seen.recent_failures == 0 and seen.recent_calls >= RECOVERY_CALLS
    )


def _contained(outage: Outage, why: str, now: datetime) -> Outage:
    is_relapse = outage.number > 0 and now - outage.since < RELAPSE
    return replace(
        outage,
        condition=Condition.CONTAINED,
        number=outage.number + 1,
        streak=outage.streak + 1 if is_relapse else 0,
        why=why,
        since=now,
    )
