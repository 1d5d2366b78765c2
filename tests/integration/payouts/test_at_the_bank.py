"""A payout through a bank that executes our files and writes the statements: the sandbox's."""

from uuid import UUID

import httpx
import pytest

from payment_sandbox import SandboxProcess
from payout_world import PAYOUT, PRICE_MINOR
from people import Person
from saga_world import DyingDatabase, Killed, with_db
from tradesense import payouts
from tradesense.app.api import create_app
from tradesense.kernel.ids import derive
from tradesense.payments.reconciliation.jobs import Asked, reconcile_bank
from tradesense.payouts import LeftIn, Payee, PayoutStatus, ResendStatus

BANK_API = "/api/v1/operations/bank"
OWED = 4_000_00 + PRICE_MINOR
SPENT = {"profit-shares:USD": 4_000_00, "refunds:USD": PRICE_MINOR}
HELD = 1_000_000_00
UNMATCHED = {"unapplied:USD": HELD}  # how the bank got what it holds is nobody's question here
JANE, JOHN = UUID(int=1), UUID(int=2)
RESEND = derive(PAYOUT, "resend", "1")
ELSEWHERE = Payee(name="Ada King", account="DE02120300000000202051")


@pytest.fixture
def sandbox(tmp_path):
    process = SandboxProcess(tmp_path / "sandbox-home")
    process.start()
    process.control("bank/credits", amount_minor=HELD, reference="CAPITAL")
    yield process
    if process.process.poll() is None:
        process.stop()


@pytest.fixture
async def jane(sign_in):
    return await sign_in(JANE, "jane", is_operator=True)


@pytest.fixture
async def approved(floor):
    """A payout that is ordered, and waits for a file."""
    await floor.request()
    await floor.identify()
    await floor.approve()
    assert (await floor.payout()).status is PayoutStatus.SENT
    return floor


async def export(person, key=None):
    return await person.post(f"{BANK_API}/outgoing/export", {"currency": "USD"}, key=key)


async def bring(floor, person, sandbox, key=None):
    """Import the bank's next statement; return what was said."""
    return await bring_again(floor, person, sandbox.close_statement(), key)


async def bring_again(floor, person, statement, key=None):
    person.calls += 1
    headers = {
        "Authorization": f"Bearer {person.token}",
        "Idempotency-Key": key or f"statement-{person.token}-{person.calls}",
        "Content-Type": "application/xml",
    }
    path = f"{BANK_API}/statements"
    answer = await person.client.post(path, content=statement, headers=headers)
    assert answer.status_code == 201, answer.text
    await floor.work()
    return answer


async def test_a_payout_is_executed_and_paid_by_the_statement(approved, jane, sandbox):
    file = (await export(jane)).content
    done = sandbox.order(file).json()
    assert done == {"executed": [f"TS{PAYOUT.hex}"], "known": []}
    assert (await approved.payout()).status is PayoutStatus.SENT, "no statement shows it yet"

    await bring(approved, jane, sandbox)
    assert (await approved.payout()).status is PayoutStatus.PAID
    assert await approved.balances() == SPENT | {"bank:USD": HELD - OWED} | UNMATCHED
    assert (await export(jane)).status_code == 204, "nothing waits any more"


async def test_what_the_other_bank_sends_back_is_owed_and_reaches_another_account(
    approved, jane, sandbox
):
    sandbox.order((await export(jane)).content)
    await bring(approved, jane, sandbox)
    account_id = (await approved.challenge()).account_id
    await approved.trade(account_id, 1_000_000, approved.bid - 1_200)  # more than the rules allow
    sandbox.control("bank/orders/return", ref=f"TS{PAYOUT.hex}", reason="AC04")
    await bring(approved, jane, sandbox)
    back = await approved.payout()
    assert (back.status, back.left_in) == (PayoutStatus.RETURNED, LeftIn.PAYABLE)

    named = {"resend_id": RESEND, "payout_id": PAYOUT, "payee": ELSEWHERE, "reason": "closed"}
    await approved.run(payouts.propose_resend, by=f"operator:{JANE}", **named)
    await approved.run(payouts.approve_resend, resend_id=RESEND, by=f"operator:{JOHN}")
    sandbox.order((await export(jane)).content)
    await bring(approved, jane, sandbox)
    assert (await approved.read(payouts.find_resend, RESEND)).status is ResendStatus.PAID
    assert await approved.balances() == SPENT | {"bank:USD": HELD - OWED} | UNMATCHED


async def test_a_transfer_that_the_bank_books_twice_is_paid_once_and_a_case(
    approved, jane, sandbox
):
    sandbox.order((await export(jane)).content)
    await bring(approved, jane, sandbox)
    sandbox.control("bank/orders/repeat", ref=f"TS{PAYOUT.hex}")
    await bring(approved, jane, sandbox)

    assert (await approved.kinds()).count("PayoutPaid") == 1
    balances = await approved.balances()
    assert balances == SPENT | {"bank:USD": HELD - 2 * OWED, "unapplied:USD": HELD - OWED}
    later = Asked(cadence="asked", now=await in_weeks(approved))
    run = await reconcile_bank(approved.runtime, later)
    assert '"bank_line_doubled":1' in run.report.replace(" ", "")


@pytest.mark.parametrize("when", ["before", "after"])
async def test_an_api_that_dies_over_the_file_or_the_statement_loses_and_doubles_nothing(
    approved, jane, sandbox, when
):
    """Whoever got no answer asks again under the same key, and gives the bank what comes."""
    async with dying(approved.runtime, jane, when) as unlucky:
        assert await dies(export(unlucky, key="export-0123456789"))
    first = await export(jane, key="export-0123456789")
    again = await export(jane, key="export-0123456789")
    assert first.content == again.content
    assert sandbox.order(first.content).json()["executed"] == [f"TS{PAYOUT.hex}"]
    assert sandbox.order(again.content).json()["executed"] == []

    statement = sandbox.close_statement()
    async with dying(approved.runtime, jane, when) as unlucky:
        assert await dies(bring_again(approved, unlucky, statement, "statement-0123456789"))
    await bring_again(approved, jane, statement, "statement-0123456789")
    await bring_again(approved, jane, statement, "statement-again-0123")
    assert (await approved.kinds()).count("PayoutPaid") == 1
    assert await approved.balances() == SPENT | {"bank:USD": HELD - OWED} | UNMATCHED


def dying(runtime, person, when):
    """Return an API of its own that dies at its commit, as `person` calls it."""
    return Dying(with_db(runtime, DyingDatabase(runtime.db, dies_at=0, when=when)), person)


class Dying:
    def __init__(self, runtime, person):
        transport = httpx.ASGITransport(create_app(runtime))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://platform")
        self.person = person

    async def __aenter__(self):
        return Person(self.client, self.person.user_id, self.person.token)

    async def __aexit__(self, *_):
        await self.client.aclose()


async def dies(work):
    """Do `work`; return whether it was killed before it could answer."""
    try:
        await work
    except Killed:
        return True
    return False


async def in_weeks(floor):
    async with floor.runtime.db.reading() as tx:
        cursor = await tx.execute(
            "SELECT max(booked_on) + interval '20 days' AS at FROM payments_bank_lines"
        )
        row = await cursor.fetchone()
    return row["at"].replace(tzinfo=floor.clock.now().tzinfo)
