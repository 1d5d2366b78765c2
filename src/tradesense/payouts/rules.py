"""Who may be paid what, and how it is shared. Pure: no I/O, no clock, no chance."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from tradesense.challenges.model import Challenge, ChallengeStatus, PayoutRules
from tradesense.kernel.ids import derive
from tradesense.kernel.instants import rfc3339
from tradesense.kernel.money import MINOR_DIGITS, Money, half_even
from tradesense.ledger.model import Transfer
from tradesense.payouts.model import (
    Approval,
    Decision,
    Identity,
    IdentityState,
    Past,
    Payout,
    PayoutStatus,
    Standing,
    Wish,
)
from tradesense.payouts.refusals import (
    AboveProfit,
    AlreadyApproved,
    AlreadyDecided,
    BadRequest,
    BelowMinimum,
    IdentityUnknown,
    NotClear,
    NotFlat,
    NotFrozen,
    NotFunded,
    OwnRequest,
    TooSoon,
)

BASIS_POINTS = 10_000

# What a payout's saga waits for, by name; each name is said once.
FREEZE, DECISION, ARRIVAL, GIVEN_BACK = "freeze", "decision", "arrival", "given-back"


def alone_max_minor(whole_units: int, currency: str) -> int:
    """Return the setting of how much one operator may approve, in minor units of `currency`."""
    return whole_units * int(10 ** MINOR_DIGITS[currency])


def require_sense(wish: Wish) -> None:
    """Raise BadRequest unless the request says one account, and a positive amount if any."""
    if (wish.challenge_id is None) == (wish.account_id is None):
        raise BadRequest("name the challenge or its account: challenge_id or account_id, not both")
    if wish.amount_minor is not None and wish.amount_minor <= 0:
        raise BadRequest("ask for 1 minor unit or more, or leave amount_minor out for all profit")
    if wish.currency is not None and wish.currency not in MINOR_DIGITS:
        raise BadRequest(f"unknown currency {wish.currency!r}; known: {', '.join(MINOR_DIGITS)}")


def require_clear(challenge: Challenge) -> None:
    """Raise NotClear or NotFunded unless the challenge is funded and undisputed."""
    if challenge.status is ChallengeStatus.REVOKED:
        raise NotClear("the challenge was taken back; it pays nothing out")
    if challenge.suspended_for is not None:
        why = challenge.suspended_for.value.replace("_", " ")
        raise NotClear(f"the challenge is suspended ({why}); ask again once that is resolved")
    if challenge.status is not ChallengeStatus.FUNDED:
        raise NotFunded(f"only a funded challenge pays out; this one is {challenge.status.value}")


def require_sendable(challenge: Challenge, *, is_disputed: bool) -> None:
    """
    Raise NotClear if the challenge is suspended or revoked; it may have failed since.

    So may it if its payment is disputed, which suspends only what has not failed.
    """
    if is_disputed:
        raise NotClear("the challenge's payment is disputed; decide again once that has ended")
    if challenge.status is not ChallengeStatus.FAILED:
        require_clear(challenge)


def require_payable(
    standing: Standing,
    terms: PayoutRules,
    wish: Wish,
    *,
    past: Past,
    now: datetime,
) -> None:
    """Raise what keeps the account from paying out what is asked for now; else return."""
    if wish.currency not in {None, standing.currency}:
        raise BadRequest(f"the account is kept in {standing.currency}, not in {wish.currency}")
    if not standing.is_flat:
        raise NotFlat("close all positions first; a payout needs a flat account")
    due_at = next_due_at(terms, standing, past)
    if now < due_at:
        raise TooSoon(f"the next payout can be asked for from {rfc3339(due_at)} on")
    amount = standing.available_minor if wish.amount_minor is None else wish.amount_minor
    there_is = f"there is {max(0, standing.available_minor)} {standing.currency} (minor units)"
    if standing.available_minor <= 0 or amount > standing.available_minor:
        raise AboveProfit(f"{there_is} of profit to pay out")
    least = max(1, half_even(standing.initial_minor * terms.profit_min_bp, BASIS_POINTS))
    if amount < least or share_minor(amount, split_bp(terms, past.count + 1)) == 0:
        raise BelowMinimum(f"a payout is of {least} {standing.currency} or more; {there_is}")


def next_due_at(terms: PayoutRules, standing: Standing, past: Past) -> datetime:
    """Return from when the next payout may be asked for."""
    if past.last_at is None:
        return standing.funded_at + timedelta(days=terms.first_after_days)
    return past.last_at + timedelta(days=terms.every_days)


def split_bp(terms: PayoutRules, number: int) -> int:
    """Return the trader's part of the `number`-th payout, in basis points."""
    return terms.split_later_bp if number >= terms.split_later_from else terms.split_bp


