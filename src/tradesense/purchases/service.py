"""The verbs of purchases. Each takes the caller's transaction and never commits it."""

from datetime import datetime
from uuid import UUID

from tradesense import challenges, ledger, payments, sagas, trail
from tradesense.infra.db import Transaction
from tradesense.kernel.errors import Conflict, Invalid, NotFound
from tradesense.kernel.events import Event
from tradesense.kernel.ids import derive
from tradesense.ledger import Transfer
from tradesense.purchases import rules, store
from tradesense.purchases.model import Purchase, PurchaseOpened, PurchaseStatus
from tradesense.purchases.rules import Told
from tradesense.trail.model import Entry, Fact

SAGA_KIND, SAGA_VERSION = "purchase", 1
LIST_MAX = 100
BY = "system:purchases"


class UnknownPurchase(NotFound):
    """No purchase has this id, or it is somebody else's."""

    code = "purchases.unknown"


class WrongPrice(Invalid):
    """The buyer expects another price than the plan has."""

    code = "purchases.wrong_price"


class PurchaseDiffers(Conflict):
    """The id names another purchase already."""

    code = "purchases.differs"


async def open_purchase(
    tx: Transaction,
    *,
    purchase_id: UUID,
    user_id: UUID,
    plan: str,
    amount_minor: int | None = None,
    currency: str | None = None,
    now: datetime,
) -> Purchase:
    """
    Order `plan` at its price and begin the saga that asks for the money.

    `amount_minor` and `currency` are what the buyer expects to pay, if said. Said twice, it is
    opened once. Raises UnknownPlan, WrongPrice or PurchaseDiffers.
    """
    price = challenges.get_plan(plan).price
    if not rules.is_price(price, amount_minor=amount_minor, currency=currency):
        amount = "any amount" if amount_minor is None else amount_minor
        raise WrongPrice(
            f"{plan} costs {price.minor} {price.currency} (minor units: {price}), "
            f"not {amount} {currency or 'in any currency'}"
        )
    purchase = Purchase(
        id=purchase_id,
        user_id=user_id,
        plan=plan,
        price=price,
        status=PurchaseStatus.AWAITING_PAYMENT,
        opened_at=now,
    )
    if not await store.insert(tx, purchase):
        known = await store.find(tx, purchase_id)
        if known is None or (known.user_id, known.plan) != (user_id, plan):
            raise PurchaseDiffers(f"purchase {purchase_id} is another one already")
        return known
    await _record(tx, purchase, _opened(purchase), now=now, by=f"user:{user_id}")
    await sagas.start(
        tx,
        kind=SAGA_KIND,
        version=SAGA_VERSION,
        saga_id=purchase_id,
        data={"amount_minor": price.minor, "currency": price.currency},
        now=now,
    )
    return purchase


async def get(tx: Transaction, purchase_id: UUID, *, user_id: UUID) -> Purchase:
    """Return the user's purchase. Raises UnknownPurchase; another's looks like none."""
    purchase = await store.find(tx, purchase_id)
    if purchase is None or purchase.user_id != user_id:
        raise UnknownPurchase(f"you have no purchase {purchase_id}")
    return purchase


async def list_of(tx: Transaction, *, user_id: UUID) -> list[Purchase]:
    """Return the user's newest purchases, at most a hundred."""
    return await store.list_of(tx, user_id, limit=LIST_MAX)


async def hear(tx: Transaction, entry: Entry, now: datetime) -> None:
    """Apply a fact about a payment to its purchase, and tell the purchase's saga."""
    purchase = await store.lock(tx, UUID(str(entry.data["purchase_id"])))
    if purchase is None:
        return  # a payment that no purchase asked for: payments sends its money back
    told = rules.hear(purchase, entry.kind)
    await _tell(tx, purchase, told, now=now)
    for name, outcome in told.signals:
        await sagas.signal(tx, saga_id=purchase.id, name=name, data={"outcome": outcome})


async def request_payment(tx: Transaction, purchase_id: UUID, *, now: datetime) -> None:
    """Decide to ask the buyer for the price. Raises UnknownPurchase."""
    purchase = await _lock(tx, purchase_id)
    await payments.request(
        tx,
        payment_id=purchase.payment_id,
        purchase_id=purchase.id,
        amount=purchase.price,
        now=now,
    )


async def start_challenge(tx: Transaction, purchase_id: UUID, *, now: datetime) -> None:
    """Earn the price and start what was paid for. Raises what `challenges.start` raises."""
    purchase = await _lock(tx, purchase_id)
    await challenges.start(
        tx,
        challenge_id=purchase.challenge_id,
        user_id=purchase.user_id,
        purchase_id=purchase.id,
        plan=purchase.plan,
        now=now,
    )
    await _tell(tx, purchase, rules.activated(purchase), now=now)
    earned = Transfer(
        id=derive(purchase.id, "earned"),
        debit=f"deferred-revenue:{purchase.price.currency}",
        credit=f"challenge-revenue:{purchase.price.currency}",
        amount=purchase.price,
        reason="challenge started",
        effective_at=now,
    )
    await ledger.post(tx, earned, now=now, by=BY, cause=f"purchase:{purchase.id}")


async def give_up(tx: Transaction, purchase_id: UUID, *, reason: str, now: datetime) -> None:
    """Withdraw the offer, or send the money back; facts on the payment say when it is done."""
    purchase = rules.given_up(await _lock(tx, purchase_id), reason)
    await store.save(tx, purchase)
    await payments.give_up(tx, payment_id=purchase.payment_id, reason=str(purchase.reason), now=now)


def _opened(purchase: Purchase) -> PurchaseOpened:
    return PurchaseOpened(
        purchase_id=purchase.id,
        user_id=purchase.user_id,
        plan=purchase.plan,
        amount_minor=purchase.price.minor,
        currency=purchase.price.currency,
    )


async def _lock(tx: Transaction, purchase_id: UUID) -> Purchase:
    purchase = await store.lock(tx, purchase_id)
    if purchase is None:
        raise UnknownPurchase(f"no purchase {purchase_id}")
    return purchase


async def _tell(tx: Transaction, before: Purchase, told: Told, *, now: datetime) -> None:
    if told.purchase != before:
        await store.save(tx, told.purchase)
    if told.event is not None:
        await _record(tx, told.purchase, told.event, now=now, by=BY)


async def _record(
    tx: Transaction, purchase: Purchase, event: Event, *, now: datetime, by: str
) -> None:
    stream = f"purchase:{purchase.id}"
    await trail.record(tx, Fact(event=event, stream=stream, at=now, by=by))
