"""Periods, sums and ages: a row on each side of every boundary."""

from datetime import UTC, datetime, timedelta

import pytest

from tradesense.kernel.money import Money
from tradesense.ledger import Age, Side, TrialLine
from tradesense.operations import books

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "end"),
    [
        ("2026-10", (2026, 11, 1)),
        ("2026-12", (2027, 1, 1)),
        ("2026-01", (2026, 2, 1)),
        ("2026", (2027, 1, 1)),
        ("2026-12-31", (2027, 1, 1)),
        ("2024-02-29", (2024, 3, 1)),
        ("1971", (1972, 1, 1)),
    ],
)
def test_a_period_ends_where_the_next_begins(period, end):
    assert books.end_of(period) == datetime(*end, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["", "2026-13", "2026-00", "2026-00-01", "2026-02-29", "2026-10-32", "26-10", "2026-1", "1970",
     "2199", "2026-10-", "2026-10 ", "\uff12\uff10\uff12\uff16", "2026-10-31T00:00", "-2026"],
)  # fmt: skip
def test_what_names_no_period_ends_nowhere(text):
    assert books.end_of(text) is None


def line(account, debit, credit, currency="USD"):
    return TrialLine(
        account=account,
        normal=Side.DEBIT,
        debit=Money(debit, currency),
        credit=Money(credit, currency),
    )


def test_books_that_lost_a_side_are_seen_by_their_currency():
    whole = [line("bank:USD", 5, 2), line("unapplied:USD", 0, 3), line("bank:JPY", 7, 7, "JPY")]
    damaged = [*whole[:1], line("unapplied:USD", 0, 2), whole[2]]

    assert books.show_trial_balance(whole)["is_balanced"]
    shown = books.show_trial_balance(damaged)
    assert (shown["is_balanced"], shown["sums_minor"]) == (False, {"JPY": 0, "USD": 1})


@pytest.mark.parametrize(
    ("account", "days", "late"),
    [
        ("clearing:stripe:USD", 36, False),
        ("clearing:stripe:USD", 36.001, True),
        ("provider-payouts:stripe:USD", 6, False),
        ("provider-payouts:stripe:USD", 6.001, True),
        ("bank:USD", 9_999, False),
        ("clearing:stripe:USD", None, False),
    ],
)
def test_only_what_money_passes_through_grows_too_old(account, days, late):
    oldest = None if days is None else NOW - timedelta(days=days)
    age = Age(account=account, balance=Money(1, "USD"), oldest_at=oldest)

    assert books.show_age(age, NOW)["is_late"] is late
