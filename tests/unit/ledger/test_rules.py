from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesense.kernel.canonical import canonical
from tradesense.kernel.money import Money
from tradesense.ledger import Request, Transfer, TransferPosted
from tradesense.ledger.model import Extended, Running
from tradesense.ledger.rules import (
    AMOUNT_MINOR_MAX,
    Held,
    Overdraw,
    bounded_accounts,
    exchange,
    extend,
    find_flaw,
    free_minor,
    hold,
    is_mirror,
    release,
    write,
)

SALE = Transfer(
    id=UUID(int=1),
    debit="clearing:stripe:USD",
    credit="deferred-revenue:USD",
    amount=Money(54_000, "USD"),
    reason="payment received",
    effective_at=datetime(2014, 5, 2, tzinfo=UTC),
)
ASKED = Request(transfers=(SALE,))
JANE, JOE = "trader-payable:jane:USD", "trader-payable:joe:USD"


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        ({}, None),
        ({"amount": Money(1, "USD")}, None),
        ({"amount": Money(0, "USD")}, "an amount is from 1"),
        ({"amount": Money(-1, "USD")}, "an amount is from 1"),
        ({"amount": Money(AMOUNT_MINOR_MAX, "USD")}, None),
        ({"amount": Money(AMOUNT_MINOR_MAX + 1, "USD")}, "an amount is from 1"),
        ({"credit": SALE.debit}, "both sides are clearing:stripe:USD"),
        ({"debit": "cash:USD"}, "no account 'cash:USD' on the chart"),
        ({"amount": Money(1, "EUR")}, "clearing:stripe:USD cannot hold EUR"),
        ({"credit": "deferred-revenue:EUR"}, "deferred-revenue:EUR cannot hold USD"),
        ({"reason": ""}, "a reason has 1 to"),
        ({"reason": "x" * 201}, "a reason has 1 to"),
        ({"effective_at": datetime(2014, 5, 2)}, "effective_at has no time zone"),  # noqa: DTZ001 -- the flaw
    ],
)
def test_a_flaw_is_named(change, flaw):
    found = find_flaw(replace(SALE, **change))

    assert found is None if flaw is None else flaw in str(found)


@pytest.mark.parametrize("currency", ["JPY", "USD", "KWD"])
def test_a_minor_unit_is_a_minor_unit_in_every_currency(currency):
    one = replace(
        SALE,
        debit=f"clearing:stripe:{currency}",
        credit=f"deferred-revenue:{currency}",
        amount=Money(1, currency),
    )

    assert find_flaw(one) is None


@pytest.mark.parametrize(
    "change",
    [
        {"debit": "clearing:mollie:USD"},
        {"credit": "unapplied:USD"},
        {"amount": Money(54_001, "USD")},
        {"reason": "another"},
        {"effective_at": datetime(2014, 5, 3, tzinfo=UTC)},
        {"reverses": UUID(int=9)},
    ],
)
def test_every_field_makes_it_another_transfer(change):
    changed = replace(SALE, **change)
    assert write(changed, ASKED).payload_sha256 != write(SALE, ASKED).payload_sha256


def test_a_mirror_swaps_the_sides_and_nothing_else():
    mirror = replace(SALE, id=UUID(int=2), debit=SALE.credit, credit=SALE.debit, reverses=SALE.id)

    assert is_mirror(mirror, SALE)
    assert not is_mirror(replace(mirror, amount=Money(1, "USD")), SALE)
    assert not is_mirror(replace(mirror, credit="clearing:mollie:USD"), SALE)
    assert not is_mirror(replace(SALE, id=UUID(int=3)), mirror)


def test_bounded_accounts_are_locked_in_one_order():
    to_joe = replace(SALE, debit=JOE, credit=JANE)
    to_jane = replace(SALE, debit=JANE, credit=JOE)

    assert bounded_accounts([to_joe]) == bounded_accounts([to_jane]) == [JANE, JOE]
    assert bounded_accounts([SALE]) == []


def owed(account: str, minor: int) -> dict[str, Running]:
    return {account: Running(account=account, balance_minor=-minor, version=3)}


@pytest.mark.parametrize(("asked", "is_refused"), [(500, False), (501, True)])
def test_a_bounded_account_gives_what_it_holds_and_no_cent_more(asked, is_refused):
    payout = replace(SALE, debit=JANE, credit="payouts-in-transit:USD", amount=Money(asked, "USD"))

    result = extend(owed(JANE, 500), [payout])

    if is_refused:
        assert result == Overdraw(JANE, payout, 500)
    else:
        assert isinstance(result, Extended)
        assert result.running == (Running(account=JANE, balance_minor=0, version=4),)


