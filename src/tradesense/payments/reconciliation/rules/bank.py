"""The bank alone: lines of its statements that nobody explains."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from tradesense.payments.reconciliation.model import (
    BankCredit,
    Difference,
    DifferenceKind,
    Findings,
)
from tradesense.payments.reconciliation.rules.matching.payouts import is_named, midnight_after
from tradesense.payments.reconciliation.rules.matching.sheet import GRACE

BANK = "bank"  # whose cases are about the bank alone


def find_unexplained(
    lines: Sequence[BankCredit], references: Iterable[str], *, now: datetime
) -> Findings:
    """
    Return the lines at the bank that nobody has explained and no payout is named in.

    `references` are those of every provider's payouts. A line of a day that is not yet over for
    `GRACE` is underway: whoever imports a statement explains it.
    """
    known = sorted(set(references))
    shown = Counter(_transfer(line) for line in lines)
    found, pending = [], 0
    for line in lines:
        if line.is_explained or any(is_named(line, reference) for reference in known):
            continue
        if now - midnight_after(line.booked_on) < GRACE:
            pending += 1
            continue
        found.append(_unexplained(line, is_doubled=shown[_transfer(line)] > 1))
    return Findings(differences=tuple(found), pending=pending)


def _transfer(line: BankCredit) -> tuple[str, int, str]:
    """Return what two lines share that show one transfer; a line without an id is its own."""
    return (line.end_to_end_id or str(line.line_id), line.amount_minor, line.currency)


def _unexplained(line: BankCredit, *, is_doubled: bool) -> Difference:
    kind = DifferenceKind.BANK_CREDIT_UNKNOWN
    if line.amount_minor < 0:
        kind = DifferenceKind.BANK_DEBIT_UNKNOWN
    if is_doubled:
        kind = DifferenceKind.BANK_LINE_DOUBLED
    return Difference(
        kind=kind,
        provider=BANK,
        subject=str(line.line_id),
        story=str(line.line_id),
        currency=line.currency,
        ours_minor=None,
        theirs_minor=line.amount_minor,
        at=midnight_after(line.booked_on),
        facts={"booked_on": line.booked_on.isoformat()},
    )
