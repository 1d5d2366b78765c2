"""Cases: the same difference is the same case; who takes it, how it ends, how it comes back."""

import asyncio

import httpx
import pytest

from planted_differences import be_a_stranger, post_by_hand, stay_unsettled
from tradesense import ledger, trail
from tradesense.app.processes.scheduler import CHORES
from tradesense.kernel.errors import Unavailable
from tradesense.kernel.money import Money
from tradesense.payments import reconciliation
from tradesense.payments.reconciliation.casework import (
    BadCorrection,
    CaseEnded,
    CorrectionOpen,
    NothingProposed,
    NothingSaid,
    SameEyes,
    UnknownCase,
)
from tradesense.payments.reconciliation.jobs import DAILY, HOURLY, Asked
from tradesense.payments.reconciliation.model import CaseState

JANE, JOHN = "operator:jane", "operator:john"


@pytest.fixture
async def case(books):
    """Return the case of a stranger's charge of 310 USD."""
    await be_a_stranger(books)
    await books.reconcile()
    (opened,) = await books.cases()
    return opened


async def kinds(books):
    async with books.runtime.db.reading() as tx:
        return [entry.kind for entry in await trail.read_stream(tx, "reconciliation:stripe")]


async def only(books):
    (case,) = await books.cases()
    return case


async def test_a_difference_found_again_is_the_same_case(books, case):
    await books.reconcile(days=21)

    assert (await only(books)).case_id == case.case_id
    assert (await only(books)).opened_at == case.opened_at
    assert (await kinds(books)).count("DifferenceFound") == 1


async def test_a_case_has_an_owner_an_age_and_a_resolution(books, case):
    taken = await books.run(reconciliation.assign, case_id=case.case_id, owner=JOHN, by=JANE)
    ended = await books.run(
        reconciliation.resolve,
        case_id=case.case_id,
        resolution="the shop in Graz uses our key",
        is_accepted=True,
        by=JOHN,
    )

    assert (taken.state, taken.owner) == (CaseState.ASSIGNED, JOHN)
    assert (ended.state, ended.resolution) == (CaseState.RESOLVED, "the shop in Graz uses our key")
    assert ended.facts(books.runtime.now())["age_s"] >= 0
    assert (await kinds(books))[-2:] == ["CaseAssigned", "CaseResolved"]


@pytest.mark.parametrize(
    ("is_accepted", "state"), [(True, CaseState.RESOLVED), (False, CaseState.OPEN)]
)
async def test_what_was_resolved_but_is_still_there_opens_again_unless_accepted(
    books, case, is_accepted, state
):
    await books.run(
        reconciliation.resolve,
        case_id=case.case_id,
        resolution="mended",
        is_accepted=is_accepted,
        by=JANE,
    )

    await books.reconcile(days=21)

    again = await only(books)
    assert again.is_open is not is_accepted
    assert again.times_opened == (1 if is_accepted else 2)
    assert ("DifferenceReopened" in await kinds(books)) is not is_accepted
    assert again.state in {state, CaseState.ASSIGNED}


async def test_a_difference_that_goes_away_ends_its_case_and_may_come_back(books):
    await stay_unsettled(books)
    await books.reconcile()
    case = await only(books)
    async with books.runtime.db.reading() as tx:
        cursor = await tx.execute("SELECT payment_id FROM payments_payments")
        payment_id = (await cursor.fetchone())["payment_id"]

    await books.settle(payment_id, case.difference.subject)
    await books.reconcile(days=21)

    gone = await only(books)
    assert (gone.state, gone.owner) == (CaseState.AUTO_RESOLVED, None)
    assert (await kinds(books))[-2:] == ["DifferenceGone", "ReconciliationCompleted"]


async def test_a_correction_takes_two_people_and_mends_the_books(books, case):
    correction = {
        "case_id": case.case_id,
        "debit": "clearing:stripe:USD",
        "credit": "unapplied:USD",
        "amount": Money(31_000, "USD"),
        "reason": "a stranger's charge, held until it is sent back",
    }
    with pytest.raises(NothingProposed):
        await books.run(reconciliation.approve_correction, case_id=case.case_id, by=JOHN)
    await books.run(reconciliation.propose_correction, **correction, by=JANE)
    with pytest.raises(CorrectionOpen):
        await books.run(reconciliation.propose_correction, **correction, by=JOHN)
    with pytest.raises(SameEyes):
        await books.run(reconciliation.approve_correction, case_id=case.case_id, by=JANE)

    ended = await books.run(reconciliation.approve_correction, case_id=case.case_id, by=JOHN)
    run = await books.reconcile(days=21)

    assert (ended.state, ended.correction.transfer_id is None) == (CaseState.RESOLVED, False)
    async with books.runtime.db.reading() as tx:
        assert (await ledger.balance_of(tx, "unapplied:USD")).minor == 31_000
    assert len(await books.cases()) == 1
    assert '"open_cases":0' in run.report


