"""What a message says, in words: one sentence for the list, and what it means for the reader."""

from collections.abc import Mapping
from dataclasses import dataclass

from tradesense.kernel.canonical import JsonValue
from tradesense.kernel.money import MINOR_DIGITS, Money


@dataclass(frozen=True, slots=True)
class Words:
    subject: str
    text: str


_WORDS = {
    "payment.delayed": Words(
        "Your payment is delayed",
        "The payment provider is having trouble. Your order is safe and nothing is charged "
        "twice. You may wait, or choose another way to pay.",
    ),
    "payment.held": Words(
        "Your payment waits",
        "No payment provider can be reached at this moment. Your order is safe; you can pay as "
        "soon as one is back.",
    ),
    "payment.resumed": Words(
        "You can pay again", "The payment provider is back; your order is where you left it."
    ),
    "challenge.started": Words(
        "Your challenge has started", "We have received your payment. Good luck."
    ),
    "purchase.cancelled": Words(
        "Your order was cancelled", "It was not paid in time. Nothing was charged."
    ),
    "purchase.failed": Words(
        "Your order could not be paid", "The payment did not go through; you may order again."
    ),
    "purchase.refunded": Words(
        "Your order was refunded", "The money is on its way back to where it came from."
    ),
    "payment.mismatched": Words(
        "Another amount came than you ordered for",
        "We received {amount} and send all of it back; please order again.",
    ),
    "payment.returned": Words(
        "A payment came late or twice",
        "We received {amount} that no order was waiting for, and send it back.",
    ),
    "refund.sent": Words("A refund was sent", "{amount} are on their way back to you."),
    "refund.failed": Words(
        "A refund did not arrive",
        "Your bank did not take the money. We are looking into it; you need not do anything.",
    ),
    "dispute.opened": Words(
        "Your bank disputes your payment",
        "Your challenge is suspended until the dispute is decided: no new orders, and your "
        "positions stay under its rules.",
    ),
    "dispute.won": Words(
        "The dispute about your payment is settled", "The payment stands; your challenge goes on."
    ),
    "dispute.lost": Words(
        "Your bank has taken the payment back", "The challenge that it paid for has ended."
    ),
    "dispute.reversed": Words(
        "Your bank has given the payment back to us",
        "The challenge that it paid for stays ended. A person looks into whether {amount} go back "
        "to you; you need not do anything.",
    ),
    "challenge.suspended": Words(
        "Your challenge is suspended", "No new orders are taken until this is resolved."
    ),
    "challenge.reinstated": Words("Your challenge goes on", "You may trade again."),
    "challenge.revoked": Words(
        "Your challenge has ended", "Its payment was returned, so its account was closed."
    ),
    "challenge.failed": Words(
        "Your challenge has failed",
        "A loss limit was crossed. The evidence is yours: download it and have it judged again.",
    ),
    "challenge.phase_passed": Words(
        "You have passed a phase", "The account of the next phase is open."
    ),
    "payout.frozen": Words(
        "Your payout is being checked",
        "Your profit has left the account; {amount} are yours and go to your bank once two of us "
        "have looked. A loss from here on cannot touch them.",
    ),
    "payout.refused": Words(
        "Your payout was refused",
        "It will not be sent; what has left your account for it goes back there.",
    ),
    "payout.sent": Words("Your payout is on its way", "{amount} are on their way to your bank."),
    "payout.paid": Words("Your payout was paid", "Our bank has sent {amount} to your account."),
    "payout.fee_refunded": Words(
        "The price of your challenge is back", "{amount} of your payout are its price, refunded."
    ),
    "payout.returned": Words(
        "Your payout came back",
        "Your bank did not take {amount}. They are yours still: check the account you gave us.",
    ),
    "payout.restored": Words(
        "Your profit is back in your account", "You may ask for it again whenever you like."
    ),
    "payout.owed": Words(
        "We owe you a payout",
        "{amount} did not reach you, and your account has ended, so they stay with us for you. "
        "Write to us where to send them.",
    ),
    "challenge.funded": Words("You are funded", "Congratulations: your funded account is open."),
}


def words_for(topic: str, data: Mapping[str, JsonValue]) -> Words:
    """Return what a message of `topic` says. Raises KeyError for a topic that has no words."""
    words = _WORDS[topic]
    return Words(words.subject, words.text.format(amount=_amount(data)))


def _amount(data: Mapping[str, JsonValue]) -> str:
    """Return the amount a fact is about as people read it, however the fact calls it."""
    for minor, currency in (
        ("received_minor", "received_currency"),
        ("amount_minor", "currency"),
    ):
        if minor in data and currency in data:
            code, units = str(data[currency]), int(str(data[minor]))
            # A bank may send money in a currency that we keep no books in.
            return str(Money(units, code)) if code in MINOR_DIGITS else f"{units} in {code}"
    return "the amount"
