"""A shop of one buyer: the purchase saga, the bus and the payments jobs, over a till of ours."""

from dataclasses import dataclass, field, replace
from uuid import UUID

from integration.trail.facts import seal_now
from tradesense import ledger, purchases, sagas, trail
from tradesense.bus.jobs import deliver_due
from tradesense.kernel.errors import Invalid, OutcomeUnknown, Unavailable
from tradesense.kernel.ids import derive
from tradesense.payments import Providers
from tradesense.payments import jobs as payments_jobs
from tradesense.payments.model import (
    ProviderPayment,
    ProviderRefund,
    ProviderStatus,
    RefundStatus,
    Tariff,
    Way,
)
from tradesense.purchases.jobs import SUBSCRIPTION, story
from tradesense.sagas.jobs import advance_due

PLAN = "ftmo-2step-100k"
PRICE_MINOR = 54_000
USER = derive("a buyer")
PURCHASE = derive(USER, "purchase", "1")


CARDS = Tariff(currencies=frozenset({"USD"}), ways=frozenset(Way), fee_bp=290, fee_minor=30)


@dataclass
class Till:
    """
    A provider in memory: it offers, takes and gives back each payment once, whoever asks again.

    `faults` names calls and what befalls them, from the first on: "away" (did nothing),
    "silent" (did it, no answer came), "no" (refused for good), "dies" (its caller, after it).
    """

    name: str = "stripe"
    tariff: Tariff = CARDS
    intents: dict[str, ProviderPayment] = field(default_factory=dict)
    refunds: dict[UUID, ProviderRefund] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    async def create_intent(self, asked):
        with_ref = f"pi_{asked.payment_id.hex}"
        made = ProviderPayment(
            provider=self.name,
            ref=with_ref,
            payment_id=asked.payment_id,
            status=ProviderStatus.OPEN,
            amount_minor=asked.amount.minor,
            received_minor=0,
            currency=asked.amount.currency,
            client_secret=f"{with_ref}_secret",
            pay_url=f"http://till.example/pay/{with_ref}",
        )
        return self._answer("create", lambda: self.intents.setdefault(with_ref, made))

    async def find(self, payment_id):
        def found():
            mine = (i for i in self.intents.values() if i.payment_id == payment_id)
            return next(mine, None)

        return self._answer("find", found)

    async def fetch(self, ref):
        return self._answer("fetch", lambda: self.intents[ref])

    async def cancel(self, ref):
        def cancelled():
            if self.intents[ref].status is ProviderStatus.OPEN:
                self.change(ref, status=ProviderStatus.CANCELLED)
            return self.intents[ref]

        return self._answer("cancel", cancelled)

    async def refund(self, asked):
        made = ProviderRefund(
            provider=self.name,
            ref=f"re_{asked.refund_id.hex}",
            refund_id=asked.refund_id,
            status=RefundStatus.SUCCEEDED,
            amount_minor=asked.amount_minor,
            currency=asked.currency,
        )
        return self._answer("refund", lambda: self.refunds.setdefault(asked.refund_id, made))

    def pay(self, ref=None, *, minor=PRICE_MINOR, currency="USD"):
        """Pay as a buyer; the offer must still be open."""
        ref = ref or next(iter(self.intents))
        assert self.intents[ref].status is ProviderStatus.OPEN
        self.change(ref, status=ProviderStatus.SUCCEEDED, received_minor=minor, currency=currency)

    def change(self, ref, **changes):
        self.intents[ref] = replace(self.intents[ref], **changes)

    def _answer(self, call, act):
        self.calls.append(call)
        fault = self.faults.get(call, []) and self.faults[call].pop(0)
        if fault == "away":
            raise Unavailable("the till is away")
        if fault == "no":
            raise Invalid("the till says no")
        answer = act()
        if fault == "silent":
            raise OutcomeUnknown("the till does not answer")
        return answer


@dataclass
class Shop:
    """`work` does whatever is due, as the worker and the sealer would."""

    runtime: object
    sealer_db: object
    home: object
    till: Till = field(default_factory=Till)
    other: Till | None = None

    @property
    def providers(self):
        return Providers([self.till] if self.other is None else [self.till, self.other])

    async def buy(self, purchase_id=PURCHASE, **expected):
        return await self.runtime.db.run(
            lambda tx: purchases.open_purchase(
                tx,
                purchase_id=purchase_id,
                user_id=USER,
                plan=PLAN,
                now=self.runtime.now(),
                **expected,
            ),
            key=f"buy {purchase_id} {self.runtime.new_id()}",
        )

    async def work(self, runtime=None):
        """Work until nothing is due any more."""
        taken = runtime or self.runtime
        while await self._round(taken):
            pass

    async def _round(self, runtime):
        await seal_now(self.sealer_db, self.home)
        done = await deliver_due(runtime, [SUBSCRIPTION])
        done += await advance_due(runtime, [story(self.providers)])
        return done + await payments_jobs.do_due(runtime, self.providers)

    async def let_pauses_pass(self):
        """Make due what waits in database time, as a minute would."""

        async def verb(tx):
            for change in (
                "saga_instances SET wake_at = clock_timestamp() WHERE wake_at IS NOT NULL",
                "payments_attempts SET next_poll_at = clock_timestamp()",
                "payments_payments SET wish_at = clock_timestamp() WHERE wish_at IS NOT NULL",
                "payments_refunds SET next_try_at = clock_timestamp()",
                "bus_waits SET retry_at = clock_timestamp() WHERE retry_at IS NOT NULL",
            ):
                await tx.execute(f"UPDATE {change}")

        await self.runtime.db.repeat(verb)

    async def end(self, *, rounds=12):
        """Work, over as many pauses as a story with trouble may need."""
        for _ in range(rounds):
            await self.work()
            await self.let_pauses_pass()
        await self.work()

    async def purchase(self, purchase_id=PURCHASE):
        async with self.runtime.db.reading() as tx:
            return await purchases.get(tx, purchase_id, user_id=USER)

    async def saga(self, purchase_id=PURCHASE):
        async with self.runtime.db.reading() as tx:
            return await sagas.find(tx, purchase_id)

    async def kinds(self, stream):
        async with self.runtime.db.reading() as tx:
            return [entry.kind for entry in await trail.read_stream(tx, stream)]

    async def balances(self):
        """Accounts that do not stand at zero, in minor units."""
        async with self.runtime.db.reading() as tx:
            lines = await ledger.trial_balance(tx)
        assert sum(line.debit.minor - line.credit.minor for line in lines) == 0
        return {line.account: line.balance.minor for line in lines if line.balance.minor}

    async def challenges(self):
        async with self.runtime.db.reading() as tx:
            cursor = await tx.execute("SELECT id, purchase_id FROM challenges_challenges")
            return [(row["id"], row["purchase_id"]) for row in await cursor.fetchall()]
