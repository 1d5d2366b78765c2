"""The verbs of the story: freeze, send, arrive, or go back; and what the engine and bank say."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from tradesense import challenges, ledger, payments, sagas, trading
from tradesense.infra.db import Transaction
from tradesense.kernel.events import Event
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.payouts import model, rules
from tradesense.payouts.model import LeftIn, Payout, PayoutStatus
from tradesense.payouts.service.clearing import challenge_of, require_sendable
from tradesense.payouts.service.saying import BY, lock, say
from tradesense.payouts.service.sending import order_transfer
from tradesense.payouts.store import payouts as store
from tradesense.trail.model import Entry


async def freeze(tx: Transaction, payout_id: UUID, *, now: datetime) -> None:
    """Ask the engine to let the money go; it answers on the account's stream."""
    payout = await lock(tx, payout_id)
    await trading.request_withdrawal(
        tx,
        account_id=payout.account_id,
        withdrawal_id=payout.id,
        amount_minor=payout.asked_minor,
        now=now,
    )


async def send(tx: Transaction, payout_id: UUID, *, now: datetime) -> None:
    """
    Order the transfer at our bank, once, under the payout's own id.

    Raises NotClear if the challenge is suspended, disputed or was revoked, NoBankAccount,
    BadAccount.
    """
    payout = await lock(tx, payout_id)
    await require_sendable(tx, payout)
    after = replace(payout, status=PayoutStatus.SENT)
    await store.save(tx, after)
    text = f"payout {payout.number}"
    await order_transfer(tx, payout, order_id=payout.id, payee=payout.payee, text=text, now=now)
    await say(tx, after, _amounts(model.PayoutSent, after), now=now)
    await ledger.post(
        tx, rules.sent(payout, payout.id, now), now=now, by=BY, cause=f"payout:{payout.id}"
    )


async def refuse(tx: Transaction, payout_id: UUID, *, reason: str, now: datetime) -> None:
    """Say that a payout will not be sent. What was said stands: a second time changes nothing."""
    payout = await lock(tx, payout_id)
    if payout.status is PayoutStatus.REFUSED:
        return
    after = replace(payout, status=PayoutStatus.REFUSED, reason=payout.reason or reason)
    await store.save(tx, after)
    refused = model.PayoutRefused(
        payout_id=payout.id, challenge_id=payout.challenge_id, reason=str(after.reason)
    )
    await say(tx, after, refused, now=now)


async def give_back(tx: Transaction, payout_id: UUID, *, reason: str, now: datetime) -> None:
    """Refuse a frozen payout, and ask the engine to take the money back into the account."""
    await refuse(tx, payout_id, reason=reason, now=now)
    payout = await lock(tx, payout_id)
    await trading.request_restore(
        tx, account_id=payout.account_id, withdrawal_id=payout.id, now=now
    )


async def hear(tx: Transaction, entry: Entry, now: datetime) -> None:
    """Apply what the engine or the bank says about a payout, and tell its saga."""
    named = "outgoing_id" if entry.kind.startswith("Outgoing") else "withdrawal_id"
    payout = await store.lock(tx, UUID(str(entry.data[named])))
    if payout is None:
        return  # a refund or resend of the bank's, or a withdrawal that no trader asked for
    match entry.kind:
        case "Withdrawn":
            await _withdrawn(tx, payout, int(str(entry.data["amount_minor"])), now=now)
        case "WithdrawalRefused":
            why = f"trading.{entry.data['reason']}"
            await store.save(tx, replace(payout, reason=payout.reason or why))
            await _signal(tx, payout, rules.FREEZE, outcome="refused")
        case "WithdrawalRestored":
            await _restored(tx, payout, now=now)
        case "RestoreRefused":
            await _still_owed(tx, payout, now=now)
        case "OutgoingPaid":
            await _paid(tx, payout, now=now)
        case "OutgoingReturned":
            await _returned(tx, payout, now=now)
        case _:
            raise ValueError(f"{entry.kind} says nothing about a payout")


