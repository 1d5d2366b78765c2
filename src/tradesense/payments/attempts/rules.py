"""Who is asked next for a payment. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tradesense.payments.model import Attempt, AttemptStatus, Payment, Tariff, Way

# An unknown outcome is looked for this often, five seconds apart, before it is closed: longer
# than any call of ours can be underway, so that what is not found by then was never made.
LOOKS_FOR_UNKNOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A provider that could be asked; `is_admitting` says whether it would be called now."""

    name: str
    tariff: Tariff
    is_admitting: bool


# A provider that made an offer, or refused to, is not asked again for the same payment.
_MAY_BE_ASKED = frozenset({AttemptStatus.ASKED, AttemptStatus.AWAY, AttemptStatus.UNKNOWN})


def route(payment: Payment, candidates: Sequence[Candidate]) -> Candidate | None:
    """
    Return whom to ask for `payment`: who can be asked, takes its way to pay, and costs least.

    An attempt underway is finished first. Who left us in doubt is asked again only if nobody
    else can be; whose money takes days, only if the buyer named them. Equals keep their order.
    """
    able = [each for each in takers(payment, candidates) if each.is_admitting]
    return min(able, key=lambda each: _rank(payment, each), default=None)


def takers(payment: Payment, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return who could take `payment` if they were there."""
    return [each for each in candidates if _takes(payment, each)]


def _takes(payment: Payment, candidate: Candidate) -> bool:
    attempt = payment.attempt_at(candidate.name)
    if attempt is not None and attempt.status not in _MAY_BE_ASKED:
        return False
    if attempt is not None and attempt.status is AttemptStatus.UNKNOWN and payment.offer:
        return False  # what it may have made is being withdrawn
    if payment.amount.currency not in candidate.tariff.currencies:
        return False
    if payment.wanted_provider is not None:
        return candidate.name == payment.wanted_provider
    return not candidate.tariff.is_manual


def _rank(payment: Payment, candidate: Candidate) -> tuple[bool, bool, bool, int]:
    attempt = payment.attempt_at(candidate.name)
    status = None if attempt is None else attempt.status
    return (
        status is not AttemptStatus.ASKED,
        status is AttemptStatus.UNKNOWN,
        payment.way not in candidate.tariff.ways,
        candidate.tariff.cost_minor(payment.amount),
    )


def asked(payment: Payment, candidate: Candidate) -> Attempt:
    """Return the attempt at `candidate` as it is asked, now or again."""
    known = payment.attempt_at(candidate.name)
    if known is not None and known.status is AttemptStatus.ASKED:
        return known
    number = 1 + max((each.number for each in payment.attempts), default=0)
    if known is not None:
        return replace(known, status=AttemptStatus.ASKED, number=number)
    ways = candidate.tariff.ways
    way = payment.way if payment.way in ways else next(each for each in Way if each in ways)
    return Attempt(
        payment_id=payment.payment_id,
        provider=candidate.name,
        number=number,
        status=AttemptStatus.ASKED,
        way=way,
    )


def displaced(attempt: Attempt) -> Attempt:
    """Return an attempt that something else has taken the place of: nobody shall pay it."""
    match attempt.status:
        case AttemptStatus.OFFERED:
            return replace(attempt, status=AttemptStatus.WITHDRAWING)
        case AttemptStatus.ASKED:
            return replace(attempt, status=AttemptStatus.UNKNOWN)
        case _:
            return attempt
