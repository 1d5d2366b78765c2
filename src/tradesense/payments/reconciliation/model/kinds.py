"""Everything that may differ between the books, the provider and the bank: what it means."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How soon somebody should look: money is wrong, or only unexplained."""

    CRITICAL = "critical"
    WARNING = "warning"


class DifferenceKind(StrEnum):
    MISSING_AT_PROVIDER = "missing_at_provider"
    MISSING_IN_OUR_BOOKS = "missing_in_our_books"
    AMOUNT_DIFFERS = "amount_differs"
    CURRENCY_DIFFERS = "currency_differs"
    DUPLICATE_AT_PROVIDER = "duplicate_at_provider"
    DUPLICATE_IN_OUR_BOOKS = "duplicate_in_our_books"
    UNKNOWN_ORDER = "unknown_order"
    STRANGERS_CHARGE = "strangers_charge"
    REFUND_MISSING_AT_PROVIDER = "refund_missing_at_provider"
    REFUND_MISSING_IN_OUR_BOOKS = "refund_missing_in_our_books"
    REFUND_AMOUNT_DIFFERS = "refund_amount_differs"
    DASHBOARD_REFUND = "dashboard_refund"
    FAILED_REFUND_BOOKED = "failed_refund_booked"
    DISPUTE_UNKNOWN = "dispute_unknown"
    DISPUTE_MISSING_AT_PROVIDER = "dispute_missing_at_provider"
    DISPUTE_AMOUNT_DIFFERS = "dispute_amount_differs"
    DISPUTE_REVERSAL_MISSING = "dispute_reversal_missing"
    FEE_NOT_BOOKED = "fee_not_booked"
    FEE_DIFFERS = "fee_differs"
    ADJUSTMENT_UNEXPLAINED = "adjustment_unexplained"
    PAYOUT_NOT_BOOKED = "payout_not_booked"
    PAYOUT_MISSING_AT_BANK = "payout_missing_at_bank"
    PAYOUT_AMOUNT_DIFFERS = "payout_amount_differs"
    PAYOUT_RETURNED = "payout_returned"
    BANK_CREDIT_UNKNOWN = "bank_credit_unknown"
    BANK_DEBIT_UNKNOWN = "bank_debit_unknown"
    BANK_LINE_DOUBLED = "bank_line_doubled"
    TRANSFER_WITHOUT_RECORD = "transfer_without_record"
    RECORD_WITHOUT_TRANSFER = "record_without_transfer"
    TRANSFER_DIFFERS = "transfer_differs"
    MOVEMENT_CHANGED = "movement_changed"
    MOVEMENT_VANISHED = "movement_vanished"
    CLEARING_DOES_NOT_AGE = "clearing_does_not_age"
    BALANCES_DIFFER = "balances_differ"


@dataclass(frozen=True, slots=True)
class Meaning:
    """A kind in one sentence, how grave it is, and what usually resolves it."""

    sentence: str
    severity: Severity
    suggestion: str


_WRONG, _ODD = Severity.CRITICAL, Severity.WARNING
_K = DifferenceKind

