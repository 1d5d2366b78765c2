"""What is refused about payouts, and under which codes."""

from tradesense.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Rejected, Unavailable


class UnknownPayout(NotFound):
    """No payout has this id, or it is somebody else's."""

    code = "payouts.unknown"


class BadRequest(Invalid):
    """What is asked for makes no sense as written."""

    code = "payouts.bad_request"


class PayoutDiffers(Conflict):
    """The id names another payout already."""

    code = "payouts.differs"


class PayoutRefusal(Conflict):
    """The account has nothing that may be paid out now; the message says why, and when it may."""

    code = "payouts.refused"


class PayoutPending(PayoutRefusal):
    """The challenge has a payout on its way."""

    code = "payouts.pending"


class NotFunded(PayoutRefusal):
    """Only funded accounts pay out."""

    code = "payouts.not_funded"


class NotClear(PayoutRefusal):
    """The challenge is suspended or was taken back."""

    code = "payouts.not_clear"


class NotFlat(PayoutRefusal):
    """Positions are open."""

    code = "payouts.not_flat"


class TooSoon(PayoutRefusal):
    """The next payout is not due yet."""

    code = "payouts.too_soon"


class AboveProfit(PayoutRefusal):
    """More was asked for than there is."""

    code = "payouts.above_profit"


class BelowMinimum(PayoutRefusal):
    """What was asked for, or is there, is too little to send."""

    code = "payouts.below_minimum"


class IdentityUnknown(PayoutRefusal):
    """We could not establish who the trader is, or have not yet."""

    code = "payouts.identity"


class NotFrozen(Conflict):
    """There is nothing to decide about the payout now."""

    code = "payouts.not_frozen"


class UnknownResend(NotFound):
    """No resend has this id."""

    code = "payouts.unknown_resend"


class NotOwed(Conflict):
    """The payout left nothing owed that could be sent again."""

    code = "payouts.not_owed"


class ResendPending(Conflict):
    """What is owed is proposed or on its way already."""

    code = "payouts.resend_pending"


class AlreadyDecided(Conflict):
    """Others have decided about it."""

    code = "payouts.already_decided"


class AlreadyApproved(Forbidden):
    """Who approved a payout once may not do it again: that takes another pair of eyes."""

    code = "payouts.already_approved"


class OwnRequest(Forbidden):
    """Nobody decides about a payout to themselves."""

    code = "payouts.own_request"


class FreezeRefused(Rejected):
    """The engine keeps the money in the account."""

    code = "payouts.freeze_refused"


class DecisionRefused(Rejected):
    """Operators decided against it."""

    code = "payouts.rejected"


class NoBankAccount(Unavailable):
    """We have no bank account in the payout's currency yet."""

    code = "payouts.no_bank_account"
