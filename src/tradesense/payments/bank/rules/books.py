"""What bank lines change in the books. Pure."""

from datetime import UTC, date, datetime, time
from uuid import UUID

from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.ledger.model import Transfer
from tradesense.payments.bank.model import BankLine, LineKind, Outgoing, ReadStatement
from tradesense.payments.bank.rules.statements import statement_id

MANUAL = "manual"
"""How payments and accounts of the ledger call the bank transfer as a way to pay."""

# The bank's own charges: sub-families of ISO 20022's external transaction codes.
CHARGES = frozenset({"CHRG", "FEES", "COMM"})


def bank_account(currency: str) -> str:
    return f"bank:{currency}"


def unapplied_account(currency: str) -> str:
    """Return where a line stands while nobody knows what it is."""
    return f"unapplied:{currency}"


def opening(told: ReadStatement, now: datetime) -> Transfer | None:
    """Return what stood at the bank before the first statement, as a transfer."""
    if told.opening_minor == 0:
        return None
    return _moved(
        derive(statement_id(told), "opening"),
        told.opening_minor,
        told.currency,
        other=f"opening-balance:{told.currency}",
        reason="balance before the first statement",
        at=min((_start_of(line.booked_on) for line in told.lines), default=now),
    )


def booked(line: BankLine) -> Transfer:
    """Return a line as it is booked when it is imported: between the bank and `unapplied`."""
    return _moved(
        booking_id(line.line_id),
        line.amount_minor,
        line.currency,
        other=unapplied_account(line.currency),
        reason="bank statement",
        at=_start_of(line.booked_on),
    )


def booking_id(line_id: UUID) -> UUID:
    return derive(line_id, "booked")


def applied(line: BankLine, counter: str, now: datetime) -> Transfer:
    """Return what takes a line out of `unapplied`, to where it belongs."""
    amount = Money(abs(line.amount_minor), line.currency)
    unapplied = unapplied_account(line.currency)
    is_credit = line.amount_minor > 0
    return Transfer(
        id=derive(line.line_id, "applied"),
        debit=unapplied if is_credit else counter,
        credit=counter if is_credit else unapplied,
        amount=amount,
        reason="bank line known",
        effective_at=now,
    )


def counter_account(kind: LineKind, party: str, currency: str) -> str:
    """Return where a line of a kind belongs: `party` is the provider whose payout it is."""
    match kind:
        case LineKind.PAYMENT:
            return f"clearing:{MANUAL}:{currency}"
        case LineKind.PROVIDER_PAYOUT:
            # It left the provider's clearing account when the provider's own books showed it.
            return f"provider-payouts:{party}:{currency}"
        case LineKind.FEE:
            return f"fees:bank:{currency}"
        case LineKind.OUTGOING | LineKind.OUTGOING_RETURNED:
            raise ValueError("an outgoing transfer names its own account")


def is_charge(line: BankLine) -> bool:
    """Whether the bank itself says that it took this for its services."""
    return line.amount_minor < 0 and line.code.rpartition("/")[2] in CHARGES


def is_paid_by(order: Outgoing, line: BankLine) -> bool:
    """Whether `line` is `order` as the bank sent it."""
    return (line.account, line.amount_minor) == (order.account, -order.amount_minor)


def is_returned_by(order: Outgoing, line: BankLine) -> bool:
    """Whether `line` is `order` come back; a bank may keep a fee, which a person looks at."""
    return (line.account, line.amount_minor) == (order.account, order.amount_minor)


def _moved(
    transfer_id: UUID, amount_minor: int, currency: str, *, other: str, reason: str, at: datetime
) -> Transfer:
    bank = bank_account(currency)
    return Transfer(
        id=transfer_id,
        debit=bank if amount_minor > 0 else other,
        credit=other if amount_minor > 0 else bank,
        amount=Money(abs(amount_minor), currency),
        reason=reason,
        effective_at=at,
    )


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
