"""A firm with a funded trader: the real engine over our tape, sagas, bus, operators, a bank."""

from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from bank_statements import IBAN, Entry, Paper
from integration.trail.facts import seal_now
from tradesense import (
    challenges,
    ledger,
    market,
    notifications,
    payments,
    payouts,
    sagas,
    trading,
    trail,
)
from tradesense.bus.jobs import deliver_due
from tradesense.infra.lease import hold
from tradesense.infra.policies import own_policy
from tradesense.infra.redis import Redis
from tradesense.kernel.ids import derive
from tradesense.kernel.instants import to_us
from tradesense.kernel.money import Money
from tradesense.market.model import Kind, Status, TapeItem
from tradesense.notifications.jobs import SUBSCRIPTION as NOTIFICATIONS
from tradesense.payments import bank
from tradesense.payments.attempts.rules import Candidate
from tradesense.payments.attempts.service import begin
from tradesense.payments.model import ProviderPayment, ProviderStatus
from tradesense.payments.providers.stripe import TARIFF
from tradesense.payouts.jobs import SUBSCRIPTION, story
from tradesense.sagas.jobs import advance_due
from tradesense.trading.model import CloseRequest, OrderRequest, OrderType, Side, TimeInForce
from tradesense.trading.running.loop import Engine
from tradesense.trading.running.publishing import Publisher
from tradesense.trading.running.wake import Waker

MONDAY = datetime(2014, 5, 5, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)
EURUSD = "EUR/USD"
USER = derive("a trader")
CHALLENGE = derive(USER, "challenge")
PAYOUT = derive(USER, "payout", "1")
PAYEE = payouts.Payee(name="Ada Lovelace", account="GB33BUKB20201555555555")
JANE, JOHN = f"operator:{UUID(int=1)}", f"operator:{UUID(int=2)}"
PRICE_MINOR = 540_00
PAYMENT = derive(derive(USER, "purchase"), "payment")


