"""A firm in the middle of its day, at its whole API: something of each kind, in each state."""

import hmac
import random  # noqa: TID251 -- the source of the world's chance, seeded
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx

from bank_statements import Entry
from payout_world import CHALLENGE, PAYOUT, USER, Floor
from people import Person
from purchase_world import PRICE_MINOR, Shop
from purchase_world import USER as BUYER
from table_digests import Digests, digests
from tradesense import identity, payments, reliability
from tradesense.app.api import create_app
from tradesense.identity.caller import session_mac
from tradesense.infra.db import Database
from tradesense.infra.policies import platform_policies
from tradesense.infra.redis import Redis
from tradesense.infra.runtime import Runtime
from tradesense.infra.settings import Settings
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.payments import bank, reconciliation
from tradesense.payments.model import DisputeStatus, ProviderDispute
from tradesense.payments.reconciliation.model import Case, CaseState, Difference, DifferenceKind
from tradesense.payments.reconciliation.store import cases
from tradesense.purchases import service
from tradesense.reliability import Incident, IncidentState, Severity
from tradesense.reliability import store as incidents

JANE, JOHN, EVE = UUID(int=1), UUID(int=2), UUID(int=3)
TERM = timedelta(days=5)  # how long an offer may be paid
PURCHASES = ("active", "refunded", "disputed", "expired", "open")
REJECTED_PAYOUT = derive(USER, "payout", "0")


@dataclass
class Clock:
    """Time stands still until somebody sets it."""

    moment: datetime

    def now(self) -> datetime:
        return self.moment

    def set(self, moment: datetime) -> None:
        self.moment = moment


