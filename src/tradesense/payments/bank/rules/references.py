"""
References that people copy by hand: creditor references of ISO 11649.

`RF` + two check digits + twelve digits of ours. Digits only: nobody confuses them with letters,
a numeric keypad can type them, and the check digits (ISO 7064, mod 97-10) then find every single
wrong character and every two neighbours that changed places. Printed in groups of four.
"""

import re
from uuid import UUID

from tradesense.kernel.ids import derive

BODY_DIGITS = 12  # with a million payments, one in two thousand meets a taken one and tries again
LENGTH = len("RF00") + BODY_DIGITS
_SHAPE = re.compile(rf"RF[0-9]{{{2 + BODY_DIGITS}}}", re.ASCII)
_RF = "2715"  # R and F as numbers, A being 10


def reference_of(payment_id: UUID, attempt: int = 0) -> str:
    """Return a payment's reference; the next `attempt` where that one is taken."""
    number = derive(payment_id, "bank-reference", attempt).int % 10**BODY_DIGITS
    return with_check(f"{number:0{BODY_DIGITS}d}")


def with_check(body: str) -> str:
    """Return the reference of twelve digits."""
    check = 98 - int(f"{body}{_RF}00") % 97
    return f"RF{check:02d}{body}"


def is_reference(text: str) -> bool:
    """Whether `text`, without spaces and in capitals, is a reference of ours without a mistake."""
    return _SHAPE.fullmatch(text) is not None and with_check(text[4:]) == text


def printed(reference: str) -> str:
    """Return it in groups of four, as ISO 11649 prints it."""
    return " ".join(reference[at : at + 4] for at in range(0, len(reference), 4))


def squeezed(text: str) -> str:
    """Return `text` in capitals, with nothing but letters and digits."""
    return "".join(char for char in text.upper() if char.isascii() and char.isalnum())


def references_in(text: str) -> list[str]:
    """Return every reference without a mistake in what a payer wrote, in its order."""
    dense = squeezed(text)
    found = (dense[match.start() : match.start() + LENGTH] for match in re.finditer("RF", dense))
    return list(dict.fromkeys(each for each in found if is_reference(each)))


def is_nearly_in(reference: str, dense: str) -> bool:
    """
    Whether squeezed text contains `reference` with one mistake.

    One character wrong, missing or too many, two neighbours changed, or the first four missing.
    """
    body = reference[4:]
    if body in dense:
        return True
    half = LENGTH // 2
    # One mistake leaves one half whole; where that is found, the rest is looked at.
    for part, offset in ((reference[:half], 0), (reference[half:], half)):
        for match in re.finditer(re.escape(part), dense):
            for start in {match.start() - offset + shift for shift in (-1, 0, 1)}:
                if any(
                    is_one_mistake(reference, dense[max(start, 0) : start + length])
                    for length in (LENGTH - 1, LENGTH, LENGTH + 1)
                ):
                    return True
    # Two neighbours may have changed places across the middle.
    changed = reference[: half - 1] + reference[half] + reference[half - 1] + reference[half + 1 :]
    return changed in dense


def is_one_mistake(right: str, written: str) -> bool:
    """Whether `written` is `right` with at most one mistake of a hand."""
    if abs(len(right) - len(written)) > 1:
        return False
    at = next(
        (n for n, (a, b) in enumerate(zip(right, written, strict=False)) if a != b),
        min(len(right), len(written)),
    )
    return (
        right[at + 1 :] == written[at + 1 :]
        or right[at:] == written[at + 1 :]
        or right[at + 1 :] == written[at:]
        or (
            right[at : at + 2] == written[at : at + 2][::-1]
            and right[at + 2 :] == written[at + 2 :]
        )
    )
