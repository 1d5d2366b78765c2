"""Three-way matching: what our records, the ledger, the provider and the bank disagree on. Pure."""

from datetime import datetime

from tradesense.payments.reconciliation.model import Books, Difference, Findings
from tradesense.payments.reconciliation.rules.bank import BANK, find_unexplained
from tradesense.payments.reconciliation.rules.cases import after_finding, count_kinds, report_of
from tradesense.payments.reconciliation.rules.entries import entries_of
from tradesense.payments.reconciliation.rules.matching import (
    balances,
    charges,
    disputes,
    ledger,
    movements,
    payouts,
    refunds,
)
from tradesense.payments.reconciliation.rules.matching.payouts import find_arrived
from tradesense.payments.reconciliation.rules.matching.sheet import Sheet

__all__ = [
    "BANK",
    "after_finding",
    "count_kinds",
    "entries_of",
    "find_arrived",
    "find_differences",
    "find_unexplained",
    "report_of",
]


def find_differences(books: Books, *, now: datetime) -> Findings:
    """
    Return everything that differs in `books`, and how much is merely underway at `now`.

    What is younger than its grace (`matching.sheet`) is underway: another side may not have heard
    of it yet. Differences come in a fixed order, each with an id of its own.
    """
    sheet = Sheet(books, now)
    for part in (charges, refunds, disputes, movements, payouts, ledger, balances):
        part.compare(sheet)
    found: dict[object, Difference] = {each.case_id: each for each in sheet.found}
    ordered = sorted(found.values(), key=lambda each: (each.kind, each.subject))
    return Findings(differences=tuple(ordered), pending=sheet.pending)
