"""Test cards: what the buyer's bank does when one of them pays."""

from collections.abc import Callable
from dataclasses import dataclass

from tradesense.app.sandbox.store import Json

ZERO_DECIMAL = ("jpy", "krw")
THREE_DECIMAL = ("bhd", "kwd")


@dataclass(frozen=True, slots=True)
class Card:
    """A test payment method: what the buyer sees, and what the bank does."""

    label: str
    brand: str
    last4: str
    decline: str | None = None  # Stripe's decline code
    short_minor: int = 0  # takes this much less than asked
    is_foreign: bool = False  # takes another currency than asked
    asks_buyer: bool = False  # the bank asks the buyer first: 3-D Secure
    dispute: str | None = None  # why the bank takes the payment back at once
    is_refundable: bool = True  # money sent back arrives


CARDS = {
    "pm_card_visa": Card("Visa, pays", "visa", "4242"),
    "pm_card_mastercard": Card("Mastercard, pays", "mastercard", "4444"),
    "pm_card_threeDSecure2Required": Card(
        "Visa, the bank asks you first", "visa", "3220", asks_buyer=True
    ),
    "pm_card_chargeDeclined": Card("Visa, declined", "visa", "0002", decline="generic_decline"),
    "pm_card_chargeDeclinedInsufficientFunds": Card(
        "Visa, not enough money", "visa", "9995", decline="insufficient_funds"
    ),
    "pm_card_createDispute": Card(
        "Visa, pays, then the buyer disputes it", "visa", "0259", dispute="fraudulent"
    ),
    "pm_card_createDisputeProductNotReceived": Card(
        "Visa, pays, then says nothing came", "visa", "2685", dispute="product_not_received"
    ),
    "pm_card_refundFail": Card("Visa, refunds do not arrive", "visa", "5126", is_refundable=False),
    "pm_sandbox_underpay": Card("Bank transfer, one unit short", "visa", "0019", short_minor=100),
    "pm_sandbox_wrong_currency": Card(
        "Bank transfer, wrong currency", "visa", "0027", is_foreign=True
    ),
}


Declines = Callable[[str], str | None]
"""Which decline code a payment (its id) meets by a planted fault, if any."""


def fee_minor(amount: int) -> int:
    """Return what taking `amount` costs: 2.9 %, rounded up, and 30, as Stripe's price list says."""
    return 30 - (-amount * 290 // 10_000)


def digits_of(currency: str) -> int:
    """Return how many decimals a currency (lower case) has."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def in_units(amount: int, currency: str) -> str:
    """Return an amount of minor units as people write it: `540.00`."""
    digits = digits_of(currency)
    sign, amount = ("-" if amount < 0 else ""), abs(amount)
    if digits == 0:
        return f"{sign}{amount}"
    whole, part = divmod(amount, 10**digits)
    return f"{sign}{whole}.{part:0{digits}d}"


def shown(body: Json) -> str:
    """Return the price of an object with `amount` and `currency`, for people: `5,400.00 USD`."""
    whole, point, part = in_units(int(body["amount"]), body["currency"].lower()).partition(".")
    return f"{int(whole):,}{point}{part} {body['currency'].upper()}"
