import pytest

from tradesense.kernel.money import MINOR_DIGITS
from tradesense.ledger import CHART, Side
from tradesense.ledger.chart import find_account


@pytest.mark.parametrize(
    "code",
    [
        "",
        "bank",
        ":USD",
        "bank:XXX",
        "bank:usd",
        "bank:main:USD",  # a bank has no party
        "clearing:USD",  # a clearing account needs one
        "clearing::USD",
        "clearing:Stripe:USD",
        "clearing:stripe:eu:USD",
        "clearing:stripe:USD\n",
        "piggy-bank:USD",
        "trader-payable:" + "a" * 65 + ":USD",
    ],
)
def test_the_chart_knows_no_other_codes(code):
    assert find_account(code) is None


@pytest.mark.parametrize("currency", MINOR_DIGITS)
@pytest.mark.parametrize("kind", CHART)
def test_every_kind_exists_in_every_currency(kind, currency):
    party = ":somebody" if CHART[kind].party else ""

    account = find_account(f"{kind}{party}:{currency}")

    assert account is not None
    assert (account.kind, account.currency) == (kind, currency)
    assert account.bounded == CHART[kind].bounded


def test_only_what_is_paid_out_of_is_locked():
    assert [kind for kind, line in CHART.items() if line.bounded] == ["trader-payable"]


def test_what_we_owe_stands_on_the_credit_side():
    owed = {kind for kind, line in CHART.items() if line.normal is Side.CREDIT}

    assert {"deferred-revenue", "unapplied", "trader-payable", "tax-payable"} <= owed
    assert not {"bank", "clearing", "refunds", "fees"} & owed
