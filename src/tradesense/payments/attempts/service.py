"""The verbs of attempts. Each takes the caller's transaction and never commits it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from tradesense import trail
from tradesense.infra.db import Transaction
from tradesense.kernel.errors import TradeSenseError
from tradesense.kernel.events import Event
from tradesense.payments import model, rules
from tradesense.payments.attempts import rules as routing
from tradesense.payments.attempts.rules import Candidate
from tradesense.payments.model import (
    OPEN,
    Attempt,
    AttemptStatus,
    Payment,
    PaymentStatus,
    ProviderPayment,
    Way,
)
from tradesense.payments.refusals import (
    ForeignIntent,
    NobodyReachable,
    NobodyTakesIt,
    PaymentEnded,
    UnknownPayment,
)
from tradesense.payments.store import attempts
from tradesense.payments.store import payments as store
from tradesense.trail.model import Fact

TROUBLE_MAX = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An attempt to be made; `is_again` if it may have arrived at the provider before."""

    payment: Payment
    attempt: Attempt
    is_again: bool


async def begin(
    tx: Transaction, *, payment_id: UUID, candidates: Sequence[Candidate], now: datetime
) -> Begun | TradeSenseError | None:
    """
    Decide whom to ask and commit to it, before they are asked; None if there is nothing to ask.

    Said again, it names the attempt that is underway. Returns, so that it is committed that the
    payment waits, NobodyReachable; or NobodyTakesIt. Raises UnknownPayment.
    """
    payment = await _lock(tx, payment_id)
    if not _is_wanting(payment):
        return None
    chosen = routing.route(payment, candidates)
    if chosen is None and payment.is_wish_open and not routing.takers(payment, candidates):
        await refuse_wish(tx, payment_id=payment_id, reason=_nobody(payment), now=now)
        payment = replace(payment, is_wish_open=False, wanted_provider=None)
        if not _is_wanting(payment):
            return None
        chosen = routing.route(payment, candidates)
    if chosen is None:
        return await _wait(tx, payment, candidates, now)
    known = payment.attempt_at(chosen.name)
    attempt = routing.asked(payment, chosen)
    if attempt != known:
        await attempts.save(tx, attempt, look_in_s=rules.POLL_SOON_S)
    is_again = known is not None and known.status is not AttemptStatus.AWAY
    return Begun(payment=payment, attempt=attempt, is_again=is_again)


async def note_trouble(
    tx: Transaction,
    *,
    payment_id: UUID,
    provider: str,
    status: AttemptStatus,
    trouble: str,
    now: datetime,
) -> None:
    """Keep that a provider made no offer, or none that we know of; told once per provider."""
    payment = await _lock(tx, payment_id)
    attempt = payment.attempt_at(provider)
    if attempt is None or attempt.status is not AttemptStatus.ASKED:
        return  # somebody else has found out meanwhile
    after = replace(attempt, status=status, trouble=trouble[:TROUBLE_MAX])
    await attempts.save(tx, after, look_in_s=rules.POLL_SOON_S)
    if attempt.trouble is None:
        event = model.OfferNotMade(payment_id, payment.purchase_id, provider, status.value)
        await _record(tx, payment, event, now)


async def record_offer(
    tx: Transaction, *, payment_id: UUID, seen: ProviderPayment, now: datetime
) -> Payment:
    """
    Keep what `Provider.create_intent` returned: from now on the buyer can pay it, and only it.

    A second time changes nothing. What the payment needs no more is withdrawn at once. Raises
    UnknownPayment, or ForeignIntent if the provider answered with another payment, amount or
    currency than it was asked for.
    """
    payment = await _lock(tx, payment_id)
    told = (payment_id, payment.amount.minor, payment.amount.currency)
    attempt = payment.attempt_at(seen.provider)
    if (seen.payment_id, seen.amount_minor, seen.currency) != told or attempt is None:
        raise ForeignIntent(f"{seen.provider} offers {seen.ref} for payment {payment_id}")
    if attempt.status not in {AttemptStatus.ASKED, AttemptStatus.UNKNOWN}:
        return payment
    is_wanted = payment.status in OPEN and not payment.is_cancel_requested
    made = replace(
        attempt,
        status=AttemptStatus.OFFERED if is_wanted else AttemptStatus.WITHDRAWING,
        ref=seen.ref,
        client_secret=seen.client_secret,
        pay_url=seen.pay_url,
    )
    await attempts.save(tx, made, look_in_s=rules.POLL_SOON_S if is_wanted else 0)
    if not is_wanted:
        return replace(payment, attempts=_with(payment, made))
    others = await displace(tx, payment, but=seen.provider)
    offered = replace(
        payment,
        status=PaymentStatus.OFFERED,
        is_held=False,
        is_wish_open=False,
        wanted_provider=None,
        attempts=tuple(made if each.provider == seen.provider else each for each in others),
    )
    await store.save_status(tx, offered)
    if payment.is_held:
        await attempts.save_held(tx, payment_id, is_held=False)
    if payment.is_wish_open or payment.wanted_provider:
        await attempts.end_wish(tx, payment_id)
    event = model.PaymentOffered(payment_id, payment.purchase_id, seen.provider, seen.ref)
    await _record(tx, offered, event, now)
    return offered


