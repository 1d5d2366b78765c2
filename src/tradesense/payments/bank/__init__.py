"""
The bank: what it says, what buyers sent us through it, and what we send.

Owns     the tables `payments_bank_*`, and with them the book accounts `bank:CURRENCY`.
Promises a statement is kept whole or refused; its lines are in the books once, and add up to what
         the bank says the account holds; a line becomes a payment when two pairs of eyes agree.
Speaks   BankAccountRegistered and StatementImported on `bank-account:<number>`; LineApplied on
         `bank-line:<id>`; MatchProposed, MatchApproved and MatchRejected on `bank-match:<id>`;
         OutgoingRequested, OutgoingExported, OutgoingPaid and OutgoingReturned on
         `bank-outgoing:<id>`. Nobody's name or account is in any of them but our own.
"""

from tradesense.payments.bank.model import BankAccount, BankLine, LineKind
from tradesense.payments.bank.service.statements import (
    Imported,
    import_statements,
    register_account,
)
from tradesense.payments.bank.statements import FILE_MAX, Decimal, read_statements
from tradesense.payments.bank.store.lines import find_lines, list_accounts, list_lines

__all__ = [
    "FILE_MAX",
    "BankAccount",
    "BankLine",
    "Decimal",
    "Imported",
    "LineKind",
    "find_lines",
    "import_statements",
    "list_accounts",
    "list_lines",
    "read_statements",
    "register_account",
]
