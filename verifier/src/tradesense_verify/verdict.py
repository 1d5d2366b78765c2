"""The verdict: what the challenge's stream says about the account, and what it has to say."""

from collections.abc import Sequence
from typing import Any

from tradesense_verify.findings import Wrong
from tradesense_verify.log.entries import Entry
from tradesense_verify.rules.account import Account, Said, derived_id

PART = "verdict"
RUNNING, PASSED, FAILED, REVOKED = "running", "passed", "failed", "revoked"


def check_start(challenge: Sequence[Entry], account: Account, terms_sha256: str) -> None:
    """Check that the challenge was started with these terms. Raises Wrong."""
    started = challenge[0]
    if started.kind != "ChallengeStarted":
        raise Wrong("challenge.jsonl", f"{started} does not start a challenge")
    if started.data.get("terms_sha256") != terms_sha256:
        raise Wrong("terms.json", f"are not the terms sealed in {started}")
    if started.data.get("challenge_id") != account.challenge_id:
        raise Wrong("challenge.jsonl", f"{started} starts another challenge")


def check_verdict(challenge: Sequence[Entry], account: Account, outcome: Said | None) -> str:
    """
    Return running, passed, failed or revoked as worked out.

    Raises Wrong if the entries say otherwise.

    `outcome` is the breach or the target that the replay came upon, None if neither. Once a
    challenge is revoked nothing is judged any more, whatever its account came upon.
    """
    decisions = [
        entry
        for entry in challenge
        if entry.kind in {"PhasePassed", "ChallengeFailed"}
        and entry.data.get("account_id") == account.account_id
    ]
    if len(decisions) > 1:
        raise Wrong(PART, f"the account is judged twice: {decisions[0]} and {decisions[1]}")
    revoked = next((entry for entry in challenge if entry.kind == "ChallengeRevoked"), None)
    if revoked is not None and revoked.data.get("account_id") == account.account_id:
        if decisions:
            raise Wrong(PART, f"{decisions[0]} and {revoked}: an account has one end")
        return REVOKED
    if outcome is None:
        if decisions:
            raise Wrong(PART, f"{decisions[0]} judges an account that is still running")
        return RUNNING
    kind, expected = _expected(account, outcome)
    if not decisions:
        raise Wrong(PART, f"{kind} follows, but the challenge has no such entry")
    decided = decisions[0]
    if (decided.kind, decided.data) != (kind, expected):
        raise Wrong(PART, _difference(decided, kind, expected))
    if kind == "PhasePassed":
        _check_promotion(challenge, account, decided)
    return PASSED if kind == "PhasePassed" else FAILED


def _expected(account: Account, outcome: Said) -> tuple[str, dict[str, Any]]:
    kind, data = outcome
    terms = account.terms
    stated = {
        "challenge_id": account.challenge_id,
        "account_id": account.account_id,
        "phase": terms.phase,
        "currency": terms.currency,
        "price_seq": data["price_seq"],
    }
    if kind == "TargetReached":
        following = terms.phases[terms.phases.index(terms.phase) + 1]
        return "PhasePassed", stated | {
            "target_minor": data["target_minor"],
            "profit_minor": data["profit_minor"],
            "days_min": data["days_min"],
            "days": data["days_opened"],
            "next_phase": following,
            "next_account_id": derived_id(account.challenge_id, following),
        }
    limit = next(each for each in terms.limits if each.name == data["guard"])
    reference = data["reset_balance_minor"] if limit.follows_reset else terms.initial_minor
    return "ChallengeFailed", stated | {
        "rule": data["guard"],
        "reference_minor": reference,
        "floor_minor": data["floor_minor"],
        "equity_minor": data["value_minor"],
        "loss_permitted_minor": reference - data["floor_minor"],
        "loss_actual_minor": reference - data["value_minor"],
    }


def _check_promotion(challenge: Sequence[Entry], account: Account, decided: Entry) -> None:
    """Check that the last evaluation phase also passed the challenge and funded an account."""
    if decided.data["next_phase"] != account.terms.phases[-1]:
        return
    after = [entry for entry in challenge if entry.version > decided.version][:2]
    if [entry.kind for entry in after] != ["ChallengePassed", "ChallengeFunded"]:
        raise Wrong(PART, f"{decided} is not followed by ChallengePassed and ChallengeFunded")
    if after[1].data.get("account_id") != decided.data["next_account_id"]:
        raise Wrong(PART, f"{after[1]} funds another account than {decided} names")


def _difference(entry: Entry, kind: str, expected: dict[str, Any]) -> str:
    if entry.kind != kind:
        return f"{entry} stands where {kind} follows from prices and rules"
    fields = [
        f"{name} is {expected.get(name)!r} when worked out, {entry.data.get(name)!r} in the entry"
        for name in sorted(expected.keys() | entry.data.keys())
        if expected.get(name) != entry.data.get(name)
    ]
    return f"{entry}: {'; '.join(fields)}"
