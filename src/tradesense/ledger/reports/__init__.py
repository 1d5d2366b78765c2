"""What the books say: balances, statements, the trial balance, the age of what is in clearing."""

from tradesense.ledger.reports.service import (
    balance_of,
    list_ages,
    list_linked,
    list_statement,
    list_transfers,
    trial_balance,
)

__all__ = [
    "balance_of",
    "list_ages",
    "list_linked",
    "list_statement",
    "list_transfers",
    "trial_balance",
]
