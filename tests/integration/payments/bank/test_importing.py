"""Statements on their way into the books: whole, once, in order; or refused and nothing changed."""

import asyncio
from dataclasses import replace

import pytest

from bank_statements import IBAN, Entry, Paper, document
from tradesense.kernel.errors import Conflict, Invalid
from tradesense.payments import bank

FIRST = Paper(
    opening="100.00",
    entries=(
        Entry(amount="540.00", text="RF18 5390 0754 7034", ref="B1"),
        Entry(amount="-12.50", text="fee", ref="B2"),
    ),
)
SECOND = FIRST.next("S2", Entry(amount="1.00", ref="B3"))


async def whole(firm):
    """Everything an import may change."""
    counted = {}
    async with firm.runtime.db.reading() as tx:
        for table in ("payments_bank_statements", "payments_bank_lines", "ledger_transfers"):
            cursor = await tx.execute(f"SELECT count(*) AS n FROM {table}")
            counted[table] = (await cursor.fetchone())["n"]
    return counted


@pytest.mark.parametrize("version", ["02", "08"])
async def test_a_statement_is_kept_and_booked(firm, version):
    (imported,) = await firm.take(replace(FIRST, version=version))

    assert (imported.is_new, imported.lines, imported.closing_minor) == (True, 2, 62_750)
    paid, fee = await firm.lines()
    assert (paid.amount_minor, paid.seq, paid.counterparty) == (54_000, 1, "Ada Lovelace")
    assert (paid.text, paid.bank_ref) == ("RF18 5390 0754 7034", "B1")
    assert (fee.amount_minor, fee.kind) == (-1_250, None)
    assert await firm.balance("bank:EUR") == 62_750
    assert await firm.balance("unapplied:EUR") == 54_000 - 1_250
    assert await firm.balance("opening-balance:EUR") == 10_000
    assert await firm.facts(f"bank-account:{IBAN}") == [
        "BankAccountRegistered",
        "StatementImported",
    ]


async def test_a_table_says_the_same_as_a_document(firm):
    await firm.take_file(FIRST.table())
    by_table = await firm.lines()

    (again,) = await firm.take_file(FIRST.table(decimal="comma"), decimal=bank.Decimal.COMMA)

    assert not again.is_new
    assert [line.amount_minor for line in by_table] == [54_000, -1_250]
    assert await firm.balance("bank:EUR") == 62_750


async def test_the_same_statement_twice_changes_nothing_and_says_so(firm):
    await firm.take(FIRST)
    before = await whole(firm)

    (again,) = await firm.take(replace(FIRST, version="02"))

    assert not again.is_new
    assert await whole(firm) == before


async def test_statements_follow_each_other(firm):
    await firm.take(FIRST, SECOND)

    assert [line.bank_ref for line in await firm.lines()] == ["B1", "B2", "B3"]
    assert await firm.balance("bank:EUR") == 62_850


async def test_several_statements_of_one_file_are_kept_in_its_order(firm):
    imported = await firm.take_file(document(FIRST, SECOND))

    assert [each.bank_id for each in imported] == ["S1", "S2"]


BAD = {
    "another content under the same id": (
        replace(FIRST, entries=(Entry(amount="1.00"),)),
        Conflict,
        "said something else",
    ),
    "a statement is missing": (
        replace(SECOND, opening="627.51", bank_id="S3"),
        Conflict,
        "begins with 62751, but the newest one of DE89370400440532013000 ended with 62750",
    ),
    "an account of somebody else": (
        replace(SECOND, account="GB33BUKB20201555555555"),
        Invalid,
        "no account of ours",
    ),
    "our account in another currency": (
        replace(SECOND, currency="USD"),
        Invalid,
        "is kept in EUR",
    ),
    "a balance that is not right": (
        replace(SECOND, closing="628.51"),
        Invalid,
        "62750 at the beginning and 100 in 1 lines make 62850, not 62851",
    ),
    "a line again, in another statement": (
        FIRST.next("S3", Entry(amount="540.00", ref="B1")),
        Conflict,
        "line 7, Ntry 1: this line was imported before",
    ),
    "a line twice": (
        FIRST.next("S3", Entry(amount="1.00", ref="B9"), Entry(amount="2.00", ref="B9")),
        Conflict,
        "'B9' is also that of line 7, Ntry 1",
    ),
    "nothing moved": (FIRST.next("S3", Entry(amount="0.00")), Invalid, "moves nothing"),
}


@pytest.mark.parametrize(("paper", "family", "why"), BAD.values(), ids=BAD)
async def test_what_cannot_be_is_refused_and_nothing_changes(firm, paper, family, why):
    await firm.take(FIRST)
    before = await whole(firm)

    with pytest.raises(family, match=why):
        await firm.take(paper)

    assert await whole(firm) == before


async def test_one_bad_statement_of_a_file_refuses_all_of_it(firm):
    before = await whole(firm)

    with pytest.raises(Conflict, match="begins with"):
        await firm.take_file(document(FIRST, replace(SECOND, opening="1.00")))

    assert await whole(firm) == before


async def test_equal_lines_without_a_reference_are_two_lines(firm):
    await firm.take(Paper(entries=(Entry(amount="5.00"), Entry(amount="5.00"))))

    assert await firm.balance("bank:EUR") == 1_000


async def test_the_same_statement_at_the_same_moment_is_kept_once(firm):
    outcomes = await asyncio.gather(*(firm.take(FIRST) for _ in range(6)))

    assert sorted(each.is_new for (each,) in outcomes) == [False] * 5 + [True]
    assert await firm.balance("bank:EUR") == 62_750


async def test_two_statements_racing_to_be_next_never_both_are(firm):
    await firm.take(FIRST)
    rivals = [
        FIRST.next(f"S2-{number}", Entry(amount=f"{number}.00", ref=f"R{number}"))
        for number in range(1, 5)
    ]

    outcomes = await asyncio.gather(*map(firm.take, rivals), return_exceptions=True)

    assert sum(isinstance(each, Conflict) for each in outcomes) == 3
    assert len(await firm.lines()) == 3


async def test_lines_are_found_by_day_account_and_what_they_are_not(firm):
    await firm.take(FIRST)
    first = FIRST.entries[0].day

    assert len(await firm.lines(since=first, currency="EUR", only_unmatched=True)) == 2
    assert await firm.lines(until=first) == []
    assert await firm.lines(account="other") == []


@pytest.mark.parametrize(
    ("number", "currency", "why"),
    [
        ("DE89370400440532013001", "EUR", "check digits"),
        ("de89370400440532013000", "EUR", "capitals"),
        (IBAN, "XXX", "unknown currency"),
    ],
)
async def test_an_account_that_cannot_be_is_refused(firm, number, currency, why):
    with pytest.raises(Invalid, match=why):
        await firm.register(number, currency)


async def test_a_currency_has_one_account(firm):
    await firm.register()  # again, the same
    with pytest.raises(Conflict, match="registered otherwise"):
        await firm.register("GB33BUKB20201555555555")
    await firm.register("021000021123456789", "USD")  # a bare number, where IBANs are not known