async def _withdrawn(tx: Transaction, payout: Payout, amount_minor: int, *, now: datetime) -> None:
    if payout.status is not PayoutStatus.REQUESTED:
        # Given up while the engine was away: it goes back, and was never owed.
        await trading.request_restore(
            tx, account_id=payout.account_id, withdrawal_id=payout.id, now=now
        )
        return
    fee = await _fee(tx, payout, now=now)
    after = rules.frozen(payout, withdrawn_minor=amount_minor, fee=fee)
    await store.save(tx, after)
    frozen = model.PayoutFrozen(
        payout_id=after.id,
        challenge_id=after.challenge_id,
        withdrawn_minor=amount_minor,
        share_minor=after.share_minor,
        firm_minor=after.firm_minor,
        fee_minor=after.fee_minor,
        amount_minor=after.amount.minor,
        currency=after.currency,
    )
    await say(tx, after, frozen, now=now)
    await _signal(tx, after, rules.FREEZE, outcome="frozen")
    await _post(tx, after, rules.owed(after, now), now=now)


async def _fee(tx: Transaction, payout: Payout, *, now: datetime) -> int:
    """Keep what is left of the challenge's price for this payout; return it, in minor units."""
    challenge = await challenge_of(tx, payout)
    sealed = challenge.terms.data["price"]
    price = Money(int(sealed["minor"]), str(sealed["currency"]))
    due = rules.fee_minor(challenges.payout_rules_of(challenge.terms), payout, price)
    if not due:
        return 0
    return await payments.set_aside(
        tx,
        payment_id=derive(challenge.purchase_id, "payment"),
        aside_id=payout.id,
        most=Money(due, payout.currency),
        by=BY,
        now=now,
    )


async def _restored(tx: Transaction, payout: Payout, *, now: datetime) -> None:
    after = replace(payout, left_in=LeftIn.ACCOUNT)
    await store.save(tx, after)
    await _signal(tx, payout, rules.GIVEN_BACK, outcome="restored")
    if payout.withdrawn_minor is None:
        return
    restored = model.PayoutRestored(
        payout_id=payout.id,
        challenge_id=payout.challenge_id,
        withdrawn_minor=payout.withdrawn_minor,
        currency=payout.currency,
    )
    await say(tx, after, restored, now=now)
    await payments.put_back(tx, aside_id=payout.id, by=BY, now=now)
    await _post(tx, after, rules.given_back(payout, now), now=now)


async def _still_owed(tx: Transaction, payout: Payout, *, now: datetime) -> None:
    if payout.withdrawn_minor is not None:
        after = replace(payout, left_in=LeftIn.PAYABLE)
        await store.save(tx, after)
        await say(tx, after, _amounts(model.PayoutOwed, after), now=now)
    await _signal(tx, payout, rules.GIVEN_BACK, outcome="owed")


async def _paid(tx: Transaction, payout: Payout, *, now: datetime) -> None:
    after = replace(payout, status=PayoutStatus.PAID)
    await store.save(tx, after)
    events: list[Event] = [_amounts(model.PayoutPaid, after)]
    if after.fee_minor:
        fee = model.FeeRefunded(
            payout_id=after.id,
            challenge_id=after.challenge_id,
            amount_minor=after.fee_minor,
            currency=after.currency,
        )
        events.append(fee)
    await say(tx, after, *events, now=now)
    await _signal(tx, after, rules.ARRIVAL, outcome="paid")


async def _returned(tx: Transaction, payout: Payout, *, now: datetime) -> None:
    """Owe it again, and ask the engine to take it back: the account may be active still."""
    after = replace(payout, status=PayoutStatus.RETURNED)
    await store.save(tx, after)
    await say(tx, after, _amounts(model.PayoutReturned, after), now=now)
    await trading.request_restore(
        tx, account_id=payout.account_id, withdrawal_id=payout.id, now=now
    )
    await _post(tx, after, [rules.returned(after, after.id, now)], now=now)


async def _post(
    tx: Transaction, payout: Payout, transfers: list[ledger.Transfer], *, now: datetime
) -> None:
    await ledger.post(tx, *transfers, now=now, by=BY, cause=f"payout:{payout.id}")


async def _signal(tx: Transaction, payout: Payout, name: str, **heard: str) -> None:
    await sagas.signal(tx, saga_id=payout.id, name=name, data=dict(heard))


def _amounts(
    kind: type[model.PayoutSent | model.PayoutPaid | model.PayoutReturned | model.PayoutOwed],
    payout: Payout,
) -> Event:
    """Return a fact of `kind` about all that goes to the trader's bank."""
    return kind(
        payout_id=payout.id,
        challenge_id=payout.challenge_id,
        amount_minor=payout.amount.minor,
        currency=payout.currency,
    )
