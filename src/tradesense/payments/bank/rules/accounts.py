"""Whether an account could exist. Pure."""

import re

from tradesense.kernel.money import MINOR_DIGITS
from tradesense.payments.bank.model import BankAccount
from tradesense.payments.bank.refusals import BadAccount

NAME_MAX = 70  # what SEPA lets a name have
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", re.ASCII)  # ISO 13616: 15 to 34
_BARE = re.compile(r"[0-9][A-Z0-9]{4,33}", re.ASCII)  # without IBAN, as in the US
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?", re.ASCII)  # ISO 9362


def find_flaw(account: BankAccount) -> str | None:
    """Return why nobody could pay into `account`, None if it looks right."""
    number = account.account
    if account.currency not in MINOR_DIGITS:
        return f"unknown currency {account.currency!r}; known: {', '.join(MINOR_DIGITS)}"
    if not is_iban(number) and not _BARE.fullmatch(number):
        return (
            f"{number!r} is no IBAN (its check digits would say so) and no bare account number, "
            "which begins with a digit; write it in capitals, without spaces"
        )
    if account.bic and not _BIC.fullmatch(account.bic):
        return f"{account.bic!r} is no BIC: eight or eleven characters, as in DEUTDEFF500"
    name = account.holder
    if not name.strip() or len(name) > NAME_MAX or not name.isprintable():
        return f"the holder's name has 1 to {NAME_MAX} characters"
    return None


def is_iban(text: str) -> bool:
    """Whether `text` is an IBAN whose check digits are right (ISO 13616, mod 97-10)."""
    if not _IBAN.fullmatch(text):
        return False
    moved = text[4:] + text[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


def require_payable(creditor: str, account: str) -> None:
    """Raise BadAccount unless money can be sent to `account`."""
    if not account:
        raise BadAccount("there is no account to send it to; the statement named none")
    if account[:2].isalpha() and not is_iban(account):
        raise BadAccount("the account to send it to is no IBAN: its check digits are wrong")
    if not creditor.strip():
        raise BadAccount("there is no name to send it to; the statement named none")
