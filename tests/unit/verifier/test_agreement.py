"""Two programs, one answer: the engine's entries and the verifier's recomputation, at random."""

import random  # noqa: TID251 -- seeded by the fixture
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from evidence_world import DAX, EURUSD, USDJPY, EvidenceWorld, read
from tradesense import challenges
from tradesense.challenges.model import Terms
from tradesense.kernel.canonical import canonical
from tradesense.kernel.ids import derive
from tradesense.kernel.instants import to_us
from tradesense.trading.engine.state import Halt, Restore, Resume, Withdraw
from tradesense.trading.model import Reason, TimeInForce
from tradesense_verify.bundle import Bundle
from tradesense_verify.verify import Report, verify
from verifier_bundles import bundle_of

NOISE = "GBP/USD"  # quoted, but never ordered: none of its prices are in the bundle
START = {EURUSD: 138_000, USDJPY: 102_300, DAX: 95_000, NOISE: 168_000}
SPREAD = {EURUSD: 12, USDJPY: 15, DAX: 12, NOISE: 9}
STEP = {EURUSD: 150, USDJPY: 120, DAX: 150, NOISE: 90}


def check(bundle: Bundle) -> Report:
    report = verify(bundle, None)
    assert report.findings == [], [str(each) for each in report.findings]
    return report


