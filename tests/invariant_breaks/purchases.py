"""How each promise of purchases, and of what buyers are told, is broken."""

import json

from invariant_breaks.challenges import CHALLENGE, REVOKED, RUNNING, TRADER
from invariant_breaks.ledger import transfer
from invariant_breaks.nouns import Break, Row, a, an_id, told
from invariant_breaks.payments import (
    CLEARING,
    DEFERRED,
    HONOURED,
    LOST_FIRST,
    PAID,
    PRICE,
    PURCHASE,
    dispute,
    payment,
    refund,
)


def purchase(status: str, saga: str, ending: str) -> tuple[Row, ...]:
    return (
        a("purchases_purchases", id=PURCHASE, user_id=TRADER, status=status, **PRICE),
        a("saga_instances", id=PURCHASE, kind="purchase", state=saga),
        told(f"saga:{PURCHASE}", ending),
    )


def refunded(**but: object) -> tuple[Row, ...]:
    gone = transfer(2, DEFERRED, CLEARING)
    return (*HONOURED, *gone, refund(100, "succeeded", transfer_id=an_id(2), **but))


ENDED = purchase("active", "completed", "SagaCompleted")
ACTIVE = (*PAID, *RUNNING, *ENDED)
JUST_REFUNDED = (*refunded(ended_at="2114-05-02Z"), payment("refunded"), *RUNNING, *ENDED)
JUST_LOST = (
    *(*HONOURED, payment("lost"), *RUNNING, *ENDED),
    dispute("lost", recorded_at="2114-05-02Z"),
)
GIVEN_UP = (
    *(*refunded(), payment("refunded")),
    *purchase("refunded", "compensated", "SagaCompensated"),
)
TAKEN_AWAY = (
    *(*refunded(), payment("refunded"), *REVOKED),
    *purchase("revoked", "completed", "SagaCompleted"),
)
LOST_FIRST_REVOKED = (
    *(*LOST_FIRST, *REVOKED),
    *purchase("revoked", "completed", "SagaCompleted"),
)
UNREFUNDED = "DELETE FROM payments_refunds; UPDATE payments_payments SET status = 'succeeded'"

HAS_ONE, SETTLED = "an active purchase has its challenge", "no challenge is bought without"
ENDS, A_MINUTE = "a paid purchase ends with one", "a challenge that runs has not been refunded"
GONE, SAGA = "a challenge was revoked only if", "each purchase has its saga"

PURCHASES = (
    Break(HAS_ONE, ACTIVE, "DELETE FROM challenges_challenges"),
    Break(HAS_ONE, ACTIVE, "UPDATE purchases_purchases SET status = 'paid'", also=(SAGA,)),
    Break(SETTLED, ACTIVE, "UPDATE payments_payments SET earned = false"),
    Break(SETTLED, ACTIVE, "UPDATE purchases_purchases SET amount_minor = 99"),
    Break(SETTLED, ACTIVE, f"UPDATE payments_payments SET purchase_id = '{an_id(9)}'"),
    Break(ENDS, GIVEN_UP, "UPDATE purchases_purchases SET status = 'failed'"),
    Break(ENDS, GIVEN_UP, UNREFUNDED),
    Break(
        A_MINUTE,
        JUST_REFUNDED,
        "UPDATE payments_refunds SET ended_at = clock_timestamp() - interval '61 seconds'",
    ),
    Break(
        A_MINUTE,
        JUST_LOST,
        "UPDATE payments_disputes SET recorded_at = clock_timestamp() - interval '61 seconds'",
    ),
    Break(GONE, TAKEN_AWAY, UNREFUNDED),
    Break(GONE, LOST_FIRST_REVOKED, "UPDATE payments_disputes SET reversal_id = NULL"),
    Break(SAGA, ACTIVE, "DELETE FROM saga_instances"),
    Break(SAGA, ACTIVE, "UPDATE saga_instances SET kind = 'payout'"),
    Break(SAGA, GIVEN_UP, "UPDATE purchases_purchases SET status = 'paid'"),
)


def message(**about: object) -> Row:
    named = json.dumps({name: str(subject) for name, subject in about.items()})
    return a("notifications_messages", user_id=TRADER, data=named)


ABOUT_PURCHASE = (*ACTIVE, message(purchase_id=PURCHASE))
ABOUT_CHALLENGE = (*RUNNING, message(challenge_id=CHALLENGE))
TO_ANOTHER = f"UPDATE notifications_messages SET user_id = '{an_id(9)}'"
NOTIFICATIONS = (
    Break("nobody is told about another's purchase", ABOUT_PURCHASE, TO_ANOTHER),
    Break("nobody is told about another's challenge", ABOUT_CHALLENGE, TO_ANOTHER),
)
