"""
Challenges: what a trader must achieve, and how we judge it.

Owns     the tables `challenges_challenges`, `challenges_accounts`, `challenges_verdicts`.
Promises terms never change once sealed; an account receives at most one verdict that stands;
         a failed or revoked challenge never trades again (see `invariants`).
Speaks   ChallengeStarted, PhasePassed, ChallengePassed, ChallengeFunded, ChallengeFailed,
         ChallengeSuspended, ChallengeReinstated, ChallengeRevoked, on "challenge:<id>".
"""

from tradesense.challenges.evidence import NotYetSealed, evidence_of
from tradesense.challenges.model import (
    Challenge,
    ChallengeFailed,
    ChallengeFunded,
    ChallengePassed,
    ChallengeReinstated,
    ChallengeRevoked,
    ChallengeStarted,
    ChallengeStatus,
    ChallengeSuspended,
    Outcome,
    PayoutRules,
    PhasePassed,
    Plan,
    RevokedFor,
    SuspendedFor,
    Terms,
    Verdict,
)
from tradesense.challenges.rules import payout_rules_of
from tradesense.challenges.service import (
    AlreadyJudged,
    AlreadyStarted,
    UnknownAccount,
    UnknownChallenge,
    UnknownPlan,
    conclude,
    get,
    get_plan,
    list_plans,
    reinstate,
    reset_schedules,
    revoke,
    seal_terms,
    start,
    suspend,
)
from tradesense.challenges.standing import FloorStanding, Standing, get_standing
from tradesense.challenges.store import (
    find_by_account,
    find_trader,
    find_verdict,
    list_accounts,
    list_by_user,
)

__all__ = [
    "AlreadyJudged",
    "AlreadyStarted",
    "Challenge",
    "ChallengeFailed",
    "ChallengeFunded",
    "ChallengePassed",
    "ChallengeReinstated",
    "ChallengeRevoked",
    "ChallengeStarted",
    "ChallengeStatus",
    "ChallengeSuspended",
    "FloorStanding",
    "NotYetSealed",
    "Outcome",
    "PayoutRules",
    "PhasePassed",
    "Plan",
    "RevokedFor",
    "Standing",
    "SuspendedFor",
    "Terms",
    "UnknownAccount",
    "UnknownChallenge",
    "UnknownPlan",
    "Verdict",
    "conclude",
    "evidence_of",
    "find_by_account",
    "find_trader",
    "find_verdict",
    "get",
    "get_plan",
    "get_standing",
    "list_accounts",
    "list_by_user",
    "list_plans",
    "payout_rules_of",
    "reinstate",
    "reset_schedules",
    "revoke",
    "seal_terms",
    "start",
    "suspend",
]