def share_minor(withdrawn_minor: int, split: int) -> int:
    """Return the trader's part of what was withdrawn; what rounding leaves is the firm's."""
    return half_even(withdrawn_minor * split, BASIS_POINTS)


def fee_minor(terms: PayoutRules, payout: Payout, price: Money) -> int:
    """Return how much of the challenge's price should go back with this payout, if it is left."""
    if not terms.refunds_fee or payout.number > 1 or price.currency != payout.currency:
        return 0
    return price.minor


def frozen(payout: Payout, *, withdrawn_minor: int, fee: int) -> Payout:
    """Return the payout with its money out of the account, shared out."""
    return replace(
        payout,
        status=PayoutStatus.FROZEN,
        withdrawn_minor=withdrawn_minor,
        share_minor=share_minor(withdrawn_minor, payout.split_bp),
        fee_minor=fee,
    )


def require_not_own(payout: Payout, by: str) -> None:
    """Raise OwnRequest if `by` is whom the payout goes to."""
    if by in {f"operator:{payout.user_id}", f"user:{payout.user_id}"}:
        raise OwnRequest("nobody decides about a payout to themselves; ask a colleague")


def require_open(payout: Payout, by: str) -> None:
    """Raise unless `by` may decide about the payout now."""
    require_not_own(payout, by)
    if payout.decision is not None:
        raise AlreadyDecided(f"payout {payout.id} was {payout.decision.value} already")
    if payout.status is not PayoutStatus.FROZEN:
        raise NotFrozen(f"payout {payout.id} is {payout.status.value}; there is nothing to decide")


def require_approvable(
    payout: Payout, identity: Identity | None, approvals: Sequence[Approval], by: str
) -> None:
    """Raise unless `by` may approve the payout now, as somebody who has not yet."""
    require_open(payout, by)
    if by in {each.by for each in approvals}:
        raise AlreadyApproved("you have approved this payout; another operator must look too")
    require_known(identity)


def require_known(identity: Identity | None) -> None:
    """Raise IdentityUnknown unless it is established who the trader is."""
    if identity is None or identity.state is not IdentityState.VERIFIED:
        state = IdentityState.PENDING if identity is None else identity.state
        raise IdentityUnknown(f"the trader's identity is {state.value}; decide about that first")


def decision_after(payout: Payout, approvals: int) -> Decision | None:
    """Return whether so many approvals are enough."""
    return Decision.APPROVED if approvals >= payout.approvals_needed else None


def payable(payout: Payout) -> str:
    """Return the book account of what we owe the trader."""
    return f"trader-payable:{payout.user_id}:{payout.currency}"


def in_transit(currency: str) -> str:
    """Return the book account of what is ordered at the bank and not yet sent by it."""
    return f"payouts-in-transit:{currency}"


def owed(payout: Payout, now: datetime) -> list[Transfer]:
    """Return what freezing changes in the books: the trader's share, and the fee, are owed."""
    parts = (
        ("share", f"profit-shares:{payout.currency}", payout.share_minor, "profit share"),
        ("fee", f"refunds:{payout.currency}", payout.fee_minor, "fee refund"),
    )
    return [
        Transfer(
            id=derive(payout.id, name),
            debit=debit,
            credit=payable(payout),
            amount=Money(minor, payout.currency),
            reason=reason,
            effective_at=now,
        )
        for name, debit, minor, reason in parts
        if minor
    ]


def given_back(payout: Payout, now: datetime) -> list[Transfer]:
    """Return the reversals of what was owed: the profit is in the account again."""
    return [
        replace(
            each,
            id=derive(each.id, "given back"),
            debit=each.credit,
            credit=each.debit,
            reason=f"{each.reason} given back",
            reverses=each.id,
        )
        for each in owed(payout, now)
    ]


def sent(payout: Payout, order_id: UUID, now: datetime) -> Transfer:
    """Return what ordering the transfer under `order_id` changes in the books."""
    return Transfer(
        id=derive(order_id, "sent"),
        debit=payable(payout),
        credit=in_transit(payout.currency),
        amount=payout.amount,
        reason="payout sent",
        effective_at=now,
    )


def returned(payout: Payout, order_id: UUID, now: datetime) -> Transfer:
    """Return what the transfer changes in the books that came back: it is owed again."""
    return Transfer(
        id=derive(order_id, "returned"),
        debit=in_transit(payout.currency),
        credit=payable(payout),
        amount=payout.amount,
        reason="payout returned",
        effective_at=now,
    )
