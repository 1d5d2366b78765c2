"""
The books as operators see them: balances, statements, sums, ages; and closing a period.

    balance, statement   one book account, also as it was, or as it was known, at another time
    trial balance        every account; per currency, debits equal credits
    ages                 what stands on accounts that money only passes through, and since when
    close                a month (or a day, or a year) that is over takes nothing any more
"""

from tradesense.operations.books.rules import PERIOD_GRACE, end_of, sums_of
from tradesense.operations.books.service import (
    BadPeriod,
    PeriodNotOver,
    close_books,
    get_balance,
    get_statement,
    list_passing,
)
from tradesense.operations.books.view import (
    show_age,
    show_balance,
    show_chart,
    show_statement_line,
    show_trial_balance,
)

__all__ = [
    "PERIOD_GRACE",
    "BadPeriod",
    "PeriodNotOver",
    "close_books",
    "end_of",
    "get_balance",
    "get_statement",
    "list_passing",
    "show_age",
    "show_balance",
    "show_chart",
    "show_statement_line",
    "show_trial_balance",
    "sums_of",
]