@dataclass
class Floor:
    """Every verb ends when engine, bus and sagas have nothing left to do, unless it says so."""

    runtime: object
    sealer_db: object
    clock: object
    database: object
    seq: int = 0
    orders: int = 0
    bid: int = 138_000
    paper: Paper | None = None
    checks: dict = field(default_factory=dict)
    worker: object = None  # whose database the work in between is done on, if another's

    async def run(self, verb, **named):
        now = self.runtime.now()
        return await self.runtime.db.run(
            lambda tx: verb(tx, now=now, **named), key=str(self.runtime.new_id())
        )

    async def read(self, query, *arguments, **named):
        async with self.runtime.db.reading() as tx:
            return await query(tx, *arguments, **named)

    # The market and the engine.

    async def put(self, **fields):
        self.seq += 1
        item = TapeItem(price_seq=self.seq, at_us=to_us(self.clock.now()), **fields)
        await self.runtime.db.repeat(lambda tx: market.append(tx, [item]))

    async def quote(self, bid=None):
        await self.put_quote(bid or self.bid)
        await self.settle()

    async def put_quote(self, bid):
        """Say a price, and leave it to the engine's next turn."""
        self.bid = bid
        await self.put(
            kind=Kind.QUOTE, symbol=EURUSD, bid=self.bid, ask=self.bid, status=Status.VALID
        )

    @asynccontextmanager
    async def engine(self):
        async with hold(self.runtime.db, "engine") as lease:
            yield Engine(
                db=self.runtime.db, lease=lease, now=self.clock.now, is_driven=False,
                conclude=challenges.conclude, waker=Waker(self.database.app, own_policy("tests")),
                publisher=Publisher(Redis("")),
            )  # fmt: skip

    async def settle(self):
        """Let the engine take what waits; return how often there was anything."""
        count = 0
        async with self.engine() as engine:
            book = await engine.load()
            while await engine.advance(book):
                count += 1
        return count

    async def ask_order(self, account_id, qty):
        """Ask for an order, and leave it to the engine's next turn."""
        self.orders += 1
        request = OrderRequest(
            client_order_id=f"order {self.orders}", symbol=EURUSD,
            side=Side.BUY if qty > 0 else Side.SELL, type=OrderType.MARKET,
            tif=TimeInForce.GTC, qty=abs(qty),
        )  # fmt: skip
        await self.run(trading.request_order, account_id=account_id, order=request)

    async def ask_close(self, account_id):
        self.orders += 1
        request = CloseRequest(client_order_id=f"order {self.orders}", symbol=EURUSD)
        await self.run(trading.request_close, account_id=account_id, close=request)

    async def trade(self, account_id, qty, to_bid):
        """Buy `qty` at the last price and sell it at `to_bid`."""
        await self.quote()
        await self.ask_order(account_id, qty)
        await self.settle()
        await self.quote(to_bid)
        await self.ask_close(account_id)
        await self.settle()

    async def fund(self):
        """Start a challenge and pass both of its phases, a day of trading at a time."""
        self.clock.set(MONDAY - DAY)
        await self.quote()
        await self.run(
            challenges.start, challenge_id=CHALLENGE, user_id=USER,
            purchase_id=derive(USER, "purchase"), plan="ftmo-2step-100k",
        )  # fmt: skip
        await self.settle()
        for phase, gain in enumerate((1_000, 500)):
            for number in range(4):
                day = MONDAY + (7 * phase + number) * DAY
                self.clock.set(day - timedelta(hours=10))
                await self.put(kind=Kind.RESET, reset="00:00 Europe/Prague", day=day.date())
                self.clock.set(day)
                account_id = (await self.challenge()).account_id
                move = gain if number == 3 else 0
                await self.trade(account_id, 1_000_000 if move else 1_000, self.bid + move)
        challenge = await self.challenge()
        assert challenge.status is challenges.ChallengeStatus.FUNDED
        return challenge

    async def profit(self, dollars=5_000):
        """Make a profit of so many whole dollars, multiples of ten, and let two weeks pass."""
        account_id = (await self.challenge()).account_id
        await self.trade(account_id, 1_000_000, self.bid + dollars // 10)
        await self.wait(14)

    async def pay_price(self):
        """Pay the price of the challenge at a provider, as its buyer would have before it ran."""
        price = Money(PRICE_MINOR, "USD")
        seen = ProviderPayment(
            provider="stripe", ref="pi_1", payment_id=PAYMENT, status=ProviderStatus.OPEN,
            amount_minor=PRICE_MINOR, received_minor=0, currency="USD",
            client_secret="pi_1_secret", pay_url="http://pay.example/pi_1",
        )  # fmt: skip
        paid = replace(seen, status=ProviderStatus.SUCCEEDED, received_minor=PRICE_MINOR)
        await self.run(
            payments.request, payment_id=PAYMENT, purchase_id=derive(USER, "purchase"), amount=price
        )
        takes = Candidate(name="stripe", tariff=TARIFF, is_admitting=True)
        await self.run(begin, payment_id=PAYMENT, candidates=[takes])
        await self.run(payments.record_offer, payment_id=PAYMENT, seen=seen)
        await self.run(payments.settle, payment_id=PAYMENT, seen=paid)
        await self.runtime.db.repeat(lambda tx: payments.earn(tx, payment_id=PAYMENT))

    async def refund(self, refund_id, minor=None):
        """Send so much of the price (None: the rest) back to the buyer, at an operator's wish."""
        return await self.run(
            payments.request_refund, payment_id=PAYMENT, refund_id=refund_id, reason="goodwill",
            amount=None if minor is None else Money(minor, "USD"), by=JANE,
        )  # fmt: skip

    async def refunds(self):
        return await self.read(payments.list_refunds, PAYMENT)

    async def wait(self, days):
        self.clock.set(self.clock.now() + days * DAY)

    async def challenge(self):
        return await self.read(challenges.get, CHALLENGE, user_id=USER)

    async def account(self):
        return await self.read(trading.find_account, (await self.challenge()).account_id)

    # The worker.

    async def work(self, runtime=None):
        """Do whatever is due, as engine, sealer and worker would, until nothing is."""
        while await self._round(runtime or self.worker or self.runtime):
            pass

    async def _round(self, runtime):
        done = await self.settle()
        await seal_now(self.sealer_db, self.runtime.settings.home)
        done += await deliver_due(runtime, [SUBSCRIPTION])
        done += await deliver_due(self.runtime, [NOTIFICATIONS])
        return done + await advance_due(runtime, [story(**self.checks)])

    async def sagas(self):
        """Let the sagas move once; neither engine nor bus has a turn."""
        return await advance_due(self.runtime, [story(**self.checks)])

    async def let_pauses_pass(self):
        async def verb(tx):
            for change in (
                "saga_instances SET wake_at = clock_timestamp() WHERE wake_at IS NOT NULL",
                "bus_waits SET retry_at = clock_timestamp() WHERE retry_at IS NOT NULL",
            ):
                await tx.execute(f"UPDATE {change}")

        await self.runtime.db.repeat(verb)

    # The trader and the operators.

    async def request(
        self, payout_id=PAYOUT, *, is_worked=True, user_id=USER, alone_max=0, **fields
    ):
        wish = payouts.Wish(**({"challenge_id": CHALLENGE, "payee": PAYEE} | fields))
        asked = await self.run(
            payouts.request, payout_id=payout_id, user_id=user_id, wish=wish, alone_max=alone_max
        )
        if is_worked:
            await self.work()
        return asked

    async def identify(self, *, is_verified=True, payout_id=PAYOUT, by=JANE):
        decided = await self.run(
            payouts.decide_identity, payout_id=payout_id, is_verified=is_verified,
            reason="passport seen", by=by,
        )  # fmt: skip
        await self.work()
        return decided

    async def approve(self, *whom, payout_id=PAYOUT):
        for by in whom or (JANE, JOHN):
            await self.run(payouts.approve, payout_id=payout_id, by=by)
        await self.work()

    async def reject(self, payout_id=PAYOUT):
        await self.run(payouts.reject, payout_id=payout_id, reason="looks odd", by=JANE)
        await self.work()

    # The bank.

    async def register(self):
        own = bank.BankAccount(account=IBAN, currency="USD", holder="Firm", bic="COBADEFF")
        await self.run(bank.register_account, account=own, by=JANE)

    async def bank_says(self, *entries):
        number = 1 if self.paper is None else int(self.paper.bank_id[1:]) + 1
        first = Paper(currency="USD", opening="1000000.00", entries=entries)
        self.paper = first if self.paper is None else self.paper.next(f"S{number}", *entries)
        told = bank.read_statements(self.paper.xml())
        await self.run(bank.import_statements, told=told, by=JANE)
        await self.work()

    async def bank_pays(self, payout_id=PAYOUT):
        await self.bank_says(await self._line(payout_id, -1))

    async def bank_returns(self, payout_id=PAYOUT):
        await self.bank_says(await self._line(payout_id, +1))

    async def _line(self, payout_id, sign):
        (order,) = [
            each for each in await self.read(bank.list_outgoing) if each.outgoing_id == payout_id
        ]
        amount = sign * Decimal(order.amount_minor) / 100
        return Entry(
            amount=f"{amount:.2f}", end_to_end=order.end_to_end_id, is_return=sign > 0,
            ref=f"{order.end_to_end_id}{sign}",
        )  # fmt: skip

    # What can be seen.

    async def payout(self, payout_id=PAYOUT):
        return await self.read(payouts.find, payout_id)

    async def saga(self, payout_id=PAYOUT):
        return await self.read(sagas.find, payout_id)

    async def kinds(self, stream=f"payout:{PAYOUT}"):
        return [entry.kind for entry in await self.read(trail.read_stream, stream)]

    async def told(self):
        return [message.topic for message in reversed(await self.read(notifications.list_of, USER))]

    async def balances(self):
        """Accounts that do not stand at zero, in minor units; what our bank holds is left out."""
        lines = await self.read(ledger.trial_balance)
        assert sum(line.debit.minor - line.credit.minor for line in lines) == 0
        return {
            line.account.replace(str(USER), "ada"): line.balance.minor
            for line in lines
            if line.balance.minor and line.account != "opening-balance:USD"
        }
