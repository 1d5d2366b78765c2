"""The engine killed again and again: the same facts as an engine that never was, to the byte."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from running_platform import environment
from tradesense import market, trading, trail
from tradesense.infra.clock import DrivenClock
from tradesense.kernel.canonical import jsonable
from tradesense.kernel.errors import Rejected
from tradesense.kernel.instants import from_us, rfc3339
from tradesense.market.model import Kind, TapeItem
from tradesense.trading.engine.book import Book
from tradesense.trading.engine.state import (
    Cancel,
    Close,
    CloseAccount,
    Command,
    Halt,
    Market,
    Open,
    Place,
    Restore,
    Resume,
    Withdraw,
)
from trading_chance import START, Chance

LONE_ENGINE = Path(__file__).parents[2] / "lone_engine.py"
KILLS = 8
DELAY_MAX_S = 0.03  # a commit takes a few milliseconds, a start most of a second
QUIET_WITHIN_S = 30


class Victim:
    """An engine process that is started again whenever it is killed."""

    def __init__(self, variables):
        self._variables = variables
        self.deaths = 0

    async def start(self):
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, str(LONE_ENGINE), env=self._variables
        )

    async def kill(self, after_s):
        await asyncio.sleep(after_s)
        self._process.kill()
        assert await self._process.wait() == -9
        self.deaths += 1
        await self.start()

    async def stop(self):
        self._process.kill()
        await self._process.wait()


def rounds(story):
    """Cut a story into (tape items with a last clock step, commands asked at that moment)."""
    items, seq, at_us = [], 0, START
    for given in story:
        if isinstance(given, TapeItem):
            seq += 1
            items.append(given._replace(price_seq=seq))
            continue
        seq += 1
        at_us = max([at_us, *(item.at_us for item in items)])
        items.append(TapeItem(seq, Kind.CLOCK, at_us))
        yield items, replace(given, asked_us=at_us)
        items = []


async def request_of_the_firm(tx, command, now):
    account_id = command.account_id
    match command.ask:
        case Halt(reason):
            await trading.request_halt(tx, account_id=account_id, reason=reason, now=now)
        case Resume():
            await trading.request_resume(tx, account_id=account_id, now=now)
        case Withdraw(withdrawal_id, amount_minor):
            await trading.request_withdrawal(
                tx,
                account_id=account_id,
                withdrawal_id=withdrawal_id,
                amount_minor=amount_minor,
                now=now,
            )
        case Restore(withdrawal_id):
            await trading.request_restore(
                tx, account_id=account_id, withdrawal_id=withdrawal_id, now=now
            )


async def request(tx, command, now):
    """Ask what the story asks; return False for what the edge refuses."""
    account_id = command.account_id
    try:
        await request_of_the_firm(tx, command, now)
        match command.ask:
            case Open(setup):
                await trading.request_open(tx, setup=setup, now=now)
            case Place(_, order):
                await trading.request_order(tx, account_id=account_id, order=order, now=now)
            case Close(_, close):
                await trading.request_close(tx, account_id=account_id, close=close, now=now)
            case Cancel(order_id):
                await trading.request_cancel(tx, account_id=account_id, order_id=order_id, now=now)
            case CloseAccount(reason):
                await trading.request_close_account(
                    tx, account_id=account_id, reason=reason, now=now
                )
    except Rejected:
        return False
    return True


async def quiet(db, seq):
    async with asyncio.timeout(QUIET_WITHIN_S):
        while True:
            async with db.reading() as tx:
                cursor = await tx.execute(
                    """
                    SELECT e.price_seq, (
                        SELECT count(*) FROM trading_commands WHERE input_seq IS NULL) AS waiting
                    FROM trading_engines e
                    """
                )
                row = await cursor.fetchone()
            if (row["price_seq"], row["waiting"]) == (seq, 0):
                return
            await asyncio.sleep(0.003)


@pytest.fixture
def victim(database, valkey_url, settings, tmp_path):
    return Victim(
        environment(
            tmp_path,
            TRADESENSE_DATABASE_URL=database.app,
            TRADESENSE_OWNER_URL=database.owner,
            TRADESENSE_SEALER_URL=database.sealer,
            TRADESENSE_REDIS_URL=valkey_url,
            TRADESENSE_SECRET=settings.secret,
            TRADESENSE_CLOCK="driven",
        )
    )


async def test_an_engine_killed_at_any_moment_says_the_same(db, victim, tmp_path, chance):
    clock = DrivenClock.create(tmp_path / "clock", from_us(START))
    story = list(rounds(Chance(chance).story(accounts=4, steps=700)))
    fatal = set(chance.sample(range(len(story)), KILLS))
    book, expected, put_back = Book(Market(), []), [], []
    await victim.start()
    try:
        for number, (items, command) in enumerate(story):
            clock.set(from_us(items[-1].at_us))
            await db.repeat(lambda tx, items=items: market.append(tx, items))
            async with asyncio.TaskGroup() as group:
                if number in fatal:
                    group.create_task(victim.kill(chance.uniform(0, DELAY_MAX_S)))
                await quiet(db, items[-1].price_seq)
                for item in items:
                    expected += book.apply(item)
                is_taken = await db.repeat(
                    lambda tx, command=command: request(tx, command, clock.now())
                )
                if is_taken and command.ask not in put_back:  # asked again: nothing new
                    expected += book.take(command)
                if is_taken and isinstance(command.ask, Restore):
                    put_back.append(command.ask)
                await quiet(db, items[-1].price_seq)
    finally:
        await victim.stop()

    assert victim.deaths == KILLS
    for account_id in sorted({said.account_id for said in expected}):
        async with db.reading() as tx:
            entries = await trail.read_stream(tx, f"account:{account_id}")
        assert [(entry.kind, rfc3339(entry.at), entry.data) for entry in entries] == [
            (type(said.event).__name__, rfc3339(from_us(said.at_us)), jsonable(said.event))
            for said in expected
            if said.account_id == account_id
        ]


def test_the_story_of_the_crashes_has_commands_of_every_kind(chance):
    asked = {type(command.ask) for _, command in rounds(Chance(chance).story(4, 3_000))}

    assert asked >= {Open, Place, Close, Cancel, Halt, Resume, Withdraw, Restore}
    assert all(isinstance(command, Command) for _, command in rounds(Chance(chance).story(2, 50)))
