"""
The story of a purchase, from the order to the running challenge, or the money back.

    request-payment ─▶ offer-payment ─▶ await-payment ─▶ start-challenge (pivot)
          │ undo           (remote)       5 days at most
          ▼
    return-money: withdraw the offer or refund, and wait until it is done
"""

from datetime import datetime
from functools import partial

from tradesense import payments
from tradesense.bus import Subscription
from tradesense.infra.db import Transaction
from tradesense.infra.runtime import Runtime
from tradesense.kernel.errors import Rejected
from tradesense.kernel.ids import derive
from tradesense.payments import Providers
from tradesense.payments.model import ProviderPayment
from tradesense.purchases import rules, service
from tradesense.sagas import Await, Definition, Local, Remote, Saga
from tradesense.sagas.model import Data

# A transfer between banks takes up to three working days, and a weekend may lie between; card
# pages end by themselves after a day, and are offered again to whoever asks.
PAY_WITHIN_S = 5 * 24 * 3600

# With every provider away a purchase waits for one, tried once a minute, for a day and more: an
# order is not lost to an outage. After that a person must look.
OFFER_TRIES_MAX = 2_000


class PaymentMismatched(Rejected):
    """The buyer paid something else than the price; it goes back."""

    code = rules.MISMATCHED


class PaymentFailed(Rejected):
    """The provider gave the payment up."""

    code = rules.PAYMENT_FAILED


def story(providers: Providers) -> Definition:
    """Return the saga of a purchase that is paid through whichever of `providers` can take it."""
    return Definition(
        kind=service.SAGA_KIND,
        version=service.SAGA_VERSION,
        steps=(
            *service.OPENING.steps,
            Remote(
                name="offer-payment",
                ask=partial(_offer, providers),
                settle=_keep_offer,
                tries_max=OFFER_TRIES_MAX,
            ),
            Await(
                name="await-payment",
                signal=rules.PAYMENT,
                within_s=PAY_WITHIN_S,
                judge=_judge_payment,
            ),
            Local(name="start-challenge", do=_start_challenge),
        ),
        pivot="start-challenge",
    )


SUBSCRIPTION = Subscription(
    name="purchases",
    kinds=(
        "PaymentSucceeded",
        "PaymentMismatched",
        "PaymentFailed",
        "PaymentCancelled",
        "PaymentRefunded",
        "PaymentHeld",
        "PaymentReturned",
        "DisputeOpened",
        "DisputeWon",
        "DisputeLost",
    ),
    apply=service.hear,
)


async def _offer(
    providers: Providers, runtime: Runtime, saga: Saga, _: str
) -> ProviderPayment | None:
    """Ask one provider after the other, each of which makes one offer however often it is asked."""
    return await payments.make_offer(runtime, providers, derive(saga.id, "payment"))


async def _keep_offer(
    tx: Transaction, saga: Saga, seen: ProviderPayment | None, now: datetime
) -> Data:
    if seen is not None:
        await payments.record_offer(tx, payment_id=derive(saga.id, "payment"), seen=seen, now=now)
    return {}


def _judge_payment(heard: Data) -> Data:
    match heard["outcome"]:
        case "succeeded":
            return {}
        case "mismatched":
            raise PaymentMismatched("the buyer paid something else than the price")
        case _:
            raise PaymentFailed("the provider gave the payment up")


async def _start_challenge(tx: Transaction, saga: Saga, now: datetime) -> Data:
    await service.start_challenge(tx, saga.id, now=now)
    return {}
