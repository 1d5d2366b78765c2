"""An operator's one page: nothing on a quiet day; each trouble with the command that shows more."""

import pytest

from bank_firm import open_firm
from bank_statements import Entry
from bus_world import fact
from conftest import OPENING
from saga_world import World as Story
from saga_world import begin, say, work
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.payments import reconciliation
from tradesense.payments.outages import service, store
from tradesense.payments.reconciliation import service as comparing
from tradesense.payments.reconciliation.model import Difference, DifferenceKind, Findings, Run
from tradesense.payments.reconciliation.store import runs
from tradesense.sagas import State

PAGE = "/api/v1/operations/attention"
SAGA = derive("a saga")


@pytest.fixture
async def look(api, operator):
    async def read(**query):
        answer = await api.get(PAGE, params=query)
        assert answer.status_code == 200, (answer.text, operator)
        return answer.json()

    return read


async def park(runtime):
    await begin(runtime, SAGA)
    await say(runtime, SAGA)
    assert (await work(runtime, Story(failing={"tell": 99}), SAGA)).state is State.PARKED


async def bury(world):
    world.errors["bell:1", 1] = (ZeroDivisionError("a defect"), 4)
    await world.record(fact(1))
    for _ in range(4):
        await world.deliver()
        await world.let_pauses_pass()


async def contain(runtime):
    for calls in (0, 100):
        await runtime.db.repeat(
            lambda tx, n=calls: store.report(
                tx, provider="stripe", node="one", calls=n, failures=n, is_open=False
            )
        )
        await runtime.db.repeat(lambda tx: service.judge(tx, provider="stripe", now=runtime.now()))


async def propose_a_match(runtime):
    """Somebody says that a line at the bank is Stripe's payout; nobody else has agreed yet."""
    async with open_firm(runtime) as firm:
        lines = await firm.bank_says(Entry(amount="540.00", text="STRIPE"))
        return await firm.propose(lines, kind="provider_payout", party="stripe")


async def propose_a_correction(runtime):
    """A difference is found, and somebody proposes the transfer that mends it."""
    now = runtime.now()
    run = Run(run_id=derive("a run"), provider="stripe", cadence="asked", since=now, until=now)
    lost = Difference(
        kind=DifferenceKind.STRANGERS_CHARGE,
        provider="stripe",
        subject="pi_1",
        story="pi_1",
        currency="USD",
        ours_minor=None,
        theirs_minor=4_200,
        at=now,
    )
    await runtime.db.repeat(lambda tx: runs.add(tx, run))
    await runtime.db.repeat(
        lambda tx: comparing.conclude(
            tx, run=run, findings=Findings(differences=(lost,)), totals=(), trail_size=0, now=now
        )
    )
    await runtime.db.repeat(
        lambda tx: reconciliation.propose_correction(
            tx,
            case_id=lost.case_id,
            debit="clearing:stripe:USD",
            credit="unapplied:USD",
            amount=Money(4_200, "USD"),
            reason="held until it is sent back",
            by="operator:jane",
            now=now,
        )
    )
    return lost.case_id


async def test_nothing_waits_on_a_quiet_day(look):
    assert await look() == {"waiting": 0, "counts": {}, "limit_per_kind": 100, "matters": []}


async def test_what_stands_still_is_on_one_page(look, runtime, world):
    await park(runtime)
    await bury(world)
    await contain(runtime)

    page = await look()

    assert page["counts"] == {"contained provider": 1, "parked saga": 1, "dead letter": 1}
    assert page["waiting"] == 3
    said = {one["kind"]: one for one in page["matters"]}
    assert said["parked saga"]["command"] == f"tradesense sagas show {SAGA}"
    assert "a defect" in said["parked saga"]["says"]
    assert said["dead letter"]["command"] == "tradesense events dead --consumer ears"
    assert said["contained provider"]["subject"] == "stripe"
    assert all(one["since"].endswith("Z") for one in page["matters"])


async def test_what_waits_for_a_second_pair_of_eyes_is_on_the_page_until_somebody_agrees(
    look, runtime
):
    match = await propose_a_match(runtime)
    case_id = await propose_a_correction(runtime)

    page = await look()

    said = {one["kind"]: one for one in page["matters"]}
    assert set(said) == {"bank match to approve", "correction to approve", "reconciliation case"}
    assert said["bank match to approve"]["subject"] == str(match.match_id)
    assert "user:jane: looks right" in said["bank match to approve"]["says"]
    assert said["correction to approve"]["subject"] == str(case_id)
    assert "42.00 USD from unapplied:USD" in said["correction to approve"]["says"]
    assert all(one["since"].endswith("Z") for one in page["matters"])

    async with open_firm(runtime) as firm:
        await firm.approve(match)
    await runtime.db.repeat(
        lambda tx: reconciliation.approve_correction(
            tx, case_id=case_id, by="operator:john", now=runtime.now()
        )
    )
    assert (await look())["waiting"] == 0


@pytest.mark.breaks_invariants
async def test_a_broken_promise_is_on_the_page_unless_it_is_not_looked_for(look, runtime, owner_db):
    await park(runtime)
    await owner_db.repeat(
        lambda tx: tx.execute("UPDATE saga_instances SET told_link = repeat('0', 64)")
    )

    page, quick = await look(), await look(checks_promises=False)

    assert page["counts"]["broken promise"] == 1
    (broken,) = [one for one in page["matters"] if one["kind"] == "broken promise"]
    assert broken["subject"] == "a saga knows where its stream ends"
    assert quick["counts"] == {"parked saga": 1}


async def test_the_page_is_for_operators(api, runtime):
    assert (await api.get(PAGE)).status_code == 403
    assert runtime.now() == OPENING
