"""
Ask one provider after the other until one has made an offer.

    begin (committed) ── call ──▶ an offer                        returned, to be committed
                             ├──▶ refused, or surely not made     committed; the next is asked
                             └──▶ outcome unknown                 settled first, by looking for it

What cannot be settled because the provider is away was shown to nobody, so nobody can pay it:
the next one is asked, and whatever turns up is withdrawn later (`payments.jobs`).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import structlog

from tradesense.infra.db import Transaction
from tradesense.infra.runtime import Runtime
from tradesense.kernel.errors import OutcomeUnknown, Rejected, TradeSenseError, Unavailable
from tradesense.payments.attempts import service
from tradesense.payments.attempts.registry import Providers
from tradesense.payments.attempts.rules import Candidate
from tradesense.payments.attempts.service import Begun
from tradesense.payments.model import (
    Attempt,
    AttemptStatus,
    IntentAsked,
    Provider,
    ProviderPayment,
)
from tradesense.payments.outages.store import list_contained
from tradesense.payments.refusals import AllContained, NobodyReachable

SETTLE_WITHIN_S = 1.5  # how long a buyer waits for the outcome of the attempt before

log = structlog.get_logger()


async def make_offer(
    runtime: Runtime, providers: Providers, payment_id: UUID
) -> ProviderPayment | None:
    """
    Return an offer of the payment, to be kept by `record_offer`; None if none is needed now.

    May be repeated: what is underway is asked for again under the same id. Raises
    NobodyReachable or AllContained (the payment waits), or Rejected if nobody will ever take it.
    """
    await providers.refresh()
    in_vain: set[str] = set()
    refusal: Rejected | None = None
    while True:
        begun = await _begin(runtime, payment_id, providers.candidates(without=in_vain))
        if begun is None:
            return None
        if isinstance(begun, Exception):
            if isinstance(begun, Rejected) and refusal is not None:
                raise refusal
            if isinstance(begun, NobodyReachable) and not in_vain:
                raise AllContained(str(begun))
            raise begun
        outcome = await _ask(providers[begun.attempt.provider], begun)
        if isinstance(outcome, ProviderPayment):
            return outcome
        status, error = outcome
        refusal = error if isinstance(error, Rejected) else refusal
        in_vain.add(begun.attempt.provider)
        await _note(runtime, begun.attempt, status, error)


async def _begin(
    runtime: Runtime, payment_id: UUID, candidates: Sequence[Candidate]
) -> Begun | TradeSenseError | None:
    now = runtime.now()

    async def verb(tx: Transaction) -> Begun | TradeSenseError | None:
        contained = await list_contained(tx)
        open_now = [
            replace(each, is_admitting=each.is_admitting and each.name not in contained)
            for each in candidates
        ]
        return await service.begin(tx, payment_id=payment_id, candidates=open_now, now=now)

    return await runtime.db.repeat(verb)


async def _ask(
    provider: Provider, begun: Begun
) -> ProviderPayment | tuple[AttemptStatus, Exception]:
    """Return the provider's offer, or what its attempt has become and why."""
    payment, attempt = begun.payment, begun.attempt
    asked = IntentAsked(
        payment_id=payment.payment_id,
        purchase_id=payment.purchase_id,
        amount=payment.amount,
        way=attempt.way,
        is_captured_later=payment.is_captured_later,
        return_url=payment.return_url,
        payer=payment.payer,
    )
    try:
        return await provider.create_intent(asked)
    except Rejected as error:
        return AttemptStatus.REFUSED, error
    except Unavailable as error:
        # Away now, but asked before without an answer: that may have arrived all the same.
        return (AttemptStatus.UNKNOWN if begun.is_again else AttemptStatus.AWAY), error
    except OutcomeUnknown as error:
        found = await _look(provider, payment.payment_id)
        return found or (AttemptStatus.UNKNOWN, error)


async def _look(provider: Provider, payment_id: UUID) -> ProviderPayment | None:
    """Return what a provider made although it did not answer, as far as it says so soon."""
    try:
        async with asyncio.timeout(SETTLE_WITHIN_S):
            return await provider.find(payment_id)
    except (TimeoutError, Unavailable, OutcomeUnknown) as error:
        log.info("payments.unsettled", provider=provider.name, trouble=str(error))
        return None


async def _note(
    runtime: Runtime, attempt: Attempt, status: AttemptStatus, error: Exception
) -> None:
    log.warning("payments.no_offer", provider=attempt.provider, status=status, trouble=str(error))
    now = runtime.now()
    await runtime.db.repeat(
        lambda tx: service.note_trouble(
            tx,
            payment_id=attempt.payment_id,
            provider=attempt.provider,
            status=status,
            trouble=f"{type(error).__name__}: {error}",
            now=now,
        )
    )