@pytest.mark.parametrize(
    "change",
    [
        {"debit": "bank:EUR"},
        {"debit": "nowhere:USD"},
        {"debit": "unapplied:USD"},
        {"amount": Money(0, "USD")},
        {"amount": Money(-5, "USD")},
        {"reason": "  "},
    ],
)
async def test_a_correction_that_makes_no_sense_changes_nothing(books, case, change):
    correction = {
        "debit": "clearing:stripe:USD",
        "credit": "unapplied:USD",
        "amount": Money(31_000, "USD"),
        "reason": "why",
    }
    with pytest.raises(BadCorrection):
        await books.run(
            reconciliation.propose_correction,
            case_id=case.case_id,
            **correction | change,
            by=JANE,
        )
    assert (await only(books)).correction is None


async def test_an_unknown_or_ended_case_and_an_empty_word_are_refused(books, case):
    nobody = books.runtime.new_id()
    with pytest.raises(UnknownCase):
        await books.run(reconciliation.assign, case_id=nobody, owner=JANE, by=JANE)
    ending = {"case_id": case.case_id, "is_accepted": True, "by": JANE}
    with pytest.raises(NothingSaid):
        await books.run(reconciliation.resolve, resolution=" ", **ending)
    await books.run(reconciliation.resolve, resolution="fine", **ending)
    with pytest.raises(CaseEnded):
        await books.run(reconciliation.resolve, resolution="fine", **ending)


async def test_an_hour_and_a_day_are_compared_once_and_a_run_that_died_is_done_again(books):
    await post_by_hand(books)
    await books.sell()
    asked = Asked(cadence=HOURLY, now=(await books.reconcile(days=0)).until)

    async def is_away(**_):
        raise Unavailable("the provider is away")

    class Away:
        name = "stripe"
        list_movements = staticmethod(is_away)

    with pytest.raises(Unavailable):
        await reconciliation.reconcile(books.runtime, Away(), asked)
    first = await reconciliation.reconcile(books.runtime, books.provider, asked)
    again = await reconciliation.reconcile(books.runtime, Away(), asked)  # asks nobody

    assert again == first
    due = await reconciliation.reconcile_due(books.runtime, [books.provider], now=asked.now)
    assert [(run.provider, run.cadence) for run in due] == [
        ("stripe", DAILY),
        ("bank", DAILY),
        ("stripe", HOURLY),
        ("bank", HOURLY),
    ]


async def test_the_worker_compares_hourly_and_daily_by_itself_whoever_is_away(books):
    (chore,) = [each for each in CHORES if "reconcile" in each.name]
    assert chore.every_s < 3600

    with pytest.raises(Unavailable):  # the settings of tests name providers that do not listen
        await chore.do(books.runtime)

    async with books.runtime.db.reading() as tx:
        cursor = await tx.execute(
            "SELECT provider, cadence, report IS NOT NULL AS is_done FROM payments_reconciliations"
        )
        begun = {
            (row["provider"], row["cadence"], row["is_done"]) for row in await cursor.fetchall()
        }
    assert begun >= {
        (name, cadence, name == "bank")
        for name in ("stripe", "bank")
        for cadence in (DAILY, HOURLY)
    }


async def test_two_that_run_at_once_find_the_same_once(books):
    await be_a_stranger(books)
    await books.sell()

    await asyncio.gather(*(books.reconcile() for _ in range(3)))

    assert len(await books.cases()) == 1
    assert (await kinds(books)).count("DifferenceFound") == 1
    assert (await kinds(books)).count("ReconciliationCompleted") == 3


@pytest.mark.usefixtures("case")
async def test_the_api_is_for_operators_only(api):
    for method, path in (
        ("GET", "cases"),
        ("GET", "runs/stripe/last"),
        ("POST", f"cases/{'0' * 8}-0000-4000-8000-{'0' * 12}/resolution"),
    ):
        answer: httpx.Response = await api.request(
            method,
            f"/api/v1/operations/reconciliation/{path}",
            json={"resolution": "x"} if method == "POST" else None,
            headers={"Idempotency-Key": "k"},
        )
        assert answer.status_code == 401