class Trader:
    """Does one thing after another, as chance has it."""

    def __init__(self, world: EvidenceWorld, chance: random.Random, symbols: list[str]) -> None:
        self.world, self.chance, self.symbols = world, chance, symbols
        self.price = dict(START)
        self.orders: list[object] = []
        self.withdrawals: list[UUID] = []

    def act(self) -> None:
        weights = [40, 3, 9, 9, 6, 6, 5, 4, 2, 8]
        deeds = [
            self.quote, self.oddity, self.market, self.limit, self.stop, self.close,
            self.cancel, self.pause, self.world.clock, self.firm,
        ]  # fmt: skip
        self.chance.choices(deeds, weights)[0]()

    def quote(self) -> None:
        symbol = self.chance.choice([*self.symbols, NOISE])
        jump = self.chance.choice([1, 1, 1, 1, 5])
        self.price[symbol] += self.chance.randint(-STEP[symbol], STEP[symbol]) * jump
        self.world.wait(self.chance.choice([0, 0.1, 1, 4]))
        bid = self.price[symbol]
        self.world.quote(bid, bid + SPREAD[symbol], symbol=symbol)

    def oddity(self) -> None:
        symbol, bid = self.chance.choice(list(self.price.items()))
        match self.chance.choice(["crossed", "late", "again"]):
            case "crossed":
                self.world.quote(bid, bid - 5, symbol=symbol)
            case "late":
                self.world.quote(bid - 9_000, symbol=symbol, at_us=self.world.at_us - 5_000_000)
            case "again":
                self.world.quote(bid, bid + SPREAD[symbol], symbol=symbol)

    def pause(self) -> None:
        self.world.wait(self.chance.choice([11, 70, 301, 3_600, 9 * 3_600, 20 * 3_600]))
        if self.chance.random() < 0.5:
            self.world.clock()

    def qty(self, symbol: str) -> int:
        most = 400 if symbol == DAX else 1_500_000
        return self.chance.choice([0, most // 100, most // 10, most // 3, most, most * 9])

    def market(self) -> None:
        symbol = self.chance.choice([*self.symbols, "ABC/DEF"])
        tif = self.chance.choice(list(TimeInForce))
        qty = self.qty(symbol)
        self.orders.append(self.side()(qty, symbol=symbol, tif=tif))

    def limit(self) -> None:
        symbol = self.chance.choice(self.symbols)
        price = self.price[symbol] + self.chance.randint(-400, 400)
        tif = self.chance.choice(list(TimeInForce))
        qty = self.qty(symbol)
        self.orders.append(self.side()(qty, symbol=symbol, limit=price, tif=tif))

    def stop(self) -> None:
        symbol = self.chance.choice(self.symbols)
        price = self.price[symbol] + self.chance.randint(-400, 400)
        tif = self.chance.choice([TimeInForce.GTC, TimeInForce.DAY, TimeInForce.IOC])
        self.orders.append(self.side()(self.qty(symbol), symbol=symbol, stop=price, tif=tif))

    def close(self) -> None:
        symbol = self.chance.choice(self.symbols)
        part = self.chance.choice([{}, {}, {"qty": 1_000}, {"share_ppm": 333_333}])
        self.orders.append(self.world.close(symbol, **part))

    def cancel(self) -> None:
        if self.orders:
            self.world.cancel(self.chance.choice(self.orders))

    def firm(self) -> None:
        """Do what the firm does: mostly money out or back, a halt now and then."""
        match self.chance.choice(["out", "out", "out", "flat", "flat", "back", "halt", "on", "on"]):
            case "flat":
                for symbol in self.symbols:
                    self.world.close(symbol)
                self.firm_pays(None)
            case "out":
                self.firm_pays(self.chance.choice([None, 1, 5_000, 50_000, 10**7]))
            case "back":
                known = [*self.withdrawals[-3:], UUID(int=99)]
                self.world.ask_as_firm(Restore(self.chance.choice(known)))
            case "halt":
                self.world.ask_as_firm(Halt(Reason.PAYMENT_DISPUTED))
            case "on":
                self.world.ask_as_firm(Resume())

    def firm_pays(self, amount_minor: int | None) -> None:
        self.withdrawals.append(derive("withdrawal", str(len(self.withdrawals))))
        again = self.chance.choice([*self.withdrawals, *self.withdrawals[-1:] * 20])
        self.world.ask_as_firm(Withdraw(again, amount_minor))

    def side(self):
        return self.chance.choice([self.world.buy, self.world.sell])


@pytest.mark.parametrize("symbols", [[EURUSD], [EURUSD, USDJPY, DAX]], ids=["one", "three"])
@pytest.mark.parametrize("turn", range(30))
def test_whatever_a_trader_does_the_verifier_works_out_the_same(chance, symbols, turn):
    chance.seed(f"{chance.getstate()[1][0]} {turn}")
    world = EvidenceWorld()
    world.clock()
    trader = Trader(world, chance, symbols)
    for _ in range(3):
        trader.quote()
    world.start()
    for _ in range(chance.choice([20, 60, 150])):
        account = world.book.accounts.get(world.challenge.account_id)
        if account is None or account.status.value == "closed":
            break
        trader.act()
    if chance.random() < 0.3 and world.challenge.account_id in world.book.accounts:
        if chance.random() < 0.5:
            world.revoke()
        world.close_account()
    report = check(bundle_of(world.evidence()))
    assert report.verdict is not None


def cash_terms(on_cash_flow: str):
    """Return the sold terms, but with another seventh switch for every limit."""
    sealed = challenges.seal_terms(challenges.get_plan("ftmo-2step-100k"))
    data = dict(sealed.data)
    data["limits"] = [{**limit, "on_cash_flow": on_cash_flow} for limit in data["limits"]]
    return Terms.read(canonical(data))


@pytest.mark.parametrize("switch", ["shift", "keep", "floor_to_initial"])
@pytest.mark.parametrize("loss_pips", [30, 600, 6_000])
def test_a_withdrawn_profit_and_what_follows_is_judged_the_same_by_both(switch, loss_pips):
    world = EvidenceWorld(terms=cash_terms(switch))
    world.clock()
    world.quote(138_000)
    world.start()
    world.trade(pips=200)  # 200.00 USD of profit
    first, second = UUID(int=1), UUID(int=2)
    world.ask_as_firm(Withdraw(first, 5_000))
    world.ask_as_firm(Withdraw(second, None))
    world.ask_as_firm(Restore(first))
    world.ask_as_firm(Halt(Reason.UNDER_REVIEW))
    world.ask_as_firm(Withdraw(UUID(int=3), 1))
    world.ask_as_firm(Resume())
    world.wait(20 * 3_600)
    world.quote(138_000)
    world.clock()
    world.ask_as_firm(Restore(second))
    world.buy(1_000_000)
    world.wait(1)
    world.quote(138_000 - loss_pips)
    world.clock()
    report = check(bundle_of(world.evidence()))
    kinds = [read(line.canonical).kind for line in world.log.lines]
    assert {"Withdrawn", "WithdrawalRestored", "WithdrawalRefused", "AccountHalted"} <= {*kinds}
    assert report.verdict == ("failed" if loss_pips > 500 else "running")


def test_what_a_revoked_account_came_upon_is_no_verdict():
    world = EvidenceWorld()
    world.clock()
    world.quote(138_000)
    world.start()
    world.buy(1_000_000)
    world.revoke()
    world.wait(1)
    world.quote(137_000)
    world.close_account()
    world.clock()
    report = check(bundle_of(world.evidence()))
    assert report.verdict == "revoked"


MIDNIGHT_US = to_us(datetime.fromisoformat("2014-04-30T22:00:00+00:00"))


@pytest.mark.parametrize("late_s", [-1, 0, 1])
def test_a_fill_belongs_to_the_day_that_midnight_in_prague_gives_it(late_s):
    world = EvidenceWorld()
    world.clock()
    world.quote(138_000)
    world.start()
    world.at_us = MIDNIGHT_US + late_s * 1_000_000
    world.quote(138_000)
    world.buy(1_000)
    world.wait(timedelta(hours=1).total_seconds())
    world.quote(138_000)
    world.clock()
    check(bundle_of(world.evidence()))
