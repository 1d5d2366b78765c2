"""The whole: what nothing that was looked at explains, and money that stands for too long."""

from collections import Counter

from tradesense.payments.reconciliation.model import DifferenceKind, Totals
from tradesense.payments.reconciliation.rules.matching.sheet import CLEARING_AGE_MAX, Sheet
from tradesense.payments.rules import clearing_account


def compare(sheet: Sheet) -> None:
    """
    Compare the provider's balance with our clearing balance, in each currency.

    Whatever was looked at is explained line by line, so both sides are compared without it:
    what is left must agree.
    """
    theirs: Counter[str] = Counter()
    for line in sheet.books.movements:
        if not line.is_gone:
            movement = line.movement
            theirs[movement.currency] += movement.amount_minor - movement.fee_minor
    ours: Counter[str] = Counter()
    for transfer in sheet.books.transfers:
        ours[transfer.currency] += transfer.change_minor
    for totals in sheet.books.totals:
        _agree(sheet, totals, theirs[totals.currency], ours[totals.currency])
        _age(sheet, totals)


def _agree(sheet: Sheet, totals: Totals, theirs_seen: int, ours_seen: int) -> None:
    ours, theirs = totals.clearing_minor - ours_seen, totals.provider_minor - theirs_seen
    if ours == theirs:
        return
    account = clearing_account(sheet.books.provider, totals.currency)
    sheet.note(
        DifferenceKind.BALANCES_DIFFER,
        account,
        story=account,
        currency=totals.currency,
        ours_minor=ours,
        theirs_minor=theirs,
        at=sheet.now,
        facts={
            "our_balance_minor": str(totals.clearing_minor),
            "their_balance_minor": str(totals.provider_minor),
        },
    )


def _age(sheet: Sheet, totals: Totals) -> None:
    if totals.oldest_at is None or sheet.now - totals.oldest_at < CLEARING_AGE_MAX:
        return
    account = clearing_account(sheet.books.provider, totals.currency)
    sheet.note(
        DifferenceKind.CLEARING_DOES_NOT_AGE,
        account,
        story=account,
        currency=totals.currency,
        ours_minor=None,  # it changes all the time, and is the same case all the same
        theirs_minor=None,
        at=totals.oldest_at,
        facts={
            "oldest_at": totals.oldest_at.isoformat(),
            "our_balance_minor": str(totals.clearing_minor),
        },
    )
