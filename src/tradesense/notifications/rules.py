"""Which facts are told, to whom, and under which topic. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Whom(StrEnum):
    """How the person is found who is told."""

    BUYER = "buyer"  # by the fact's purchase
    TRADER = "trader"  # by the fact's challenge
    BUYERS_AT = "buyers_at"  # everybody with an open payment at the fact's provider


@dataclass(frozen=True, slots=True)
class Telling:
    """That facts of a kind are told to `whom` under `topic`."""

    topic: str
    whom: Whom

    @property
    def stream(self) -> str:
        """What the message's own stream begins with: an outage's notices are a kind apart."""
        return "notice" if self.whom is Whom.BUYERS_AT else "message"


TELLINGS = {
    "ProviderContained": Telling("payment.delayed", Whom.BUYERS_AT),
    "ProviderRestored": Telling("payment.resumed", Whom.BUYERS_AT),
    "PaymentHeld": Telling("payment.held", Whom.BUYER),
    "PurchaseActivated": Telling("challenge.started", Whom.BUYER),
    "PurchaseCancelled": Telling("purchase.cancelled", Whom.BUYER),
    "PurchaseFailed": Telling("purchase.failed", Whom.BUYER),
    "PurchaseRefunded": Telling("purchase.refunded", Whom.BUYER),
    "PaymentMismatched": Telling("payment.mismatched", Whom.BUYER),
    "PaymentReturned": Telling("payment.returned", Whom.BUYER),
    "PaymentRefunded": Telling("refund.sent", Whom.BUYER),
    "RefundFailed": Telling("refund.failed", Whom.BUYER),
    "DisputeOpened": Telling("dispute.opened", Whom.BUYER),
    "DisputeWon": Telling("dispute.won", Whom.BUYER),
    "DisputeLost": Telling("dispute.lost", Whom.BUYER),
    "DisputeReversed": Telling("dispute.reversed", Whom.BUYER),
    "ChallengeSuspended": Telling("challenge.suspended", Whom.TRADER),
    "ChallengeReinstated": Telling("challenge.reinstated", Whom.TRADER),
    "ChallengeRevoked": Telling("challenge.revoked", Whom.TRADER),
    "ChallengeFailed": Telling("challenge.failed", Whom.TRADER),
    "PhasePassed": Telling("challenge.phase_passed", Whom.TRADER),
    "PayoutFrozen": Telling("payout.frozen", Whom.TRADER),
    "PayoutRefused": Telling("payout.refused", Whom.TRADER),
    "PayoutSent": Telling("payout.sent", Whom.TRADER),
    "PayoutPaid": Telling("payout.paid", Whom.TRADER),
    "FeeRefunded": Telling("payout.fee_refunded", Whom.TRADER),
    "PayoutReturned": Telling("payout.returned", Whom.TRADER),
    "PayoutRestored": Telling("payout.restored", Whom.TRADER),
    "PayoutOwed": Telling("payout.owed", Whom.TRADER),
    "ResendSent": Telling("payout.sent", Whom.TRADER),
    "ResendPaid": Telling("payout.paid", Whom.TRADER),
    "ResendReturned": Telling("payout.owed", Whom.TRADER),
    "ChallengeFunded": Telling("challenge.funded", Whom.TRADER),
}
