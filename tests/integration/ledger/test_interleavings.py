"""Whatever many callers ask for at once, valid or not, the books stay right to the cent."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import broken_invariants
from tradesense import ledger
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.ledger import InvalidTransfer, Overdrawn, Transfer, TransferMismatch

NOW = datetime(2014, 5, 2, 12, tzinfo=UTC)
worlds = count()


@dataclass(frozen=True)
class Wish:
    """One transfer of a request, in a small world where wishes collide."""

    name: int
    debit: str
    credit: str
    minor: int
    currency: str


ACCOUNTS = ["bank", "clearing:stripe", "profit-shares", "trader-payable:a", "trader-payable:b"]
wishes = st.builds(
    Wish,
    name=st.integers(0, 12),
    debit=st.sampled_from([*ACCOUNTS, "cash"]),
    credit=st.sampled_from(ACCOUNTS),
    minor=st.integers(-1, 6),
    currency=st.sampled_from(["USD", "USD", "JPY", "KWD"]),
)
requests = st.lists(st.lists(wishes, min_size=1, max_size=4), min_size=1, max_size=24)


def transfer(world: int, wish: Wish) -> Transfer:
    def account(code: str) -> str:
        # Traders are new in each world: the books keep what earlier ones left behind.
        party = f"-w{world}" if code.startswith("trader") else ""
        return f"{code}{party}:{wish.currency}"

    return Transfer(
        id=derive("world", world, wish.name),
        debit=account(wish.debit),
        credit=account(wish.credit),
        amount=Money(wish.minor, wish.currency),
        reason="a wish",
        effective_at=NOW,
    )


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(asked=requests)
async def test_any_interleaving_keeps_every_invariant(db, database, asked):
    world = next(worlds)
    posted: dict[object, Transfer] = {}

    async def ask(number: int, transfers: list[Transfer]) -> None:
        try:
            await db.run(lambda tx: ledger.post(tx, *transfers, now=NOW), key=f"{world}:{number}")
        except (InvalidTransfer, Overdrawn, TransferMismatch):
            return
        for made in transfers:
            assert posted.setdefault(made.id, made) == made

    async with asyncio.TaskGroup() as group:
        for number, request in enumerate(asked):
            group.create_task(ask(number, [transfer(world, wish) for wish in request]))

    assert broken_invariants(database.superuser) == {}
    async with db.reading() as tx:
        for name in range(13):
            stored = await ledger.find_transfer(tx, derive("world", world, name))
            assert stored == posted.get(derive("world", world, name))
        for party in ("a", "b"):
            for currency in ("USD", "JPY", "KWD"):
                code = f"trader-payable:{party}-w{world}:{currency}"
                owed = sum(
                    made.amount.minor * ((made.credit == code) - (made.debit == code))
                    for made in posted.values()
                )
                assert await ledger.balance_of(tx, code) == Money(owed, currency)
                assert owed >= 0
