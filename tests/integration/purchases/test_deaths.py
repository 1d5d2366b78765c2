"""A worker killed at any commit or call of a purchase: nothing is charged, opened or sent twice."""

from datetime import timedelta

import pytest

from purchase_world import PRICE_MINOR, PURCHASE, Shop, Till
from saga_world import DyingDatabase, Killed, with_db
from tradesense.kernel.ids import derive
from tradesense.purchases import PurchaseStatus
from tradesense.purchases.jobs import PAY_WITHIN_S

EARNED = {"clearing:stripe:USD": PRICE_MINOR, "challenge-revenue:USD": PRICE_MINOR}

# How many commits the worker makes for each plot, and how it must end: status, books (minor
# units), challenges started, refunds sent.
COMMITS = {"paid": 9, "underpaid": 11, "nobody pays": 12}
ENDINGS = {
    "paid": (PurchaseStatus.ACTIVE, EARNED, 1, 0),
    "underpaid": (PurchaseStatus.REFUNDED, {}, 0, 1),
    "nobody pays": (PurchaseStatus.CANCELLED, {}, 0, 0),
}


class DyingTill(Till):
    """Kills its caller after the n-th call has had its effect."""

    dies_at = None

    def _answer(self, call, act):
        answer = super()._answer(call, act)
        if len(self.calls) - 1 == self.dies_at:
            raise Killed
        return answer


async def play(shop, plot, runtime):
    """Let the buyer do as the plot says, once it can be done, and work until the story ends."""
    for _ in range(4):
        await shop.let_pauses_pass()
        await shop.work(runtime)
    if (await shop.saga()).waits_for == "payment":
        if plot == "nobody pays":
            shop.clock.set(shop.ends_at)
        else:
            shop.till.pay(minor=PRICE_MINOR - (plot == "underpaid"))
    for _ in range(6):
        await shop.let_pauses_pass()
        await shop.work(runtime)


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


async def told(shop):
    async with shop.runtime.db.reading() as tx:
        cursor = await tx.execute(
            """
            SELECT stream, version, canonical FROM trail_entries
            WHERE stream ~ '^(purchase|saga|payment|ledger|challenge):' ORDER BY 1, 2
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
def shop(runtime, sealer_db, tmp_path, clock):
    made = Shop(runtime, sealer_db, tmp_path, till=DyingTill())
    made.clock, made.ends_at = clock, clock.now() + timedelta(seconds=PAY_WITHIN_S)
    return made


async def finish(shop, plot, undisturbed):
    await play(shop, plot, shop.runtime)
    status, balances, challenges, refunds = ENDINGS[plot]
    assert (await shop.purchase()).status is status
    assert await shop.balances() == balances
    started = [(derive(PURCHASE, "challenge"), PURCHASE)]
    assert await shop.challenges() == started[:challenges]
    assert (len(shop.till.intents), len(shop.till.refunds)) == (1, refunds)
    facts = await told(shop)
    assert undisturbed.setdefault(plot, facts) == facts


@pytest.mark.parametrize(
    ("plot", "dies_at"), [(plot, n) for plot in COMMITS for n in range(COMMITS[plot])]
)
async def test_killed_at_any_commit(shop, undisturbed, plot, dies_at):
    await shop.buy()
    for when in ("before", "after"):
        dying = DyingDatabase(shop.runtime.db, dies_at=dies_at, when=when)
        died = await dies(play(shop, plot, with_db(shop.runtime, dying)))
        assert died or when == "after"  # after the first death less may be left to do

    await finish(shop, plot, undisturbed)


@pytest.mark.parametrize("plot", ENDINGS)
async def test_undisturbed_and_the_table_of_deaths_is_complete(shop, undisturbed, plot):
    await shop.buy()
    counting = DyingDatabase(shop.runtime.db, dies_at=99, when="before")
    await play(shop, plot, with_db(shop.runtime, counting))

    assert counting.commits == COMMITS[plot]
    await finish(shop, plot, undisturbed)


@pytest.mark.parametrize("plot", ENDINGS)
@pytest.mark.parametrize("dies_at", range(3))
async def test_killed_with_a_call_under_way(shop, undisturbed, plot, dies_at):
    await shop.buy()
    shop.till.dies_at = dies_at
    assert await dies(play(shop, plot, shop.runtime))

    await finish(shop, plot, undisturbed)
