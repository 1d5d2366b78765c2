"""Whether owed money may be sent again, and by whom. Pure."""

from tradesense.payouts.model import LeftIn, Payee, Payout
from tradesense.payouts.refusals import (
    AlreadyApproved,
    AlreadyDecided,
    BadRequest,
    NotOwed,
    ResendPending,
)
from tradesense.payouts.resending.model import Resend, ResendStatus


def payee_of(name: str | None, account: str | None) -> Payee | None:
    """Return whom that names, None for nobody else than before. Raises BadRequest."""
    if name is None and account is None:
        return None
    if name is None or account is None:
        raise BadRequest("name both, payee_name and payee_account, or neither for the one before")
    return Payee(name=name, account=account)


def require_owed(payout: Payout, standing: Resend | None) -> None:
    """
    Raise NotOwed or ResendPending unless the payout left money owed that nobody sends.

    `standing` is its resend that is proposed, sent or paid.
    """
    if payout.left_in is not LeftIn.PAYABLE:
        raise NotOwed(f"nothing of payout {payout.id} is owed: {_where(payout)}")
    if standing is None:
        return
    if standing.status is ResendStatus.PAID:
        raise NotOwed(f"payout {payout.id} has been paid after all, by resend {standing.id}")
    raise ResendPending(f"resend {standing.id} of this payout is {standing.status.value} already")


def require_proposed(resend: Resend) -> None:
    """Raise AlreadyDecided unless the resend waits for a decision."""
    if resend.status is not ResendStatus.PROPOSED:
        raise AlreadyDecided(f"resend {resend.id} is {resend.status.value} already")


def require_another(resend: Resend, by: str) -> None:
    """Raise AlreadyApproved if `by` proposed it."""
    if resend.proposed_by == by:
        raise AlreadyApproved("you have proposed this; another operator must look too")


def _where(payout: Payout) -> str:
    if payout.left_in is LeftIn.ACCOUNT:
        return "its profit is back in the account"
    return f"it is {payout.status.value}"
