"""A small world for sagas: a story with every sort of step, its ledger, and somebody outside."""

import asyncio
from dataclasses import dataclass, field, replace

from tradesense import ledger, sagas
from tradesense.infra.db import AlreadyCommitted
from tradesense.kernel.errors import CircuitOpen, OutcomeUnknown, Rejected, Unavailable
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.ledger import Transfer
from tradesense.sagas import Await, Definition, KeySpent, Local, Remote, State
from tradesense.sagas.jobs import Runner

BANK, CLEARING, DEFERRED = "bank:USD", "clearing:outside:USD", "deferred-revenue:USD"


class Killed(BaseException):
    """The process is gone at this point; nothing after it happens."""


class No(Rejected):
    code = "test.no"


@dataclass
class Outside:
    """
    Somebody outside, who does what is asked once per key and remembers.

    `faults[n]` befalls the n-th call: "before" and "unknown" raise before and after the effect,
    "killed" kills the caller after it, "no" refuses, "500" is stored and replayed for its key.
    """

    faults: dict[int, str] = field(default_factory=dict)
    effects: dict[str, str] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    stored_errors: set[str] = field(default_factory=set)
    rests: int = 0  # so often its breaker is open before anything is asked

    async def call(self, key: str, attempt: int, what: str) -> str:
        if self.rests:
            self.rests -= 1
            raise CircuitOpen("its breaker is open")
        self.keys.append(key)
        fault = self.faults.get(len(self.keys) - 1)
        if fault == "hang":
            await asyncio.sleep(1)
        if fault == "before":
            raise Unavailable("nobody there")
        if fault == "no":
            raise No("refused by the outside")
        if fault == "500":
            self.stored_errors.add(key)
        if key in self.stored_errors:
            raise KeySpent("500, and always 500 for this key")
        earlier = [known for known in self.effects if known.rpartition(":")[0] == what]
        if attempt > 1 and earlier:
            return self.effects[earlier[0]]
        self.effects.setdefault(key, f"answer to {what}")
        if fault == "unknown":
            raise OutcomeUnknown("the line went dead")
        if fault == "killed":
            raise Killed
        return self.effects[key]


def transfer(saga, name, debit, credit, now):
    return Transfer(
        id=derive(saga.id, name),
        debit=debit,
        credit=credit,
        amount=Money(100, "USD"),
        reason=name,
        effective_at=now,
    )


@dataclass
class World:
    """The story: reserve, call, wait, finish (pivot), tell."""

    outside: Outside = field(default_factory=Outside)
    refusing: str = ""  # the local step that says no
    failing: dict[str, int] = field(default_factory=dict)  # local step -> how many tries break
    broken: set[object] = field(default_factory=set)  # tries that broke, and break when run again

    def definition(self) -> Definition:
        def moving(name, debit, credit, **changes):
            async def do(tx, saga, now):
                self._stumble(name, saga)
                await ledger.post(tx, transfer(saga, name, debit, credit, now), now=now)
                return {name: True}

            return Local(name=name, do=do, tries_max=3, **changes)

        def calling(name, debit, credit, **changes):
            async def ask(_, saga, key):
                return await self.outside.call(key, saga.attempt, f"{saga.id}:{name}")

            async def settle(tx, saga, answer, now):
                await ledger.post(tx, transfer(saga, name, debit, credit, now), now=now)
                return {name: answer}

            return Remote(name=name, ask=ask, settle=settle, tries_max=4, **changes)

        def judge(heard):
            if heard["outcome"] == "bad":
                raise No("heard something bad")
            return dict(heard)

        release = moving("release", DEFERRED, BANK)
        recall = calling("recall", CLEARING, DEFERRED)
        return Definition(
            kind="test",
            version=1,
            steps=(
                moving("reserve", BANK, DEFERRED, undo=release),
                calling("call", DEFERRED, CLEARING, undo=recall),
                Await(name="wait", signal="said", within_s=60, judge=judge),
                moving("finish", CLEARING, "challenge-revenue:USD"),
                moving("tell", "fees:outside:USD", BANK),
            ),
            pivot="finish",
        )

    def _stumble(self, name: str, saga: sagas.Saga) -> None:
        if name == self.refusing:
            raise No(f"{name} says no")
        this = (name, saga.id, saga.tries)
        if this not in self.broken and self.failing.get(name, 0) > 0:
            self.failing[name] -= 1
            self.broken.add(this)
        if this in self.broken:
            raise ZeroDivisionError("a defect")


class DyingDatabase:
    """A database whose process is killed just before, or just after, its n-th commit."""

    def __init__(self, db, *, dies_at: int, when: str) -> None:
        self._db, self._dies_at, self._when = db, dies_at, when
        self.commits = 0
        self.reading, self.repeat = db.reading, db.repeat

    async def run(self, verb, *, key, patience_s=10.0):
        number, self.commits = self.commits, self.commits + 1
        if number > self._dies_at:
            raise Killed  # the dead commit nothing
        if number == self._dies_at and self._when == "before":
            raise Killed
        result = await self._db.run(verb, key=key, patience_s=patience_s)
        if number == self._dies_at:
            raise Killed
        return result


async def begin(runtime, saga_id, **data):
    await runtime.db.run(
        lambda tx: sagas.start(
            tx, kind="test", version=1, saga_id=saga_id, data=data, now=runtime.now()
        ),
        key=f"begin {saga_id}",
    )


async def say(runtime, saga_id, outcome="good"):
    try:
        await runtime.db.run(
            lambda tx: sagas.signal(tx, saga_id=saga_id, name="said", data={"outcome": outcome}),
            key=f"say {saga_id} {outcome}",
        )
    except AlreadyCommitted:
        return


async def find(runtime, saga_id):
    async with runtime.db.reading() as tx:
        return await sagas.find(tx, saga_id)


async def work(runtime, world, saga_id, *, until=None, lease_s=4.0, patience_s=10.0):
    """Run a worker until the saga is over, parked, or as `until` says; return it."""

    def is_reached(saga):
        if until is not None:
            return until(saga)
        return saga.state.is_over or saga.state is State.PARKED

    async with asyncio.timeout(patience_s), asyncio.TaskGroup() as calls:
        runner = Runner(runtime, [world.definition()], calls, lease_s=lease_s)
        while not is_reached(saga := await find(runtime, saga_id)):
            if not await runner.advance():
                await asyncio.sleep(0.01)
    return saga


def with_db(runtime, db):
    return replace(runtime, db=db)