MEANINGS: dict[DifferenceKind, Meaning] = {
    _K.MISSING_AT_PROVIDER: Meaning(
        "We booked a payment that the provider's books do not show.",
        _WRONG,
        "Look the payment up at the provider; if it was never paid, reverse what we booked.",
    ),
    _K.MISSING_IN_OUR_BOOKS: Meaning(
        "The provider took money for a payment of ours that we have not settled.",
        _WRONG,
        "Fetch the payment and settle it: it is honoured, or it goes back.",
    ),
    _K.AMOUNT_DIFFERS: Meaning(
        "A payment was booked with another amount than the provider took.",
        _WRONG,
        "Trust the provider's amount; correct the books by a transfer, refund what is too much.",
    ),
    _K.CURRENCY_DIFFERS: Meaning(
        "A payment was booked in another currency than the provider took.",
        _WRONG,
        "Reverse what we booked, settle again what was received.",
    ),
    _K.DUPLICATE_AT_PROVIDER: Meaning(
        "The provider shows the same charge or refund twice.",
        _WRONG,
        "Refund the second charge, or ask the provider to take the second refund back.",
    ),
    _K.DUPLICATE_IN_OUR_BOOKS: Meaning(
        "One thing at the provider stands twice in our books.",
        _WRONG,
        "Reverse the second transfer.",
    ),
    _K.UNKNOWN_ORDER: Meaning(
        "Money was taken for a payment id that we do not know.",
        _WRONG,
        "Look whether another instance shares the account or a restore lost it; else refund.",
    ),
    _K.STRANGERS_CHARGE: Meaning(
        "Money was taken in our account by something that is not this platform.",
        _WRONG,
        "Find out who holds a key of the account; refund, or book it where it belongs.",
    ),
    _K.REFUND_MISSING_AT_PROVIDER: Meaning(
        "We booked a refund that the provider's books do not show.",
        _WRONG,
        "Look the refund up at the provider; if it was never sent, send it or reverse it.",
    ),
    _K.REFUND_MISSING_IN_OUR_BOOKS: Meaning(
        "The provider sent a refund that we decided but never booked.",
        _WRONG,
        "Let the refund be asked about again; it is booked when the provider says it is done.",
    ),
    _K.REFUND_AMOUNT_DIFFERS: Meaning(
        "A refund was booked with another amount than the provider sent.",
        _WRONG,
        "Trust the provider's amount; correct the books by a transfer.",
    ),
    _K.DASHBOARD_REFUND: Meaning(
        "Money was sent back that nobody decided here, such as from the provider's dashboard.",
        _WRONG,
        "Fetch the payment and settle it, so that the refund is booked; ask who made it.",
    ),
    _K.FAILED_REFUND_BOOKED: Meaning(
        "A refund came back to the provider, but our books say it was sent.",
        _WRONG,
        "Reverse the transfer; send the money to the buyer in another way.",
    ),
    _K.DISPUTE_UNKNOWN: Meaning(
        "The provider took money back for a dispute that we do not know.",
        _WRONG,
        "Fetch the payment and settle it, so that the dispute is booked and answered in time.",
    ),
    _K.DISPUTE_MISSING_AT_PROVIDER: Meaning(
        "We booked a dispute that the provider's books do not show.",
        _WRONG,
        "Look the dispute up at the provider; reverse what we booked.",
    ),
    _K.DISPUTE_AMOUNT_DIFFERS: Meaning(
        "A dispute was booked with another amount than the provider took.",
        _WRONG,
        "Trust the provider's amount; correct the books by a transfer.",
    ),
    _K.DISPUTE_REVERSAL_MISSING: Meaning(
        "One side says that the money of a dispute came back, the other does not.",
        _WRONG,
        "Look the dispute up at the provider, and settle the payment again.",
    ),
    _K.FEE_NOT_BOOKED: Meaning(
        "The provider took a fee that is not in our books.",
        _WRONG,
        "Run again; if its currency or period is closed to us, post it by hand.",
    ),
    _K.FEE_DIFFERS: Meaning(
        "A fee was booked with another amount than the provider shows now.",
        _WRONG,
        "Post the difference to the provider's fees.",
    ),
    _K.ADJUSTMENT_UNEXPLAINED: Meaning(
        "The provider changed our balance for a reason that we do not know.",
        _ODD,
        "Read the provider's note; move it from unapplied to where it belongs.",
    ),
    _K.PAYOUT_NOT_BOOKED: Meaning(
        "A payout or an adjustment of the provider is not in our books as it is shown.",
        _WRONG,
        "Run again; if it is still there, post it by hand.",
    ),
    _K.PAYOUT_MISSING_AT_BANK: Meaning(
        "The provider paid out, and our bank statements do not show it.",
        _WRONG,
        "Give the provider the trace number; look for it under another text.",
    ),
    _K.PAYOUT_AMOUNT_DIFFERS: Meaning(
        "A payout arrived at the bank with another amount than it left the provider.",
        _WRONG,
        "Look for the bank's charge; book it as a fee.",
    ),
    _K.PAYOUT_RETURNED: Meaning(
        "A payout came back to the provider.",
        _ODD,
        "Correct the bank account that the provider pays to, and pay out again.",
    ),
    _K.BANK_CREDIT_UNKNOWN: Meaning(
        "Money came to the bank that nobody has explained.",
        _ODD,
        "Match the line to a payment or a payout; else send it back.",
    ),
    _K.BANK_DEBIT_UNKNOWN: Meaning(
        "Money left the bank that no order of ours explains, and no charge of the bank's.",
        _WRONG,
        "Call the bank: if it is its charge, propose the line as a fee; else have it taken back.",
    ),
    _K.BANK_LINE_DOUBLED: Meaning(
        "The bank shows one transfer a second time, under another number of its own.",
        _WRONG,
        "Ask the bank: it takes the second line back, or these are two transfers; match it then.",
    ),
    _K.TRANSFER_WITHOUT_RECORD: Meaning(
        "A transfer moves a provider's clearing account, and no payment, refund or fee says why.",
        _WRONG,
        "Reverse it, or say here what it is.",
    ),
    _K.RECORD_WITHOUT_TRANSFER: Meaning(
        "A payment, refund or dispute has no transfer that stands in the ledger.",
        _WRONG,
        "Post what is missing; run the invariants: this cannot come about by itself.",
    ),
    _K.TRANSFER_DIFFERS: Meaning(
        "A transfer has another amount than the payment, refund or dispute that it belongs to.",
        _WRONG,
        "Correct the books by a transfer; run `trail verify`: this cannot come about by itself.",
    ),
    _K.MOVEMENT_CHANGED: Meaning(
        "The provider changed a line of its books after we had seen it.",
        _ODD,
        "Ask the provider why; accept it if both sides still agree.",
    ),
    _K.MOVEMENT_VANISHED: Meaning(
        "A line that we have seen is no longer in the provider's books.",
        _WRONG,
        "Ask the provider why; reverse what was booked from it.",
    ),
    _K.CLEARING_DOES_NOT_AGE: Meaning(
        "Money stands on a provider's clearing account for longer than payouts take.",
        _ODD,
        "Look whether the provider holds payouts back.",
    ),
    _K.BALANCES_DIFFER: Meaning(
        "The provider's balance is not our clearing balance, and nothing looked at explains it.",
        _WRONG,
        "Run over a longer time (`--since`): something older was added, changed or removed.",
    ),
}
