"""One commit of the engine as rows: accounts, positions, orders, fills, stamps, the cursor."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from tradesense.infra.db import Transaction
from tradesense.trading import codec
from tradesense.trading.engine.arithmetic import Mark
from tradesense.trading.engine.state import Account, Output
from tradesense.trading.model import AccountOpened
from tradesense.trading.running.loading import SHARD


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which number a command got, and the tape's number it came after."""

    id: int
    input_seq: int
    after_price_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far the engine is on the tape."""

    price_seq: int
    feed_us: int
    clock_us: int


async def move_cursor(tx: Transaction, *, before: int, after: Cursor) -> bool:
    """Move the cursor by compare-and-set; False if it was not at `before`."""
    cursor = await tx.execute(
        """
        UPDATE trading_engines SET price_seq = %s, feed_us = %s, clock_us = %s
        WHERE shard = %s AND price_seq = %s
        """,
        (after.price_seq, after.feed_us, after.clock_us, SHARD, before),
    )
    return cursor.rowcount == 1


async def save_marks(tx: Transaction, marks: Mapping[str, Mark]) -> None:
    async with tx.cursor() as cursor:
        await cursor.executemany(
            """
            INSERT INTO trading_marks (symbol, price_seq, at_us, bid, ask)
            VALUES (%s, %s, %s, %s, %s)
            ON CONFLICT (symbol) DO UPDATE SET price_seq = excluded.price_seq,
                at_us = excluded.at_us, bid = excluded.bid, ask = excluded.ask
            """,
            [
                (symbol, mark.price_seq, mark.at_us, mark.bid, mark.ask)
                for symbol, mark in sorted(marks.items())
            ],
        )


async def save_stamps(tx: Transaction, stamps: Sequence[Stamp]) -> int:
    """Stamp commands; return how many had no stamp before."""
    async with tx.cursor() as cursor:
        await cursor.executemany(
            """
            UPDATE trading_commands SET input_seq = %s, after_price_seq = %s
            WHERE id = %s AND input_seq IS NULL
            """,
            [(stamp.input_seq, stamp.after_price_seq, stamp.id) for stamp in stamps],
        )
        return cursor.rowcount


async def save_accounts(
    tx: Transaction, accounts: Iterable[Account], outputs: Iterable[Output]
) -> None:
    """Write accounts as they stand; those that `outputs` opened are new."""
    opened = {
        each.account_id: (each.at_us, each.event.price_seq)
        for each in outputs
        if isinstance(each.event, AccountOpened)
    }
    changed = sorted(accounts, key=lambda account: account.setup.account_id)
    new = [_new_row(each, *opened[_id(each)]) for each in changed if _id(each) in opened]
    old = [(*_state(each), _id(each)) for each in changed if _id(each) not in opened]
    async with tx.cursor() as cursor:
        if new:
            await cursor.executemany(_INSERT, new)
        if old:
            await cursor.executemany(_UPDATE, old)


_INSERT = """
    INSERT INTO trading_accounts (status, ended_for, input_seq, fills, balance_minor,
        reset_balance_minor, day, days_opened, opened_day, halted_for, cash_today_minor,
        account_id, challenge_id, phase, setup, opened_us, opened_seq)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    """
_UPDATE = """
    UPDATE trading_accounts SET status = %s, ended_for = %s, input_seq = %s, fills = %s,
        balance_minor = %s, reset_balance_minor = %s, day = %s, days_opened = %s, opened_day = %s,
        halted_for = %s, cash_today_minor = %s
    WHERE account_id = %s
    """


def _id(account: Account) -> UUID:
    return account.setup.account_id


def _state(account: Account) -> tuple[object, ...]:
    return (
        account.status,
        account.ended_for,
        account.input_seq,
        account.fills,
        account.balance_minor,
        account.reset_balance_minor,
        account.day,
        account.days_opened,
        account.opened_day,
        account.halted_for,
        account.cash_today_minor,
    )


def _new_row(account: Account, opened_us: int, opened_seq: int) -> tuple[object, ...]:
    setup = account.setup
    what = (setup.account_id, setup.challenge_id, setup.phase, codec.as_text(setup))
    return (*_state(account), *what, opened_us, opened_seq)
