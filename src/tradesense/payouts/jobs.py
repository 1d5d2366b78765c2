"""
The story of a payout, from the request to the trader's bank, or the money back.

    begin ─▶ freeze ─▶ check-identity ─▶ decide ─▶ send (pivot) ─▶ arrive
      │ undo   │ undo      (remote)      operators   (our bank)      a statement
      ▼        ▼
    close    give-back: the profit returns to the account while that is active

What comes back after it arrived is heard all the same: see `service.moving`. What stays owed may
be sent again: see `resending`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from tradesense.bus import Subscription
from tradesense.infra.db import Transaction
from tradesense.infra.runtime import Runtime
from tradesense.payouts import rules
from tradesense.payouts.model import IdentityState, Payout
from tradesense.payouts.refusals import DecisionRefused, FreezeRefused
from tradesense.payouts.resending import service as resending
from tradesense.payouts.service import decisions, moving, requests
from tradesense.payouts.store import identities
from tradesense.payouts.store import payouts as store
from tradesense.sagas import Await, Definition, Local, Remote, Saga
from tradesense.sagas.model import Data
from tradesense.trail.model import Entry

DAY_S = 24 * 3600

# The engine answers within seconds; one that has been away so long leaves the request stale.
FREEZE_WITHIN_S = 7 * DAY_S

# Operators look within days; after three months the profit is better back at work.
DECIDE_WITHIN_S = 90 * DAY_S

# A transfer that no statement shows after a month is lost: a person must look.
ARRIVE_WITHIN_S = 30 * DAY_S

GIVEN_UP = "payouts.given_up"

BANKS = ("OutgoingPaid", "OutgoingReturned")  # what the bank says


@dataclass(frozen=True, slots=True)
class Known:
    """What a check says of who a trader is; `reason` where it is rejected."""

    state: IdentityState
    reason: str = ""


KycCheck = Callable[[Runtime, Payout], Awaitable[Known]]
"""Asks who a trader is, between transactions; PENDING leaves it to the operators."""


async def ask_operators(runtime: Runtime, payout: Payout) -> Known:
    """Know what operators have decided about the trader before; else leave it to them."""
    async with runtime.db.reading() as tx:
        identity = await identities.find_identity(tx, payout.user_id)
    if identity is None:
        return Known(IdentityState.PENDING)
    return Known(identity.state, identity.reason)


def story(check: KycCheck = ask_operators) -> Definition:
    """Return the saga of a payout whose traders are known by `check`."""
    return Definition(
        kind=requests.SAGA_KIND,
        version=requests.SAGA_VERSION,
        steps=(
            Local(name="begin", do=_begin, undo=Local(name="close", do=_close)),
            Await(
                name="freeze",
                enter=_freeze,
                signal=rules.FREEZE,
                within_s=FREEZE_WITHIN_S,
                judge=_judge_freeze,
                undo=Await(
                    name="give-back",
                    enter=_give_back,
                    signal=rules.GIVEN_BACK,
                    within_s=FREEZE_WITHIN_S,
                    judge=dict,
                ),
            ),
            Remote(
                name="check-identity", ask=partial(_check_identity, check), settle=_keep_identity
            ),
            Await(
                name="decide",
                signal=rules.DECISION,
                within_s=DECIDE_WITHIN_S,
                judge=_judge_decision,
            ),
            Local(name="send", do=_send),
            Await(
                name="arrive", signal=rules.ARRIVAL, within_s=ARRIVE_WITHIN_S, judge=_judge_arrival
            ),
        ),
        pivot="send",
    )


async def _hear(tx: Transaction, entry: Entry, now: datetime) -> None:
    """Apply what is said of a payout, or of one that is sent again; others' are left alone."""
    await moving.hear(tx, entry, now)
    if entry.kind in BANKS:
        await resending.hear(tx, entry, now)


SUBSCRIPTION = Subscription(
    name="payouts",
    kinds=(
        "Withdrawn",
        "WithdrawalRefused",
        "WithdrawalRestored",
        "RestoreRefused",
        *BANKS,
    ),
    apply=_hear,
)


async def _begin(_: Transaction, __: Saga, ___: datetime) -> Data:
    """Do nothing: the request was written with the saga; its undo closes it."""
    return {}


async def _close(tx: Transaction, saga: Saga, now: datetime) -> Data:
    await moving.refuse(tx, saga.id, reason=_reason(saga), now=now)
    return {}


async def _freeze(tx: Transaction, saga: Saga, now: datetime) -> Data:
    await moving.freeze(tx, saga.id, now=now)
    return {}


def _judge_freeze(heard: Data) -> Data:
    if heard["outcome"] != "frozen":
        raise FreezeRefused("the engine keeps the money in the account")
    return {}


async def _give_back(tx: Transaction, saga: Saga, now: datetime) -> Data:
    await moving.give_back(tx, saga.id, reason=_reason(saga), now=now)
    return {}


async def _check_identity(check: KycCheck, runtime: Runtime, saga: Saga, _: str) -> Known:
    async with runtime.db.reading() as tx:
        payout = await store.find(tx, saga.id)
    return Known(IdentityState.PENDING) if payout is None else await check(runtime, payout)


async def _keep_identity(tx: Transaction, saga: Saga, known: Known, now: datetime) -> Data:
    await decisions.keep_identity(
        tx, payout_id=saga.id, state=known.state, reason=known.reason, now=now
    )
    return {}


def _judge_decision(heard: Data) -> Data:
    if heard["outcome"] != "approved":
        raise DecisionRefused("operators decided against it")
    return {}


async def _send(tx: Transaction, saga: Saga, now: datetime) -> Data:
    await moving.send(tx, saga.id, now=now)
    return {}


def _judge_arrival(heard: Data) -> Data:
    return {"arrived": heard["outcome"]}


def _reason(saga: Saga) -> str:
    """Return why the story turned back, for a payout that has no reason of its own yet."""
    return saga.reason or GIVEN_UP
