"""How each promise of challenges is broken: one that runs, failed, passed a phase, was revoked."""

import json
from hashlib import sha256

from invariant_breaks.nouns import Break, Row, a, an_id, told

CHALLENGE, FIRST, SECOND = an_id(20), an_id(21), an_id(22)
TRADER, PURCHASE = an_id(2), an_id(10)
TERMS = b'{"plan": "10k"}'
SEALED_AS = sha256(TERMS).hexdigest()


def challenge(status: str = "running", **but: object) -> Row:
    made = {
        "id": CHALLENGE,
        "user_id": TRADER,
        "purchase_id": PURCHASE,
        "phase": "phase-1",
        "account_id": FIRST,
        "status": status,
        "terms": TERMS,
        "terms_sha256": SEALED_AS,
    }
    return a("challenges_challenges", **(made | but))


def command(number: int, kind: str, account: object = FIRST, **body: str) -> Row:
    return a("trading_commands", id=number, account_id=account, kind=kind, body=json.dumps(body))


def account(number: int, account_id: object, phase: str) -> tuple[Row, Row]:
    return (
        a("challenges_accounts", account_id=account_id, challenge_id=CHALLENGE, phase=phase),
        command(number, "open", account_id, terms_sha256=SEALED_AS),
    )


def verdict(outcome: str, number: int = 1) -> Row:
    return a("challenges_verdicts", id=number, account_id=FIRST, outcome=outcome, price_seq=7)


def judged(outcome: str, came: str, kind: str) -> tuple[Row, ...]:
    return (
        verdict(outcome),
        a("trading_outcomes", account_id=FIRST, kind=came, price_seq=7),
        told(f"challenge:{CHALLENGE}", kind, account_id=str(FIRST)),
    )


RUNNING = (challenge(), *account(1, FIRST, "phase-1"))
FAILED = (
    *(challenge("failed"), *account(1, FIRST, "phase-1")),
    *judged("failed", "breached", "ChallengeFailed"),
)
PASSED = (
    *(challenge(phase="phase-2", account_id=SECOND), *account(1, FIRST, "phase-1")),
    *account(2, SECOND, "phase-2"),
    *judged("passed", "passed", "PhasePassed"),
)
REVOKED = (
    *(challenge("revoked", revoked_for="refunded"), *account(1, FIRST, "phase-1")),
    command(2, "close_account", reason="refunded"),
)
SUSPENDED = (
    *(challenge(suspended_for="disputed"), *account(1, FIRST, "phase-1")),
    command(2, "halt", reason="disputed"),
)

BEGINS, TRADES = "a phase begins only after", "a challenge trades the account"
EXACTLY, FOLLOWED = "a challenge has failed exactly", "a passed account was followed"
ASKED, CAME_UPON = "every account of a challenge was asked", "a verdict is what the engine came"
CLOSED, HALTED = "the account of a revoked challenge", "an account was asked to halt"
HASH, ON_TRAIL = "the terms are what their hash", "every verdict is on the trail"

BREAKS = (
    Break("an account has at most one verdict", FAILED, verdict("failed", 2), also=(ON_TRAIL,)),
    Break(
        BEGINS,
        PASSED,
        "UPDATE challenges_accounts SET phase = 'funded'"
        " WHERE phase = 'phase-2'; UPDATE challenges_challenges SET phase = 'funded'",
    ),
    Break(TRADES, RUNNING, "UPDATE challenges_challenges SET phase = 'phase-2'"),
    Break(TRADES, RUNNING, f"UPDATE challenges_accounts SET challenge_id = '{SECOND}'"),
    Break(EXACTLY, RUNNING, "UPDATE challenges_challenges SET status = 'failed'"),
    Break(EXACTLY, FAILED, "UPDATE challenges_challenges SET status = 'running'"),
    Break(
        FOLLOWED,
        PASSED,
        f"UPDATE challenges_challenges SET phase = 'phase-1', account_id = '{FIRST}'",
    ),
    Break(HASH, RUNNING, "UPDATE challenges_challenges SET terms = 'others'"),
    Break(ASKED, RUNNING, "UPDATE trading_commands SET body = '{}'"),
    Break(ASKED, RUNNING, "DELETE FROM trading_commands"),
    Break(CAME_UPON, FAILED, "UPDATE trading_outcomes SET price_seq = 8"),
    Break(CAME_UPON, FAILED, "UPDATE trading_outcomes SET kind = 'passed'"),
    Break(CAME_UPON, FAILED, "DELETE FROM trading_outcomes"),
    Break(CAME_UPON, RUNNING, a("trading_outcomes", account_id=FIRST, kind="passed")),
    Break(CLOSED, REVOKED, "DELETE FROM trading_commands WHERE kind = 'close_account'"),
    Break(CLOSED, REVOKED, "UPDATE challenges_challenges SET revoked_for = 'lost'"),
    Break(
        "no verdict follows a revocation",
        REVOKED,
        verdict("failed"),
        also=(ON_TRAIL, CAME_UPON, EXACTLY),
    ),
    Break(HALTED, RUNNING, "UPDATE challenges_challenges SET suspended_for = 'disputed'"),
    Break(HALTED, RUNNING, command(2, "halt", reason="disputed")),
    Break(HALTED, SUSPENDED, command(3, "resume")),
    Break(ON_TRAIL, FAILED, "DELETE FROM trail_entries"),
)
