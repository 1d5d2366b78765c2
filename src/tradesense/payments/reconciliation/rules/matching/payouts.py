"""Payouts: what left the provider against what arrived at the bank."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time

from tradesense.payments.model import MovementKind
from tradesense.payments.reconciliation.model import (
    BankCredit,
    Copied,
    DifferenceKind,
    SentPayout,
)
from tradesense.payments.reconciliation.rules.matching.sheet import (
    BANK_GRACE,
    Sheet,
    grouped,
    object_of,
)


def compare(sheet: Sheet) -> None:
    """Write down which payouts the bank does not show as they were sent."""
    returned = grouped(sheet.shown(MovementKind.PAYOUT_FAILED), object_of)
    for lines in returned.values():
        sheet.differ(DifferenceKind.PAYOUT_RETURNED, object_of(lines[0]), theirs=lines[0])
    for line in sheet.shown(MovementKind.PAYOUT):
        if object_of(line) not in returned:
            _arrived(sheet, line)


def _arrived(sheet: Sheet, line: Copied) -> None:
    movement = line.movement
    # Where a provider names no number for the bank, the bank shows the payout's own.
    reference = movement.bank_reference or movement.object_ref
    credits_ = [each for each in sheet.books.credits if is_named(each, reference)]
    if not credits_:
        covered = sheet.books.bank_until.get(movement.currency)
        if covered is None or midnight_after(covered) - movement.at < BANK_GRACE:
            sheet.pending += 1  # no statement could show it yet
            return
        sheet.differ(
            DifferenceKind.PAYOUT_MISSING_AT_BANK,
            object_of(line),
            theirs=line,
            reference=reference or "",
            statements_until=covered.isoformat(),
        )
        return
    arrived = sum(each.amount_minor for each in credits_)
    if arrived == -movement.amount_minor and credits_[0].currency == movement.currency:
        return
    sheet.note(
        DifferenceKind.PAYOUT_AMOUNT_DIFFERS,
        object_of(line),
        story=line.subject,
        currency=movement.currency,
        ours_minor=arrived,
        theirs_minor=-movement.amount_minor,
        at=movement.at,
        facts={"movement": movement.ref, "bank_line": str(credits_[0].line_id)},
    )


def find_arrived(
    credits_: Sequence[BankCredit], sent: Sequence[SentPayout]
) -> Sequence[tuple[BankCredit, SentPayout]]:
    """
    Return the credits that nobody has explained and that surely are a payout of a provider.

    Surely: the line names that one payout alone, to the cent, and no other line names it.
    Whatever is less sure waits for people.
    """
    named = [(credit, payout) for credit in credits_ for payout in sent if _names(credit, payout)]
    by_credit = Counter(credit.line_id for credit, _ in named)
    by_payout = Counter(payout for _, payout in named)
    return [
        (credit, payout)
        for credit, payout in named
        if by_credit[credit.line_id] == by_payout[payout] == 1
        and not credit.is_explained
        and (credit.amount_minor, credit.currency) == (payout.amount_minor, payout.currency)
    ]


def _names(credit: BankCredit, payout: SentPayout) -> bool:
    return is_named(credit, payout.reference)


def is_named(credit: BankCredit, reference: str | None) -> bool:
    """Whether a line of the bank carries a payout's reference, however it is broken up."""
    return bool(reference) and _plain(reference or "") in _plain(credit.text)


def _plain(text: str) -> str:
    return "".join(filter(str.isalnum, text)).upper()


def midnight_after(day: date) -> datetime:
    """Return when a day of the bank's is over."""
    return datetime.combine(day, time.max, UTC)