def test_a_later_transfer_may_use_what_an_earlier_one_brought():
    share = replace(SALE, debit="profit-shares:USD", credit=JANE, amount=Money(7, "USD"))
    payout = replace(SALE, debit=JANE, credit="payouts-in-transit:USD", amount=Money(7, "USD"))

    assert isinstance(extend(owed(JANE, 0), [share, payout]), Extended)
    assert isinstance(extend(owed(JANE, 0), [payout, share]), Overdraw)


steps = st.lists(
    st.tuples(st.sampled_from([(JANE, JOE), (JOE, JANE)]), st.integers(1, 50)), max_size=20
)


@given(st.integers(0, 100), st.integers(0, 100), steps)
def test_lines_add_up_to_where_the_accounts_stand(jane, joe, moves):
    transfers = [
        replace(SALE, id=UUID(int=n), debit=debit, credit=credit, amount=Money(minor, "USD"))
        for n, ((debit, credit), minor) in enumerate(moves)
    ]

    result = extend(owed(JANE, jane) | owed(JOE, joe), transfers)

    if isinstance(result, Extended):
        befores = {JANE: -jane, JOE: -joe}
        for stand in result.running:
            before = befores.pop(stand.account)
            lines = [line for line in result.lines if line.account == stand.account]
            assert before + sum(line.amount_minor for line in lines) == stand.balance_minor <= 0
            assert [line.version for line in lines] == list(range(4, stand.version + 1))
        assert sum(stand.balance_minor for stand in result.running) + sum(befores.values()) == -(
            jane + joe
        )


reasons = st.text(min_size=1).filter(str.isprintable)
moments = st.datetimes(
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]),
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 -- the strategy adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001 -- the same
)


@given(reasons, moments, st.none() | st.uuids(), st.integers(1, AMOUNT_MINOR_MAX))
def test_what_is_written_is_the_canonical_text(reason, moment, reverses, minor):
    made = replace(
        SALE,
        reason=reason,
        effective_at=moment,
        reverses=reverses,
        amount=Money(minor, "USD"),
    )

    written = write(made, ASKED)
    posted = TransferPosted(
        transfer_id=made.id,
        debit=made.debit,
        credit=made.credit,
        amount_minor=minor,
        currency="USD",
        reason=reason,
        effective_at=moment,
        reverses=reverses,
    )
    assert written.payload_sha256 == sha256(canonical(made)).digest()
    assert written.posted == canonical(posted)


@pytest.mark.parametrize("reason", ["a\nb", "nul\0", "half \ud800", "right\u202eleft"])
def test_a_reason_can_be_printed(reason):
    assert "printable" in str(find_flaw(replace(SALE, reason=reason)))


def test_what_is_held_is_kept_from_others_and_comes_back():
    payout = replace(SALE, debit=JANE, credit="payouts-in-transit:USD", amount=Money(300, "USD"))
    other = replace(payout, id=UUID(int=2), amount=Money(201, "USD"))

    held = hold(owed(JANE, 500), [payout])
    assert isinstance(held, Held)
    (stand,) = held.running
    assert (stand.balance_minor, stand.reserved_minor, free_minor(stand)) == (-500, 300, 200)
    assert extend({JANE: stand}, [other]) == Overdraw(JANE, other, 200)
    assert hold({JANE: stand}, [other]) == Overdraw(JANE, other, 200)
    (free,) = release({JANE: stand}, [payout])
    assert free == owed(JANE, 500)[JANE]


def test_what_comes_in_is_never_refused_and_unbounded_accounts_hold_nothing():
    share = replace(SALE, debit="profit-shares:USD", credit=JANE)

    assert hold(owed(JANE, 0), [SALE, share]) == Held(())


def test_an_exchange_gives_one_currency_for_another():
    sold, bought = Money(10_000, "USD"), Money(3_075, "KWD")
    legs = exchange(
        UUID(int=9),
        sold=sold,
        seller="bank:USD",
        bought=bought,
        buyer="bank:KWD",
        effective_at=SALE.effective_at,
    )

    assert [find_flaw(leg) for leg in legs] == [None, None]
    assert [(leg.debit, leg.credit, leg.amount) for leg in legs] == [
        ("liquidity:USD", "bank:USD", sold),
        ("bank:KWD", "liquidity:KWD", bought),
    ]
    assert len({leg.id for leg in legs} | {UUID(int=9)}) == 3
