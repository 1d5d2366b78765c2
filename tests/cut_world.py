"""Many payments at once at the real sandbox, each with one of its calls cut at its own place."""

import asyncio
from dataclasses import dataclass, field, replace
from uuid import UUID

from cutting_proxy import ANSWER, EDGES, REQUEST, Cut, Ending, Proxy, Target
from payment_sandbox import SandboxProcess
from tradesense import ledger, payments, trail
from tradesense.infra.db import Database
from tradesense.infra.runtime import Runtime
from tradesense.kernel.errors import OutcomeUnknown, Unavailable
from tradesense.kernel.money import Money
from tradesense.payments import Providers, jobs, make_offer
from tradesense.payments.attempts.rules import LOOKS_FOR_UNKNOWN
from tradesense.payments.model import Provider, Way
from wire_places import spans

PRICE = Money(54_000, "USD")
OPEN_AT_STRIPE = {"requires_payment_method", "requires_capture", "succeeded"}
ROUNDS = 6
# Where a hang differs from a cut: what came, or did not, before the client lost patience.
HANGS = (
    "after connect", "request: header value", "delivered, no byte of the answer",
    "answer: first line", "answer: header value", "answer: middle of body",
)  # fmt: skip


class First:
    """A provider that costs nothing, so that it is asked before any other."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self.tariff = replace(provider.tariff, fee_bp=0, fee_minor=0)

    def __getattr__(self, name):
        return getattr(self._provider, name)


@dataclass
class Market:
    """`first` is whose calls are cut; `second`, if any, stands by."""

    runtime: Runtime
    owner_db: Database
    sandbox: SandboxProcess
    proxy: Proxy
    first: Provider
    second: Provider | None = None
    contained: set[str] = field(default_factory=set)

    @property
    def providers(self) -> Providers:
        known = [First(self.first), *([] if self.second is None else [self.second])]
        return Providers(known, is_admitting=lambda name: name not in self.contained)

    async def run(self, verb, **arguments):
        return await self.runtime.db.run(
            lambda tx: verb(tx, now=self.runtime.now(), **arguments), key=str(self.runtime.new_id())
        )

    async def request(self, way=Way.DIRECT, *, is_captured_later=False) -> UUID:
        payment = await self.run(
            payments.request,
            payment_id=self.runtime.new_id(),
            purchase_id=self.runtime.new_id(),
            amount=PRICE,
            way=way,
            return_url="http://shop.example/back",
            is_captured_later=is_captured_later,
        )
        return payment.payment_id

    async def offer(self, payment_id: UUID) -> None:
        """Ask for an offer as the saga's step does; in vain, it is asked for again later."""
        try:
            seen = await make_offer(self.runtime, self.providers, payment_id)
        except (Unavailable, OutcomeUnknown):
            return
        if seen is not None:
            await self.run(payments.record_offer, payment_id=payment_id, seen=seen)

    async def offered(self, count: int, way=Way.DIRECT, **asked) -> list[UUID]:
        made = await asyncio.gather(*(self.request(way, **asked) for _ in range(count)))
        await asyncio.gather(*map(self.offer, made))
        return list(made)

    async def authorised(self, count: int, way=Way.DIRECT) -> list[UUID]:
        made = await self.offered(count, way, is_captured_later=True)
        await self.pay(made)
        await self.work(1)
        return made

    async def paid(self, count: int, way=Way.DIRECT) -> list[UUID]:
        made = await self.offered(count, way)
        await self.pay(made)
        await self.work(1)
        return made

    async def pay(self, made: list[UUID]) -> None:
        """Pay what each buyer is shown."""
        refs = [(await self.payment(each)).offer.ref for each in made]
        await asyncio.gather(*(asyncio.to_thread(self.sandbox.pay, ref) for ref in refs))

    async def work(self, rounds=ROUNDS) -> None:
        """Do what is due, over as many pauses as a cut call may need."""
        for _ in range(rounds):
            for change in (
                "payments_attempts SET next_poll_at = clock_timestamp()",
                "payments_refunds SET next_try_at = clock_timestamp()",
            ):
                await self.sql(f"UPDATE {change}")
            while await jobs.do_due(self.runtime, self.providers):
                pass

    async def look_for_the_last_time(self) -> None:
        """Let the minute pass in which what was never made is looked for every five seconds."""
        await self.sql(
            f"UPDATE payments_attempts SET polls = {LOOKS_FOR_UNKNOWN - 1} WHERE status = 'unknown'"
        )
        await self.work(1)

    async def sql(self, statement: str) -> None:
        await self.owner_db.repeat(lambda tx: tx.execute(statement))

    async def payment(self, payment_id: UUID):
        async with self.runtime.db.reading() as tx:
            return await payments.find_payment(tx, payment_id)

    async def statuses(self, made: list[UUID]) -> set:
        return {(await self.payment(each)).status for each in made}

    async def facts(self, payment_id: UUID) -> list[str]:
        async with self.runtime.db.reading() as tx:
            return [e.kind for e in await trail.read_stream(tx, f"payment:{payment_id}")]

    async def balance(self, account: str) -> int:
        async with self.runtime.db.reading() as tx:
            return (await ledger.balance_of(tx, account)).minor

    async def attempts(self) -> list[str]:
        async with self.runtime.db.reading() as tx:
            cursor = await tx.execute("SELECT status FROM payments_attempts")
            return [row["status"] for row in await cursor.fetchall()]


