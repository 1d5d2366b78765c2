"""The verbs of asking: a trader asks for profit, and reads what became of it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tradesense import challenges, payments, sagas, trading
from tradesense.challenges import Challenge
from tradesense.infra.db import Transaction
from tradesense.kernel.instants import from_us
from tradesense.payouts import rules
from tradesense.payouts.model import (
    IdentityState,
    Payout,
    PayoutRequested,
    Standing,
    Wish,
)
from tradesense.payouts.refusals import (
    IdentityUnknown,
    NotFunded,
    PayoutDiffers,
    PayoutPending,
    UnknownPayout,
)
from tradesense.payouts.service.saying import say
from tradesense.payouts.store import identities
from tradesense.payouts.store import payouts as store

SAGA_KIND, SAGA_VERSION = "payout", 1
LIST_MAX = 100


async def request(
    tx: Transaction, *, payout_id: UUID, user_id: UUID, wish: Wish, alone_max: int, now: datetime
) -> Payout:
    """
    Ask for profit of a funded account, as `wish` says.

    Up to `alone_max` whole units of the currency one operator may approve it. Said twice, it is
    asked for once. Raises BadRequest, BadAccount, UnknownChallenge, UnknownAccount,
    PayoutDiffers, or a PayoutRefusal; the engine still has its own say when the money is frozen.
    """
    rules.require_sense(wish)
    payments.bank.require_payable(wish.payee.name, wish.payee.account)
    challenge = await _find_challenge(tx, wish, user_id=user_id)
    known = await store.find(tx, payout_id)
    if known is not None:
        if (known.challenge_id, known.asked_minor) != (challenge.id, wish.amount_minor):
            raise PayoutDiffers(f"payout {payout_id} is another one already")
        return known
    payout = await _judged(tx, challenge, wish, payout_id=payout_id, alone_max=alone_max, now=now)
    if not await store.insert(tx, payout):
        raise _pending()
    await say(tx, payout, _requested(payout), by=f"user:{user_id}", now=now)
    await sagas.start(tx, kind=SAGA_KIND, version=SAGA_VERSION, saga_id=payout.id, data={}, now=now)
    return payout


async def get(tx: Transaction, payout_id: UUID, *, user_id: UUID) -> Payout:
    """Return the trader's payout. Raises UnknownPayout; another's looks like none."""
    payout = await store.find(tx, payout_id)
    if payout is None or payout.user_id != user_id:
        raise UnknownPayout(f"you have no payout {payout_id}")
    return payout


async def list_of(tx: Transaction, *, user_id: UUID) -> Sequence[Payout]:
    """Return the trader's newest payouts, at most a hundred."""
    return await store.list_of(tx, user_id, limit=LIST_MAX)


async def _find_challenge(tx: Transaction, wish: Wish, *, user_id: UUID) -> Challenge:
    if wish.challenge_id is not None:
        return await challenges.get(tx, wish.challenge_id, user_id=user_id)
    account_id = wish.account_id
    found = None if account_id is None else await challenges.find_by_account(tx, account_id)
    if found is None or found.user_id != user_id:
        raise challenges.UnknownAccount(f"you have no account {account_id}")
    if found.account_id != account_id:
        raise NotFunded(f"account {account_id} has ended; only a funded one pays out")
    return found


async def _judged(
    tx: Transaction,
    challenge: Challenge,
    wish: Wish,
    *,
    payout_id: UUID,
    alone_max: int,
    now: datetime,
) -> Payout:
    """Return the payout that may be asked for now. Raises BadRequest or a PayoutRefusal."""
    rules.require_clear(challenge)
    # Read first: whoever asks at this moment is then found below, or by the insert.
    past = await store.find_past(tx, challenge.id)
    if await store.find_on_its_way(tx, challenge.id) is not None:
        raise _pending()
    identity = await identities.find_identity(tx, challenge.user_id)
    if identity is not None and identity.state is IdentityState.REJECTED:
        raise IdentityUnknown(f"we could not establish who you are: {identity.reason}")
    standing = await _stand(tx, challenge)
    terms = challenges.payout_rules_of(challenge.terms)
    rules.require_payable(standing, terms, wish, past=past, now=now)
    return Payout(
        id=payout_id,
        user_id=challenge.user_id,
        challenge_id=challenge.id,
        account_id=challenge.account_id,
        currency=standing.currency,
        asked_minor=wish.amount_minor,
        number=past.count + 1,
        split_bp=rules.split_bp(terms, past.count + 1),
        alone_max_minor=rules.alone_max_minor(alone_max, standing.currency),
        payee=wish.payee,
        requested_at=now,
    )


def _requested(payout: Payout) -> PayoutRequested:
    return PayoutRequested(
        payout_id=payout.id,
        challenge_id=payout.challenge_id,
        account_id=payout.account_id,
        user_id=payout.user_id,
        number=payout.number,
        split_bp=payout.split_bp,
        asked_minor=payout.asked_minor,
        currency=payout.currency,
    )


async def _stand(tx: Transaction, challenge: Challenge) -> Standing:
    view = await trading.find_account(tx, challenge.account_id)
    if view is None:
        raise NotFunded("the funded account is not open yet; ask again in a moment")
    return Standing(
        currency=view.setup.currency,
        initial_minor=view.setup.initial_minor,
        available_minor=view.balance_minor - view.setup.initial_minor,
        is_flat=not view.positions,
        funded_at=from_us(view.opened_us),
    )


def _pending() -> PayoutPending:
    return PayoutPending("this challenge has a payout on its way; ask again once it has arrived")
