"""What is refused about statements, matches and transfers, and in which words."""

from tradesense.kernel.errors import Conflict, Forbidden, Invalid, InvariantBroken, NotFound


class MalformedStatement(Invalid):
    """The file is no statement that we can read; the message names the place."""

    code = "payments.malformed_statement"


class UnbalancedStatement(Invalid):
    """Opening balance and lines do not add up to the closing balance."""

    code = "payments.unbalanced_statement"


class ForeignAccount(Invalid):
    """The statement is about an account that is not ours, or about another currency."""

    code = "payments.foreign_account"


class StatementDiffers(Conflict):
    """The bank used this statement id before, for other content."""

    code = "payments.statement_differs"


class StatementMissing(Conflict):
    """The statement does not begin where the newest one of its account ended."""

    code = "payments.statement_missing"


class DuplicateLine(Conflict):
    """A line of the statement was imported before, or is in it twice."""

    code = "payments.duplicate_line"


class BadAccount(Invalid):
    """No account has such a number."""

    code = "payments.bad_account"


class AccountDiffers(Conflict):
    """The currency has another account already."""

    code = "payments.account_differs"


class BadMatch(Invalid):
    """Nobody could approve such a proposal."""

    code = "payments.bad_match"


class UnknownLine(NotFound):
    """No line of an imported statement has this id."""

    code = "payments.unknown_line"


class UnknownMatch(NotFound):
    """Nobody proposed a match of this id."""

    code = "payments.unknown_match"


class UnknownOutgoing(NotFound):
    """No transfer of this id was ordered."""

    code = "payments.unknown_outgoing"


class AlreadyDecided(Conflict):
    """The match was approved or rejected before."""

    code = "payments.already_decided"


class LineTaken(Conflict):
    """A line of the match is known for what it is already."""

    code = "payments.line_taken"


class SamePerson(Forbidden):
    """Who proposed a match may not approve it: that takes another pair of eyes."""

    code = "payments.same_person"


class OutgoingDiffers(Conflict):
    """The id names another transfer already."""

    code = "payments.outgoing_differs"


class OfferDiffers(InvariantBroken):
    """A payment is offered for another amount than it was before."""

    code = "payments.offer_differs"