@dataclass
class Judge:
    """What the sandbox's own ledger says, asked by the official client past every proxy."""

    sandbox: SandboxProcess
    mollie: object

    def live(self) -> dict[str, list[str]]:
        """Return our payment -> whatever could be paid, is reserved, or was paid for it."""
        found: dict[str, list[str]] = {}
        v1 = self.sandbox.client().v1
        for intent in v1.payment_intents.list({"limit": 100}).auto_paging_iter():
            is_of_page = intent.metadata.to_dict().get("tradesense_way") == "page"
            if intent.status in OPEN_AT_STRIPE and not is_of_page:
                found.setdefault(_ours(intent), []).append(intent.id)
        for session in v1.checkout.sessions.list({"limit": 100}).auto_paging_iter():
            if session.status in {"open", "complete"}:
                found.setdefault(_ours(session), []).append(session.id)
        for payment in self._mollie_payments():
            if payment.status in {"open", "authorized", "paid"}:
                found.setdefault(payment.metadata["tradesense_payment"], []).append(payment.id)
        return found

    def moved(self) -> dict[tuple[str, str], list[int]]:
        """Return (provider, kind of movement) -> amounts that really moved, in minor units."""
        found: dict[tuple[str, str], list[int]] = {}
        lines = self.sandbox.client().v1.balance_transactions.list({"limit": 100})
        for line in lines.auto_paging_iter():
            found.setdefault(("stripe", line.type), []).append(line.amount)
        for payment in self._mollie_payments():
            if payment.status == "paid":
                taken = (payment.amount_captured or payment.amount)["value"]
                found.setdefault(("mollie", "charge"), []).append(_minor(taken))
                for refund in payment.refunds.list():
                    sent = -_minor(refund.amount["value"])
                    found.setdefault(("mollie", "refund"), []).append(sent)
        return found

    def _mollie_payments(self) -> list:
        page = self.mollie.payments.list(limit=250)
        made = list(page)
        while page.has_next():
            page = page.get_next()
            made += list(page)
        return made


def _minor(value: str) -> int:
    return int(value.replace(".", ""))


def _ours(made) -> str:
    return made.metadata.to_dict()["tradesense_payment"]


@dataclass(frozen=True)
class Plan:
    """The cuts of one kind of call, derived from the bytes of one that was not cut."""

    places: tuple[str, ...]
    cuts: tuple[Cut, ...]


def plan(watched: tuple[bytes, bytes], chance, *, endings=(Ending.FIN, Ending.RST), parts=0):
    """
    Return cuts at every place of a call: its edges, and each place any byte of it has.

    With one of `endings` after the other at every place if there are two; `parts` more cuts
    stand that many parts of all bytes apart, from a byte by chance on.
    """
    request, answer = watched
    of_bytes = [
        each.place for part, side in ((request, REQUEST), (answer, ANSWER))
        for each in spans(part, side)
    ]  # fmt: skip
    places = tuple(dict.fromkeys([*EDGES, *of_bytes]))
    cuts = [Cut(place, ending) for place in places for ending in endings]
    if parts:
        step = 1_000 // parts
        first = chance.randrange(step)
        cuts += [
            Cut(f"{at} permille", chance.choice(list(endings)), at)
            for at in range(first, 1_000, step)
        ]
        cuts += [Cut(place, Ending.HANG) for place in HANGS if place in places]
    return Plan(places, tuple(cuts))


def require_every_place(the_plan: Plan, proxy: Proxy, target: Target) -> None:
    """
    Require that each cut has happened, and each byte of the call was in a place that was cut.

    Of the recorded call, and of every call whose answer was seen on its way.
    """
    assert not proxy.armed, f"never met: {proxy.armed}"
    assert sorted(str(each.cut) for each in proxy.struck) == sorted(map(str, the_plan.cuts))
    cut_at = {each.cut.place for each in proxy.struck if each.cut.permille is None}
    recorded = [proxy.watched[target]]
    recorded += [(each.request, each.answer) for each in proxy.struck if each.answer]
    for request, answer in recorded:
        for message, side in ((request, REQUEST), (answer, ANSWER)):
            found = spans(message, side)
            # One span begins where the last one ended: every byte is in exactly one.
            assert [each.start for each in found] == [0, *(each.end for each in found[:-1])]
            assert found[-1].end == len(message)
            assert {each.place for each in found} <= cut_at
    assert set(EDGES) <= cut_at
