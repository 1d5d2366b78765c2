"""Why payments refuse: each error says what is wrong and what would be right."""

from tradesense.kernel.errors import (
    CircuitOpen,
    Conflict,
    Invalid,
    InvariantBroken,
    NotFound,
    Unavailable,
)


class UnknownPayment(NotFound):
    """No payment has this id."""

    code = "payments.unknown_payment"


class BadAmount(Invalid):
    """Nobody can be asked for nothing, for less, or for more than a payment may be."""

    code = "payments.bad_amount"


class PaymentDiffers(Conflict):
    """The id names another payment already; an id is said again only with the same content."""

    code = "payments.payment_differs"


class PaymentEnded(Conflict):
    """The payment is over: there is nothing left to pay, or to capture."""

    code = "payments.payment_ended"


class ForeignIntent(InvariantBroken):
    """A provider offers something else than we asked it to."""

    code = "payments.foreign_intent"


class NobodyReachable(Unavailable):
    """Every provider that could take the payment is away; it waits, and is asked for again."""

    code = "payments.nobody_reachable"


class AllContained(CircuitOpen):
    """As NobodyReachable, and known before anybody was asked: it costs no try to wait."""

    code = "payments.all_contained"


class UnknownProvider(Invalid):
    """Nobody of this name takes money for us."""

    code = "payments.unknown_provider"


class NobodyTakesIt(Conflict):
    """No provider takes this payment, however often it is asked."""

    code = "payments.nobody_takes_it"


class GoneBack(Conflict):
    """Some of the money has gone back or is disputed; what was paid for is not delivered."""

    code = "payments.gone_back"


class UnknownRefund(NotFound):
    """No refund has this id."""

    code = "payments.unknown_refund"


class NothingReceived(Conflict):
    """The payment has no money that could go back."""

    code = "payments.nothing_received"


class PaymentDisputed(Conflict):
    """The buyer's bank takes the money back, or has: a refund would pay it twice."""

    code = "payments.disputed"


class OverRefund(Invalid):
    """More is asked back than was received and has not gone back yet."""

    code = "payments.over_refund"


class RefundDiffers(Conflict):
    """The id names another refund already."""

    code = "payments.refund_differs"


class ForeignRefund(InvariantBroken):
    """A provider made another refund than we asked it to."""

    code = "payments.foreign_refund"
