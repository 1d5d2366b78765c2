"""The price goes back once: with the first payout, or as a refund, whichever comes first."""

import asyncio

import psycopg
import pytest
from psycopg.errors import UniqueViolation

from payout_world import PAYMENT, PAYOUT, PRICE_MINOR, USER
from tradesense import payments
from tradesense.kernel.ids import derive
from tradesense.payments.refunds.following import note_refused
from tradesense.payouts import LeftIn, PayoutStatus

ROUNDS = 6  # of the race: enough for both sides to win some


@pytest.fixture
async def paid(floor):
    """A funded trader whose price was paid at a provider."""
    await floor.pay_price()
    return floor


async def test_what_went_back_with_a_payout_is_not_refunded_too(paid):
    await paid.request()
    assert (await paid.payout()).fee_minor == PRICE_MINOR
    with pytest.raises(payments.OverRefund, match="54000 went back another way"):
        await paid.refund(derive("all"), PRICE_MINOR)
    with pytest.raises(payments.OverRefund):
        await paid.refund(derive("rest"))
    assert await paid.refunds() == []
    assert (await paid.kinds(f"payment:{PAYMENT}"))[-1] == "RestSetAside"


async def test_what_was_refunded_first_is_left_out_of_the_fee(paid):
    await paid.refund(derive("part"), 140_00)
    await paid.request()
    assert (await paid.payout()).fee_minor == PRICE_MINOR - 140_00
    with pytest.raises(payments.OverRefund):
        await paid.refund(derive("more"), 1)


async def test_a_payout_that_went_back_lets_the_price_be_refunded(paid):
    await paid.request()
    await paid.reject()
    assert (await paid.payout()).left_in is LeftIn.ACCOUNT
    await paid.refund(derive("all"))
    assert [each.amount_minor for each in await paid.refunds()] == [PRICE_MINOR]
    second = derive(USER, "payout", "2")
    await paid.request(second)
    assert (await paid.payout(second)).fee_minor == 0
    assert (await paid.kinds(f"payment:{PAYMENT}"))[-3:] == [
        "RestSetAside", "RestPutBack", "RefundRequested",
    ]  # fmt: skip


async def test_a_refund_that_failed_is_sent_again_only_while_the_price_is_here(paid):
    await paid.refund(derive("all"))
    await paid.run(note_refused, refund_id=derive("all"), reason="card is gone")
    await paid.request()
    assert (await paid.payout()).fee_minor == PRICE_MINOR
    with pytest.raises(payments.OverRefund):
        await paid.run(payments.send_again, refund_id=derive("all"), by="operator:jane")


@pytest.mark.parametrize("number", range(ROUNDS))
async def test_refunds_that_race_the_first_payout_share_the_price_with_it(paid, chance, number):
    await paid.request(is_worked=False)
    for _ in range(2):
        await paid.sagas()
    await paid.settle()  # the engine has let the profit go; nobody has heard of it yet

    async def refund(which):
        await asyncio.sleep(chance.random() * 0.2)
        return await paid.refund(derive("refund", number, which), chance.randrange(1, PRICE_MINOR))

    said = await asyncio.gather(
        paid.work(), *(refund(which) for which in range(8)), return_exceptions=True
    )
    refused = [each for each in said if isinstance(each, BaseException)]
    assert {type(each) for each in refused} <= {payments.OverRefund}

    await paid.work()
    payout, refunds = await paid.payout(), await paid.refunds()
    assert payout.status is PayoutStatus.FROZEN
    went_back = payout.fee_minor + sum(each.amount_minor for each in refunds)
    assert went_back <= PRICE_MINOR
    assert len(refused) + len(refunds) == 8
    print(f"fee {payout.fee_minor}, {len(refunds)} refunds")  # noqa: T201 -- pytest shows it
    # Whatever the payout left, a refund may still take; then there is nothing.
    if went_back < PRICE_MINOR:
        assert payout.fee_minor == 0
    with pytest.raises(payments.OverRefund):
        await paid.refund(derive("too much"), PRICE_MINOR - went_back + 1)


async def test_the_table_itself_lets_one_payment_be_set_aside_once(paid, database):
    await paid.request()
    with psycopg.connect(database.superuser) as conn, pytest.raises(UniqueViolation):
        conn.execute(
            "INSERT INTO payments_asides (aside_id, payment_id, amount_minor, currency,"
            " set_aside_at) SELECT gen_random_uuid(), payment_id, 1, currency, now()"
            " FROM payments_asides WHERE aside_id = %s",
            (PAYOUT,),
        )
