"""A worker killed at any commit of a payout: one freeze, one transfer, books as if undisturbed."""

import pytest

from payout_world import PAYOUT, PRICE_MINOR
from saga_world import DyingDatabase, Killed, with_db
from tradesense.payments import bank
from tradesense.payouts import LeftIn, PayoutStatus

OWED = 4_000_00 + PRICE_MINOR
BANK = 1_000_000_00
SPENT = {"profit-shares:USD": 4_000_00, "refunds:USD": PRICE_MINOR}

# For each plot: how many commits the worker makes, and how it ends: status, where the money is
# if it did not arrive, the trader's balance, the books, transfers ordered at the bank.
COMMITS = {"paid": 11, "returned": 13, "rejected": 11}
ENDINGS = {
    "paid": (PayoutStatus.PAID, None, 100_000_00, SPENT | {"bank:USD": BANK - OWED}, 1),
    "returned": (PayoutStatus.RETURNED, LeftIn.ACCOUNT, 105_000_00, {"bank:USD": BANK}, 1),
    "rejected": (PayoutStatus.REFUSED, LeftIn.ACCOUNT, 105_000_00, {}, 0),
}


async def play(floor, plot, runtime):
    """Let people and the bank do as the plot says, each once it can be done; work in between."""
    floor.worker = runtime
    await end(floor, runtime)
    payout = await floor.payout()
    if payout.status is PayoutStatus.FROZEN and payout.decision is None:
        if plot == "rejected":
            await floor.reject()
        else:
            if not floor.is_known:
                floor.is_known = True
                await floor.identify()
            await floor.approve()
    await end(floor, runtime)
    if (await floor.payout()).status is PayoutStatus.SENT and floor.paper is None:
        await floor.bank_pays()
    await end(floor, runtime)
    is_paid = (await floor.payout()).status is PayoutStatus.PAID
    if plot == "returned" and is_paid and floor.paper.bank_id == "S1":
        await floor.bank_returns()
    await end(floor, runtime)


async def end(floor, runtime):
    for _ in range(4):
        await floor.let_pauses_pass()
        await floor.work(runtime)


async def dies(work):
    """Do `work`; return whether it was killed."""
    try:
        await work
    except Killed:
        return True
    except BaseExceptionGroup as group:
        if group.split(Killed)[1] is not None:
            raise
        return True
    return False


async def told(floor):
    async with floor.runtime.db.reading() as tx:
        cursor = await tx.execute(
            """
            SELECT stream, version, canonical FROM trail_entries
            WHERE stream ~ '^(payout|saga|ledger|identity|account|bank-outgoing|message):'
            ORDER BY 1, 2
            """
        )
        return [
            (row["stream"], row["version"], row["canonical"]) for row in await cursor.fetchall()
        ]


@pytest.fixture(scope="module")
def undisturbed():
    """What each plot told in the runs before: with any death, the same."""
    return {}


@pytest.fixture
def story(floor):
    floor.is_known = False
    return floor


async def finish(floor, plot, undisturbed):
    await play(floor, plot, floor.runtime)
    status, left_in, balance, books, ordered = ENDINGS[plot]
    payout = await floor.payout()
    assert (payout.status, payout.left_in) == (status, left_in)
    assert (await floor.account()).balance_minor == balance
    assert await floor.balances() == books
    orders = await floor.read(bank.list_outgoing)
    assert [each.outgoing_id for each in orders] == [PAYOUT] * ordered
    facts = await told(floor)
    assert undisturbed.setdefault(plot, facts) == facts


@pytest.mark.parametrize("plot", ENDINGS)
async def test_undisturbed_and_the_table_of_deaths_is_complete(story, undisturbed, plot):
    await story.request(is_worked=False)
    counting = DyingDatabase(story.runtime.db, dies_at=99, when="before")
    await play(story, plot, with_db(story.runtime, counting))
    assert counting.commits == COMMITS[plot]
    await finish(story, plot, undisturbed)


@pytest.mark.parametrize(
    ("plot", "dies_at"), [(plot, n) for plot in COMMITS for n in range(COMMITS[plot])]
)
async def test_killed_at_any_commit(story, undisturbed, plot, dies_at):
    await story.request(is_worked=False)
    for when in ("before", "after"):
        dying = DyingDatabase(story.runtime.db, dies_at=dies_at, when=when)
        died = await dies(play(story, plot, with_db(story.runtime, dying)))
        assert died or when == "after"  # after the first death less may be left to do
    await finish(story, plot, undisturbed)