@dataclass
class RefusalWorld:
    """`names` are ids by what they stand for, as paths write them: `{payment-active}`."""

    runtime: Runtime
    http: httpx.AsyncClient
    owner_url: str
    people: dict[str, Person] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    calls: int = 0

    def tables(self) -> Digests:
        return digests(self.owner_url)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        who: str | None,
        content: bytes = b"",
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Ask as one of `people`, None: as nobody, under a key of its own."""
        self.calls += 1
        sent = {"Idempotency-Key": f"refusal-{self.calls}"} | (headers or {})
        if content:
            sent = {"Content-Type": "application/json"} | sent
        if who is not None:
            sent |= {"Authorization": f"Bearer {self.people[who].token}"}
        return await self.http.request(method, path, content=content, headers=sent)

    def signed(self, body: bytes) -> dict[str, str]:
        """Return the headers under which Stripe would send `body`."""
        secret = self.runtime.settings.stripe_webhook_secrets[0].encode()
        at_s = int(datetime.now(UTC).timestamp())  # noqa: TID251 -- as the provider signs
        proof = hmac.digest(secret, b"%d.%s" % (at_s, body), "sha256").hex()
        return {"Stripe-Signature": f"t={at_s},v1={proof}"}

    async def run(self, verb, **named):
        now = self.runtime.now()
        return await self.runtime.db.run(
            lambda tx: verb(tx, now=now, **named), key=str(self.runtime.new_id())
        )


@asynccontextmanager
async def refusal_world(urls, settings: Settings, *, seed: int) -> AsyncIterator[RefusalWorld]:
    """Open the world over an empty database, whose roles' addresses are `urls`."""
    chance, clock = random.Random(seed), Clock(datetime(2014, 5, 2, 8, 0, tzinfo=UTC))
    policies = platform_policies(settings)
    async with (
        Database.open(urls.app, name="test") as db,
        Database.open(urls.sealer, name="test sealer", max_size=4) as sealer_db,
        Redis.open(settings.redis_url, policies["redis"]) as redis,
    ):
        runtime = Runtime(
            settings, db, clock.now, lambda: UUID(int=chance.getrandbits(128), version=4),
            chance.randbytes, redis, policies,
        )  # fmt: skip
        transport = httpx.ASGITransport(create_app(runtime), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://platform") as client:
            world = RefusalWorld(runtime, client, urls.superuser)
            await _people(world)
            await _payouts(world, Floor(runtime, sealer_db, clock, urls))
            await _purchases(world, Shop(runtime, sealer_db, settings.home), clock)
            await _bank_and_cases(world)
            await _incidents(world)
            yield world


async def _people(world: RefusalWorld) -> None:
    for name, user_id, is_operator in (
        ("ada", USER, False), ("bob", BUYER, False), ("eve", EVE, False),
        ("jane", JANE, True), ("john", JOHN, True),
    ):  # fmt: skip

        async def verb(tx, user_id=user_id, name=name, is_operator=is_operator):
            now = world.runtime.now()
            await identity.sign_up(
                tx, user_id=user_id, email=f"{name}@example.com", password_hash="none", now=now
            )
            if is_operator:
                await identity.appoint_operator(tx, user_id=user_id, now=now)
            mac = session_mac(world.runtime, f"token-{name}")
            await identity.open_session(tx, user_id=user_id, token_mac=mac)

        await world.runtime.db.repeat(verb)
        world.people[name] = Person(world.http, user_id, f"token-{name}")


async def _payouts(world: RefusalWorld, floor: Floor) -> None:
    """A funded trader with a payout that was turned down, and one that waits for operators."""
    await floor.fund()
    await floor.profit()
    await floor.register()
    await floor.request(REJECTED_PAYOUT)
    await floor.reject(REJECTED_PAYOUT)
    await floor.request(PAYOUT, amount_minor=1_000_00)
    coming = [
        Entry(amount=f"{n}.00", ref=f"R{n}", text=f"transfer {n}") for n in (100, 200, 300, 400)
    ]
    await floor.bank_says(*coming)
    world.names |= {
        "challenge": str(CHALLENGE),
        "payout-frozen": str(PAYOUT),
        "payout-rejected": str(REJECTED_PAYOUT),
    }


async def _purchases(world: RefusalWorld, shop: Shop, clock: Clock) -> None:
    """A buyer's orders: paid, sent back, disputed, never paid, and waiting to be paid."""
    for name in PURCHASES:
        purchase_id = derive(BUYER, "purchase", name)
        payment_id = derive(purchase_id, "payment")
        await shop.buy(purchase_id)
        await shop.work()
        if name in {"active", "refunded", "disputed"}:
            shop.till.pay(f"pi_{payment_id.hex}")
            await shop.end(rounds=2)
        if name == "expired":
            clock.set(clock.now() + TERM)
            await shop.end()
        world.names |= {f"purchase-{name}": str(purchase_id), f"payment-{name}": str(payment_id)}
    for name, payment, minor, fault in (
        ("sent", "active", 1_000, ""), ("failed", "active", 2_000, "no"),
        ("whole", "refunded", None, ""),
    ):  # fmt: skip
        refund_id = derive(BUYER, "refund", name)
        shop.till.faults["refund"] = [fault] if fault else []
        await world.run(
            service.refund, payment_id=UUID(world.names[f"payment-{payment}"]),
            refund_id=refund_id, amount_minor=minor, reason="goodwill", by=f"operator:{JANE}",
        )  # fmt: skip
        await shop.end(rounds=2)
        world.names[f"refund-{name}"] = str(refund_id)
    await _dispute(world, shop)


async def _dispute(world: RefusalWorld, shop: Shop) -> None:
    payment_id = UUID(world.names["payment-disputed"])
    ref = f"pi_{payment_id.hex}"
    taken = ProviderDispute(
        provider="stripe", ref="du_1", payment_ref=ref, status=DisputeStatus.OPEN,
        amount_minor=PRICE_MINOR, currency="USD", reason="fraudulent", is_withdrawn=True,
    )  # fmt: skip
    shop.till.change(ref, disputes=(taken,))
    await world.run(payments.settle, payment_id=payment_id, seen=shop.till.intents[ref])
    await shop.end(rounds=2)
    world.names["saga"] = world.names["purchase-open"]


async def _bank_and_cases(world: RefusalWorld) -> None:
    async with world.runtime.db.reading() as tx:
        lines = list(await bank.list_lines(tx))
    jane = f"operator:{JANE}"
    for line, state in zip(lines, ("waiting", "second", "decided", "free"), strict=True):
        world.names |= {f"line-{state}": str(line.line_id)}
        if state != "free":
            match_id = derive("match", state)
            await world.run(
                bank.propose, match_id=match_id, kind=bank.LineKind.PROVIDER_PAYOUT,
                line_ids=[line.line_id], party="stripe", reason="their transfer", by=jane,
            )  # fmt: skip
            world.names[f"match-{state}"] = str(match_id)
    decided = UUID(world.names["match-decided"])
    await world.run(bank.reject, match_id=decided, reason="not theirs", by=f"operator:{JOHN}")
    for state in ("open", "proposed", "resolved"):
        await _case(world, state, by=jane)


async def _case(world: RefusalWorld, state: str, *, by: str) -> None:
    now = world.runtime.now()
    difference = Difference(
        kind=DifferenceKind.STRANGERS_CHARGE, provider="stripe", subject=f"ch_{state}",
        story=f"ch_{state}", currency="USD", ours_minor=None, theirs_minor=310_00, at=now,
    )  # fmt: skip
    opened = Case(
        case_id=difference.case_id, difference=difference, state=CaseState.OPEN, opened_at=now
    )
    await world.runtime.db.repeat(lambda tx: cases.save(tx, opened))
    world.names[f"case-{state}"] = str(opened.case_id)
    if state == "proposed":
        await world.run(
            reconciliation.propose_correction, case_id=opened.case_id,
            debit="clearing:stripe:USD", credit="unapplied:USD", amount=Money(310_00, "USD"),
            reason="a charge by hand", by=by,
        )  # fmt: skip
    if state == "resolved":
        await world.run(
            reconciliation.resolve, case_id=opened.case_id, resolution="a shop in Graz",
            is_accepted=True, by=by,
        )  # fmt: skip


async def _incidents(world: RefusalWorld) -> None:
    for state in IncidentState:
        incident = Incident(
            incident_id=derive("incident", state), kind="provider_outage", subject="stripe",
            severity=Severity.CRITICAL, state=IncidentState.OPEN, summary="stripe is away",
            source="provider:stripe", opened_at=world.runtime.now(),
        )  # fmt: skip
        await world.runtime.db.repeat(lambda tx, opened=incident: incidents.insert(tx, opened))
        world.names[f"incident-{state}"] = str(incident.incident_id)
    by = f"operator:{JANE}"
    for state in (IncidentState.RESOLVED, IncidentState.REVIEWED):
        named = {"incident_id": UUID(world.names[f"incident-{state}"]), "by": by}
        await world.run(reliability.resolve, how="it answers again", **named)
        if state is IncidentState.REVIEWED:
            await world.run(reliability.review, cause="theirs", prevention="none", **named)
