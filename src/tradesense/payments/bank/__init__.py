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

from tradesense.payments.bank.model import (
    BankAccount,
    BankLine,
    LineKind,
    Match,
    MatchStatus,
    Outgoing,
    OutgoingKind,
    OutgoingStatus,
    Strength,
    Suggestion,
)
from tradesense.payments.bank.provider import PURPOSE, Manual, page_secret
from tradesense.payments.bank.rules.accounts import require_payable
from tradesense.payments.bank.rules.references import printed
from tradesense.payments.bank.service.matching import (
    apply_payout,
    approve,
    list_suggestions,
    propose,
    reject,
)
from tradesense.payments.bank.service.offers import find_instructions
from tradesense.payments.bank.service.outgoing import export_outgoing, order_transfer
from tradesense.payments.bank.service.statements import (
    Imported,
    import_statements,
    register_account,
)
from tradesense.payments.bank.statements import FILE_MAX, Decimal, read_statements
from tradesense.payments.bank.statements.pain001 import write_pain001
from tradesense.payments.bank.store.lines import find_lines, list_accounts, list_lines
from tradesense.payments.bank.store.matches import list_matches, list_waiting
from tradesense.payments.bank.store.outgoing import find_outgoing, list_outgoing

__all__ = [
    "FILE_MAX",
    "PURPOSE",
    "BankAccount",
    "BankLine",
    "Decimal",
    "Imported",
    "LineKind",
    "Manual",
    "Match",
    "MatchStatus",
    "Outgoing",
    "OutgoingKind",
    "OutgoingStatus",
    "Strength",
    "Suggestion",
    "apply_payout",
    "approve",
    "export_outgoing",
    "find_instructions",
    "find_lines",
    "find_outgoing",
    "import_statements",
    "list_accounts",
    "list_lines",
    "list_matches",
    "list_outgoing",
    "list_suggestions",
    "list_waiting",
    "order_transfer",
    "page_secret",
    "printed",
    "propose",
    "read_statements",
    "register_account",
    "reject",
    "require_payable",
    "write_pain001",
]
