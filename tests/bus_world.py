"""A consumer whose effects can be counted, and a trail that is sealed on request."""

from dataclasses import dataclass, field

from integration.trail.facts import seal_now
from tradesense import trail
from tradesense.bus import Subscription
from tradesense.bus.jobs import Consumer, deliver_due
from tradesense.kernel.events import Event
from tradesense.trail import Fact


@dataclass(frozen=True, slots=True)
class Rung(Event):
    number: int


@dataclass(frozen=True, slots=True)
class Whispered(Event):
    number: int


def fact(number, stream="bell:1", kind=Rung):
    from conftest import OPENING  # noqa: PLC0415 -- pytest imports conftest first

    return Fact(event=kind(number), stream=stream, at=OPENING, by="system:test")


@dataclass
class World:
    """`errors[(stream, number)]` is raised instead of the effect, `times` left to raise it."""

    runtime: object
    sealer_db: object
    home: object
    errors: dict = field(default_factory=dict)
    seen: list = field(default_factory=list)

    async def record(self, *facts, seal=True):
        await self.runtime.db.run(
            lambda tx: trail.record(tx, *facts), key=f"record {self.runtime.new_id()}"
        )
        if seal:
            await seal_now(self.sealer_db, self.home)

    def subscription(self, name="ears", kinds=("Rung",)):
        async def apply(tx, entry, _):
            self.seen.append((entry.stream, entry.data["number"]))
            await tx.execute(
                "INSERT INTO effects (consumer, entry_id, stream, number) VALUES (%s, %s, %s, %s)",
                (name, entry.entry_id, entry.stream, entry.data["number"]),
            )
            error, times = self.errors.get((entry.stream, entry.data["number"]), (None, 0))
            if times:
                self.errors[entry.stream, entry.data["number"]] = (error, times - 1)
                raise error

        return Subscription(name=name, kinds=kinds, apply=apply)

    async def deliver(self, *subscriptions, runtime=None):
        """Deliver until nothing is due."""
        taken = subscriptions or (self.subscription(),)
        while await deliver_due(runtime or self.runtime, taken):
            pass

    def consumer(self, **changes):
        return Consumer(self.runtime, self.subscription(**changes))

    async def effects(self, name="ears"):
        async with self.runtime.db.reading() as tx:
            cursor = await tx.execute(
                "SELECT stream, number FROM effects WHERE consumer = %s ORDER BY made", (name,)
            )
            return [(row["stream"], row["number"]) for row in await cursor.fetchall()]

    async def waits(self):
        async with self.runtime.db.reading() as tx:
            cursor = await tx.execute(
                """
                SELECT stream, version, tries, entry_id,
                  extract(epoch FROM retry_at - clock_timestamp())::float8 AS in_s
                FROM bus_waits ORDER BY stream
                """
            )
            return await cursor.fetchall()

    async def let_pauses_pass(self):
        """Make due what waits for its next try, as database time would."""

        async def verb(tx):
            await tx.execute(
                "UPDATE bus_waits SET retry_at = clock_timestamp() WHERE retry_at IS NOT NULL"
            )

        await self.runtime.db.repeat(verb)
