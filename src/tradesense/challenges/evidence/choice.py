"""Which entries and symbols belong to an account's evidence, and how it stands by them. Pure."""

from collections.abc import Sequence
from uuid import UUID

from tradesense.challenges.model import Terms
from tradesense.market import CLOCK
from tradesense.trail import Entry

DECISIONS = {"PhasePassed", "ChallengeFailed"}
FOLLOWING = {"ChallengePassed", "ChallengeFunded"}


def whole(entry: Entry, name: str) -> int:
    """Return a whole number that the entry states. Raises KeyError, TypeError or ValueError."""
    value = entry.data[name]
    if isinstance(value, str | int):  # integers beyond 2^53 are written as text
        return int(value)
    raise TypeError(f"{entry.kind} states {name} as {value!r}")


def until_seq_of(entries: Sequence[Entry], until_seq: int) -> list[Entry]:
    """Return the account's entries up to the price numbered `until_seq`."""
    return [entry for entry in entries if whole(entry, "price_seq") <= until_seq]


def until_decided(told: Sequence[Entry], account_id: UUID, until_seq: int) -> list[Entry]:
    """
    Return the challenge's entries up to the account's verdict and what follows from it at once.

    Without a verdict by the price numbered `until_seq`: all that was said by then. So the
    evidence of an ended account never changes, whatever its challenge does later.
    """
    chosen: list[Entry] = []
    decided = False
    for entry in told:
        is_later = "price_seq" in entry.data and whole(entry, "price_seq") > until_seq
        if is_later or (decided and entry.kind not in FOLLOWING):
            break
        chosen.append(entry)
        owner = entry.data.get("account_id")
        decided = decided or (entry.kind in DECISIONS and owner == str(account_id))
    return chosen


def status_by(entries: Sequence[Entry], decided: Sequence[Entry]) -> str:
    """Return how the account stands: running, passed, failed, revoked or closed."""
    kinds = {entry.kind for entry in entries}
    if "ChallengeRevoked" in {entry.kind for entry in decided}:
        return "revoked"
    if "GuardBreached" in kinds:
        return "failed"
    if "TargetReached" in kinds:
        return "passed"
    return "closed" if "AccountClosing" in kinds else "running"


def symbols_of(terms: Terms, entries: Sequence[Entry]) -> list[str]:
    """Return the clock, every symbol that was ordered, and those that convert them; sorted."""
    quoted_in = {each["symbol"]: each["quote"] for each in terms.data["instruments"]}
    named = {str(entry.data["symbol"]) for entry in entries if "symbol" in entry.data}
    ordered = named & quoted_in.keys()
    conversions = terms.data["conversions"]
    needed = {quoted_in[symbol] for symbol in ordered} & conversions.keys()
    return sorted({CLOCK} | ordered | {conversions[quote]["symbol"] for quote in needed})
