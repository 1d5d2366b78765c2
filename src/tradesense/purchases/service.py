"""The verbs of purchases. Each takes the caller's transaction and never commits it."""

from datetime import datetime
from typing import assert_never
from uuid import UUID

from tradesense import challenges, identity, ledger, payments, sagas, trail
from tradesense.challenges.model import RevokedFor, SuspendedFor
from tradesense.infra.db import Transaction
from tradesense.kernel.errors import Conflict, Invalid, NotFound
from tradesense.kernel.events import Event
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.ledger import Transfer
from tradesense.payments.model import Payment, PaymentStatus, Refund, Way
from tradesense.purchases import rules, store
from tradesense.purchases.model import Purchase, PurchaseOpened, PurchaseStatus
from tradesense.purchases.rules import Told
from tradesense.sagas import Await, Local, Opening, Saga
from tradesense.sagas.model import Data, Sort
from tradesense.trail.model import Entry, Fact

SAGA_KIND, SAGA_VERSION = "purchase", 1
# Banks return card payments within days; after a month a person must look.
RETURN_WITHIN_S = 30 * 24 * 3600
LIST_MAX = 100
BY = "system:purchases"


class UnknownPurchase(NotFound):
    """No purchase has this id, or it is somebody else's."""

    code = "purchases.unknown"


class WrongPrice(Invalid):
    """The buyer expects another price than the plan has."""

    code = "purchases.wrong_price"


class NothingToPay(Conflict):
    """The purchase is paid, or over."""

    code = "purchases.nothing_to_pay"


class NotStarted(Conflict):
    """What was paid for is about to be delivered; then it can be refunded."""

    code = "purchases.not_started"


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
    way: Way = Way.DIRECT,
    return_url: str = "",
    now: datetime,
) -> Purchase:
    """
    Order `plan` at its price and begin the saga that asks for the money, with its first step.

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
        way=way,
        return_url=return_url,
    )
    if not await store.insert(tx, purchase):
        known = await store.find(tx, purchase_id)
        if known is None or (known.user_id, known.plan) != (user_id, plan):
            raise PurchaseDiffers(f"purchase {purchase_id} is another one already")
        return known
    await _record(tx, purchase, _opened(purchase), now=now, by=f"user:{user_id}")
    await sagas.begin(
        tx,
        OPENING,
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
    told = rules.hear(purchase, entry.kind, entry.data)
    await _tell(tx, purchase, told, now=now)
    await _act(tx, purchase, told, now=now)
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
        way=purchase.way,
        return_url=purchase.return_url,
        payer=await identity.likely_name(tx, purchase.user_id),
        now=now,
    )


async def pay_otherwise(
    tx: Transaction,
    purchase_id: UUID,
    *,
    user_id: UUID,
    provider: str | None,
    way: Way | None,
    return_url: str,
) -> Payment:
    """
    Let the buyer pay another way; the present offer stays until there is another.

    Raises UnknownPurchase, NothingToPay, or what `payments.ask_otherwise` raises.
    """
    purchase = await get(tx, purchase_id, user_id=user_id)
    if purchase.status is not PurchaseStatus.AWAITING_PAYMENT or purchase.reason is not None:
        raise NothingToPay(f"the purchase is {purchase.status.value}; there is nothing to pay")
    if await payments.find_payment(tx, purchase.payment_id) is None:
        # Its saga has not begun yet; what it shall ask for is known before it does.
        await request_payment(tx, purchase_id, now=purchase.opened_at)
    return await payments.ask_otherwise(
        tx,
        payment_id=purchase.payment_id,
        provider=provider,
        way=way,
        return_url=return_url,
    )


async def refund(
    tx: Transaction,
    *,
    payment_id: UUID,
    refund_id: UUID,
    amount_minor: int | None,
    reason: str,
    by: str,
    now: datetime,
) -> Refund:
    """
    Send `amount_minor` (None: the rest) of what was paid back, at an operator's wish.

    Of a challenge that runs it comes out of revenue; all of it back revokes the challenge. Raises
    UnknownPayment, NotStarted, or what `payments.request_refund` raises.
    """
    payment = await payments.find_payment(tx, payment_id)
    if payment is None:
        raise payments.UnknownPayment(f"no payment {payment_id}")
    purchase = await store.lock(tx, payment.purchase_id)
    if purchase is not None and purchase.status is PurchaseStatus.PAID:
        raise NotStarted("it is paid, and its challenge about to start; ask again in a moment")
    amount = None if amount_minor is None else Money(amount_minor, payment.amount.currency)
    return await payments.request_refund(
        tx,
        payment_id=payment_id,
        refund_id=refund_id,
        amount=amount,
        reason=reason,
        by=by,
        now=now,
    )


async def start_challenge(tx: Transaction, purchase_id: UUID, *, now: datetime) -> None:
    """
    Earn the price and start what was paid for.

    Raises what `payments.earn` and `challenges.start` raise.
    """
    purchase = await _lock(tx, purchase_id)
    await payments.earn(tx, payment_id=purchase.payment_id)
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
    payment = await payments.give_up(
        tx, payment_id=purchase.payment_id, reason=str(purchase.reason), now=now
    )
    if payment.status in {PaymentStatus.REFUNDED, PaymentStatus.LOST}:
        # Somebody was quicker: the saga has heard of it, or will.
        await _tell(tx, purchase, rules.money_is_back(purchase), now=now)


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


async def _act(tx: Transaction, purchase: Purchase, told: Told, *, now: datetime) -> None:
    challenge_id = purchase.challenge_id
    match told.act:
        case None:
            return
        case rules.Act.SUSPEND:
            await challenges.suspend(
                tx, challenge_id=challenge_id, reason=SuspendedFor.PAYMENT_DISPUTED, now=now
            )
        case rules.Act.REINSTATE:
            await challenges.reinstate(tx, challenge_id=challenge_id, now=now)
        case rules.Act.REFUND:
            await challenges.revoke(
                tx, challenge_id=challenge_id, reason=RevokedFor.REFUNDED, now=now
            )
        case rules.Act.CHARGE_BACK:
            await challenges.revoke(
                tx, challenge_id=challenge_id, reason=RevokedFor.CHARGED_BACK, now=now
            )
        case _:
            assert_never(told.act)


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


async def _request_payment(tx: Transaction, saga: Saga, now: datetime) -> Data:
    await request_payment(tx, saga.id, now=now)
    return {}


async def _return_money(tx: Transaction, saga: Saga, now: datetime) -> Data:
    await give_up(tx, saga.id, reason=saga.reason or rules.PAYMENT_FAILED, now=now)
    return {}


# What an order's own commit does of its story; `jobs.story` goes on from here.
OPENING = Opening(
    kind=SAGA_KIND,
    version=SAGA_VERSION,
    steps=(
        Local(
            name="request-payment",
            do=_request_payment,
            undo=Await(
                name="return-money",
                enter=_return_money,
                signal=rules.MONEY_RETURNED,
                within_s=RETURN_WITHIN_S,
                judge=dict,
            ),
        ),
    ),
    then=Sort.REMOTE,
)
