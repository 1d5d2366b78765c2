"""Why the books say no. Each is an error to raise, or one transfer's outcome in a batch."""

from tradesense.kernel.errors import Conflict, Invalid, NotFound


class InvalidTransfer(Invalid):
    """The transfer makes no sense in these books; the message says why."""

    code = "ledger.invalid_transfer"


class TransferMismatch(Conflict):
    """The id names another transfer already; an id is said again only with the same content."""

    code = "ledger.transfer_mismatch"


class Overdrawn(Conflict):
    """A bounded account does not hold enough that is free."""

    code = "ledger.overdrawn"


class PeriodClosed(Conflict):
    """The transfer would change a period that is closed; give it a later `effective_at`."""

    code = "ledger.period_closed"


class ReservationEnded(Conflict):
    """The reservation was posted, voided or expired before."""

    code = "ledger.reservation_ended"


class UnknownTransfer(NotFound):
    """No transfer, or no reservation, has this id."""

    code = "ledger.unknown_transfer"
