"""Amounts and days as files write them, into whole minor units and dates; exact or refused."""

import re
from datetime import date
from enum import StrEnum

from tradesense.kernel.money import MINOR_DIGITS
from tradesense.payments.bank.refusals import MalformedStatement

AMOUNT_MAX = 10**15  # minor units: thousands of times what any bank would move for us
_UNSIGNED = {
    "point": r"([0-9]{1,18})(?:\.([0-9]{1,8}))?",
    "comma": r"([0-9]{1,18})(?:,([0-9]{1,8}))?",
}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
SHOWN_MAX = 40


class Decimal(StrEnum):
    """What separates whole units from parts; said, never guessed: 1,234 is two numbers."""

    POINT = "point"
    COMMA = "comma"


def read_amount(text: str, currency: str, where: str, *, decimal: Decimal = Decimal.POINT) -> int:
    """
    Return minor units of `currency`. A minus may lead; no plus, no spaces, no thousands.

    More digits than the currency has are refused, unless they are zeros. Raises
    MalformedStatement.
    """
    digits = MINOR_DIGITS[currency]
    found = re.fullmatch(rf"(-?){_UNSIGNED[decimal]}", text, re.ASCII)
    if found is None:
        raise MalformedStatement(
            f"{where}: {shown(text)} is no amount; write 1234{'.' if decimal == 'point' else ','}50"
            f" for a decimal {decimal}, without spaces or thousands separators"
        )
    sign, whole, part = found[1], found[2], found[3] or ""
    if part[digits:].strip("0"):
        raise MalformedStatement(
            f"{where}: {shown(text)} has more digits than {currency} has ({digits})"
        )
    minor = int(whole + part[:digits].ljust(digits, "0"))
    if minor > AMOUNT_MAX:
        raise MalformedStatement(f"{where}: {shown(text)} is more than any bank moves")
    return -minor if sign else minor


def read_currency(text: str, where: str) -> str:
    """Return a currency that we keep books in. Raises MalformedStatement."""
    if text not in MINOR_DIGITS:
        raise MalformedStatement(
            f"{where}: unknown currency {shown(text)}; known: {', '.join(MINOR_DIGITS)}"
        )
    return text


def read_day(text: str, where: str) -> date:
    """Return the day that `2026-11-23` (or a moment of it) names. Raises MalformedStatement."""
    day = text[:10]
    if _DAY.fullmatch(day) is None or text[10:11] not in {"", "T", "Z", "+", "-"}:
        raise MalformedStatement(f"{where}: {shown(text)} is no day; write 2026-11-23")
    try:
        return date.fromisoformat(day)
    except ValueError:
        raise MalformedStatement(f"{where}: there is no day {day}") from None


def read_text(text: str, where: str, *, at_most: int) -> str:
    """Return `text` with its white space in order. Raises MalformedStatement."""
    ordered = " ".join(text.split())
    if len(ordered) > at_most:
        raise MalformedStatement(f"{where}: at most {at_most} characters, not {len(ordered)}")
    if not ordered.isprintable():
        raise MalformedStatement(f"{where}: {shown(ordered)} has characters nobody can read")
    return ordered


def read_account(text: str, where: str) -> str:
    """Return an account number as it is compared: capitals, no spaces; refused if it is none."""
    account = "".join(text.split()).upper()
    if re.fullmatch(r"[A-Z0-9/-]{0,34}", account, re.ASCII) is None:
        raise MalformedStatement(f"{where}: {shown(text)} is no account number")
    return account


def shown(text: str) -> str:
    """Return `text` quoted, cut where nobody would read on."""
    return repr(text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…")
