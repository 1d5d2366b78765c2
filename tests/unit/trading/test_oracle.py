"""The engine against a second opinion, and its index against looking at every account."""

import random  # noqa: TID251 -- chance is this test's subject; it is seeded
from itertools import groupby
from uuid import UUID

import pytest

from tradesense.market.model import TapeItem
from tradesense.trading.engine.book import Book
from tradesense.trading.engine.boxes.edges import EdgeIndex
from tradesense.trading.engine.state import Command, Market
from tradesense.trading.model import Reason
from trading_chance import Chance
from trading_oracle import Oracle, told


class EveryAccount(EdgeIndex):
    """No index at all: every quote touches every account."""

    def __init__(self):
        super().__init__()
        self._all = set()

    def put(self, account, box):  # noqa: ARG002 -- the index's face
        self._all.add(account)

    def touched(self, symbol, bid, ask):  # noqa: ARG002 -- the index's face
        return set(self._all)


def by_account(said):
    ordered = sorted(said, key=lambda each: each[0])
    return {key: list(group) for key, group in groupby(ordered, key=lambda each: each[0])}


@pytest.mark.parametrize("round_", range(12))
def test_engine_index_and_oracle_agree_on_everything(seed, round_):
    chance = Chance(random.Random(seed + round_))
    indexed, exhaustive = Book(Market(), []), Book(Market(), [], edges=EveryAccount())
    oracle, said, looked = Oracle(), [], []
    for given in chance.story(accounts=8, steps=2_500):
        if isinstance(given, TapeItem):
            said += indexed.apply(given)
            looked += exhaustive.apply(given)
            oracle.apply(given)
        else:
            said += indexed.take(given)
            looked += exhaustive.take(given)
            oracle.take(given)

    assert said == looked, "the index missed an account that a price could touch"
    heard, expected = by_account(told(said)), by_account(oracle.said)
    for account_id in expected:
        assert heard[account_id] == expected[account_id]
    assert heard.keys() == expected.keys()


def test_chance_reaches_every_kind_of_event():
    """A test of the test: over some fixed rounds everything that can happen does."""
    said = set()
    for round_ in range(12):
        chance = Chance(random.Random(round_))
        book = Book(Market(), [])
        for given in chance.story(accounts=8, steps=2_500):
            outputs = book.apply(given) if isinstance(given, TapeItem) else book.take(given)
            said |= {type(output.event).__name__ for output in outputs}
            said |= {output.event.reason for output in outputs if hasattr(output.event, "reason")}

    assert said >= {
        "AccountOpened", "OrderAccepted", "OrderRejected", "OrderFilled", "OrderCancelled",
        "CancelRejected", "DayRolled", "GuardBreached", "TargetReached", "AccountClosed",
        Reason.STALE_PRICE, Reason.NO_MARGIN, Reason.MARKET_CLOSED, Reason.NO_POSITION,
        Reason.NO_CONVERSION, Reason.NOT_ACTIVE, Reason.DAY_ENDED, Reason.NOT_MARKETABLE,
        "AccountHalted", "HaltRejected", "AccountResumed", "ResumeRejected", "Withdrawn",
        "WithdrawalRefused", "WithdrawalRestored", "RestoreRefused", Reason.HALTED,
        Reason.NOT_FLAT, Reason.NO_PROFIT, Reason.ABOVE_PROFIT, Reason.WOULD_CROSS_FLOOR,
        Reason.UNKNOWN_WITHDRAWAL,
    }  # fmt: skip


def test_a_book_made_again_from_its_accounts_goes_on_as_the_old_one(seed):
    """What a restart does: new memory, same values, same future, to the cent."""
    chance = Chance(random.Random(seed))
    story = list(chance.story(accounts=8, steps=2_000))
    through, again = Book(Market(), []), Book(Market(), [])
    for number, given in enumerate(story):
        if number % 97 == 0:
            again = Book(again.market, list(again.accounts.values()))
        if isinstance(given, TapeItem):
            assert through.apply(given) == again.apply(given)
        else:
            assert through.take(given) == again.take(given)
    assert through.accounts == again.accounts


def test_every_story_is_repeatable(seed):
    first = list(Chance(random.Random(seed)).story(accounts=3, steps=300))

    assert first == list(Chance(random.Random(seed)).story(accounts=3, steps=300))
    assert {UUID(int=1), UUID(int=2), UUID(int=3)} == {
        given.account_id for given in first if isinstance(given, Command)
    }
