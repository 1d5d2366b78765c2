"""
Plays the scripts in lock-step: move time, wait until all is quiet, act, wait again.

Between two steps nothing is on its way, so the same files and seed give the same facts. A kill,
where one is scheduled, falls into the step itself; the step ends when its effect is there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import httpx

from tradesense.app.story.instance import Instance
from tradesense.app.story.kills import Death, Kill, carry_out
from tradesense.app.story.plot.script import Order, Script
from tradesense.app.story.trader import Trader
from tradesense.kernel.errors import InvariantBroken, TradeSenseError
from tradesense.kernel.instants import from_us
from tradesense.market.model import Instrument
from tradesense.trading.model import QTY_MAX

SETUP_STEPS = 4  # sign up, order, pay, collect the key

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Step:
    """Something somebody does at a moment of the story."""

    at: datetime
    title: str
    act: Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Play:
    """A story being played. `traders` by name; `deaths` are the kills that happened."""

    instance: Instance
    platform: httpx.AsyncClient
    plan: str
    instrument: Instrument
    scripts: Sequence[Script]
    seed: int
    start: datetime
    end: datetime
    traders: dict[str, Trader] = field(default_factory=dict)
    deaths: list[Death] = field(default_factory=list)

    async def run(self, kills: Sequence[Kill], say: Say) -> None:
        """Play every step, then let time pass to the end."""
        for script in self.scripts:
            self.traders[script.trader] = Trader(script.trader, self.platform, self.seed)
        steps = self._steps()
        for number, step in enumerate(steps):
            say(f"{number + 1}/{len(steps)}  {step.at:%Y-%m-%d %H:%M:%S}  {step.title}")
            await self.instance.move_to(step.at)
            await self._play(step, [kill for kill in kills if kill.step == number])
        await self.instance.move_to(self.end)

    async def _play(self, step: Step, kills: Sequence[Kill]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                dying = [
                    group.create_task(carry_out(kill, run=self.instance.run)) for kill in kills
                ]
                await step.act()
                await self.instance.settle()
        except* TradeSenseError as failed:
            raise failed.exceptions[0] from None
        self.deaths += [task.result() for task in dying]
        if dying:
            await self.instance.settle()

    def _steps(self) -> list[Step]:
        steps = [step for script in self.scripts for step in self._setup(script)]
        orders = sorted(
            (order.at_us, index, number, order)
            for index, script in enumerate(self.scripts)
            for number, order in enumerate(script.orders)
        )
        firsts: set[str] = set()
        for at_us, _, number, order in orders:
            if order.trader not in firsts:
                firsts.add(order.trader)
                steps += self._missteps(order)
            act = partial(self._place, order, f"{self.seed}-{order.trader}-{number}")
            title = f"{order.trader} {_in_words(order, self.instrument)}"
            steps.append(Step(from_us(at_us), title, act))
        return steps

    def _setup(self, script: Script) -> list[Step]:
        trader = self.traders[script.trader]
        return [
            Step(self.start, f"{trader.name} signs up", trader.sign_up),
            Step(self.start, f"{trader.name} orders {self.plan}", partial(trader.buy, self.plan)),
            Step(self.start, f"{trader.name} pays", partial(_pay, trader)),
            Step(self.start, f"{trader.name} gets an API key", partial(_collect, trader)),
        ]

    def _missteps(self, first: Order) -> list[Step]:
        """Return a refused order and a cancelled one: the evidence must hold these as well."""
        at = from_us(first.at_us)
        trader = self.traders[first.trader]
        wire = self._wire(first, f"{self.seed}-{first.trader}-oversize")
        oversize = wire | {"qty": oversize_qty(self.instrument), "type": "market"}
        oversize.pop("limit_price", None)
        far = self._far(first)
        return [
            Step(at, f"{trader.name} tries too large an order", partial(_order, trader, oversize)),
            Step(at, f"{trader.name} places a limit far away", partial(_order, trader, far)),
            Step(at, f"{trader.name} cancels it", trader.cancel_all),
        ]

    def _far(self, first: Order) -> dict[str, str]:
        wire = self._wire(first, f"{self.seed}-{first.trader}-far")
        return wire | {
            "side": "buy",
            "qty": _decimal(self.instrument.min_qty, self.instrument.qty_digits),
            "type": "limit",
            "limit_price": _decimal(1, self.instrument.price_digits),
        }

    async def _place(self, order: Order, client_order_id: str) -> None:
        trader = self.traders[order.trader]
        if (await trader.challenge())["status"] != "failed":
            await _order(trader, self._wire(order, client_order_id))

    def _wire(self, order: Order, client_order_id: str) -> dict[str, str]:
        wire = {
            "symbol": self.instrument.symbol,
            "qty": _decimal(order.units, self.instrument.qty_digits),
            "side": "buy" if order.buy else "sell",
            "type": "market" if order.limit is None else "limit",
            "time_in_force": "gtc",
            "client_order_id": client_order_id,
        }
        if order.limit is not None:
            wire["limit_price"] = _decimal(order.limit, self.instrument.price_digits)
        return wire


def steps_of(scripts: Sequence[Script]) -> int:
    """Return how many steps the scripts make: kills are scheduled over them."""
    active = sum(1 for script in scripts if script.orders)
    missteps = 3 * active
    return SETUP_STEPS * len(scripts) + missteps + sum(len(script.orders) for script in scripts)


def oversize_qty(instrument: Instrument) -> str:
    """Return the largest quantity an order may have: no account we sell has margin for it."""
    units = QTY_MAX - QTY_MAX % instrument.min_qty
    return _decimal(units, instrument.qty_digits)


def end_of(last_us: int) -> datetime:
    """Return the story's last moment: just after the last price, so that it is played."""
    return from_us(last_us) + timedelta(seconds=1)


async def _pay(trader: Trader) -> None:
    purchase = await trader.purchase()
    payment = purchase.get("payment")
    if payment is None:
        raise InvariantBroken(f"{trader.name}: the purchase has no payment to pay: {purchase}")
    await trader.pay(payment)
    # What the provider knows is on its way to us by webhook or poll; nobody can see it coming.
    await trader.wait_until_active()


async def _collect(trader: Trader) -> None:
    purchase = await trader.purchase()
    challenge_id = purchase.get("challenge_id")
    if challenge_id is None:
        raise InvariantBroken(f"{trader.name}: paid, but there is no challenge: {purchase}")
    await trader.collect_key(challenge_id)


async def _order(trader: Trader, wire: dict[str, str]) -> None:
    await trader.order(wire)


def _decimal(units: int, digits: int) -> str:
    """Return `units` of 10^-digits as decimal text; exact."""
    whole, part = divmod(units, 10**digits)
    return f"{whole}.{part:0{digits}d}" if digits else str(whole)


def _in_words(order: Order, instrument: Instrument) -> str:
    verb = "buys" if order.buy else "sells"
    units = _decimal(order.units, instrument.qty_digits)
    at = "" if order.limit is None else f" at {_decimal(order.limit, instrument.price_digits)}"
    return f"{verb} {units} {instrument.symbol}{at}: {order.why}"