async def ask_otherwise(
    tx: Transaction,
    *,
    payment_id: UUID,
    provider: str | None,
    way: Way | None,
    return_url: str,
) -> Payment:
    """
    Let the buyer pay another way: the next provider is asked, the present offer then withdrawn.

    Until there is another offer the present one stays. A second time changes nothing. Raises
    UnknownPayment, PaymentEnded, or NobodyTakesIt if `provider` has made its offer already.
    """
    payment = await _lock(tx, payment_id)
    if payment.status not in OPEN or payment.is_cancel_requested:
        raise PaymentEnded(f"the payment is {payment.status.value}; there is nothing to pay")
    known = None if provider is None else payment.attempt_at(provider)
    if known is not None and known.ref is not None:
        raise NobodyTakesIt(
            f"{provider} has made its offer for this payment already; it is {known.status.value}: "
            "pay that one, or name another provider"
        )
    await attempts.save_wish(
        tx,
        payment_id,
        wanted_provider=provider,
        way=way or payment.way,
        return_url=return_url or payment.return_url,
    )
    return replace(payment, wanted_provider=provider, way=way or payment.way, is_wish_open=True)


async def refuse_wish(
    tx: Transaction, *, payment_id: UUID, reason: str | None, now: datetime
) -> None:
    """End a buyer's wish that cannot be granted, or (no reason) need not be any more."""
    payment = await _lock(tx, payment_id)
    if not payment.is_wish_open:
        return
    await attempts.end_wish(tx, payment_id)
    if reason is not None:
        event = model.OtherWayRefused(payment_id, payment.purchase_id, reason)
        await _record(tx, payment, event, now)


async def displace(tx: Transaction, payment: Payment, *, but: str | None) -> tuple[Attempt, ...]:
    """Let nobody pay any attempt `but` one; return them as they stand then."""
    after = []
    for attempt in payment.attempts:
        changed = attempt if attempt.provider == but else routing.displaced(attempt)
        if changed != attempt:
            await attempts.save(tx, changed, look_in_s=0)
        after.append(changed)
    return tuple(after)


async def close_unknown(tx: Transaction, *, payment_id: UUID, provider: str, looks: int) -> None:
    """Note that a provider surely made no offer, once it was looked for often enough."""
    payment = await _lock(tx, payment_id)
    attempt = payment.attempt_at(provider)
    if attempt is None or attempt.status is not AttemptStatus.UNKNOWN:
        return
    if looks >= routing.LOOKS_FOR_UNKNOWN:
        closed = replace(attempt, status=AttemptStatus.WITHDRAWN)
        await attempts.save(tx, closed, look_in_s=0)


def _is_wanting(payment: Payment) -> bool:
    """Whether somebody shall be asked for an offer."""
    if payment.status not in OPEN or payment.is_cancel_requested:
        return False
    return payment.offer is None or payment.is_wish_open


async def _wait(
    tx: Transaction, payment: Payment, candidates: Sequence[Candidate], now: datetime
) -> TradeSenseError:
    """Return why nobody is asked; say once that a payment without any offer waits."""
    if not routing.takers(payment, candidates):
        return NobodyTakesIt(_nobody(payment))
    if payment.offer is None and not payment.is_held:
        await attempts.save_held(tx, payment.payment_id, is_held=True)
        event = model.PaymentHeld(payment.payment_id, payment.purchase_id)
        await _record(tx, payment, event, now)
    return NobodyReachable("no payment provider can be reached; the payment waits for one")


def _nobody(payment: Payment) -> str:
    wanted = payment.wanted_provider or "any other provider"
    return f"{payment.amount} cannot be paid through {wanted}"


def _with(payment: Payment, made: Attempt) -> tuple[Attempt, ...]:
    return tuple(made if each.provider == made.provider else each for each in payment.attempts)


async def _lock(tx: Transaction, payment_id: UUID) -> Payment:
    payment = await store.lock_payment(tx, payment_id)
    if payment is None:
        raise UnknownPayment(f"no payment {payment_id}")
    return payment


async def _record(tx: Transaction, payment: Payment, event: Event, now: datetime) -> None:
    stream = f"payment:{payment.payment_id}"
    await trail.record(tx, Fact(event=event, stream=stream, at=now, by="system:payments"))
