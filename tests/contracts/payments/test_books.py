"""A provider's own books, as we read them: each movement once, payouts as the bank has them."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from payment_shops import Can, needs
from tradesense.payments.model import MovementKind

# Of our own bank account there are no such books: what comes is with us at once, without a fee.
pytestmark = needs(Can.FAIL)


async def books(shop, ref=None):
    """Return what moved in the last minutes, in the order of the books; of one payment, or all."""
    now = datetime.now(UTC)  # noqa: TID251 -- the sandbox lives in wall-clock time
    lines = await shop.provider.list_movements(
        since=now - timedelta(minutes=10), until=now + timedelta(minutes=1)
    )
    return [line for line in lines if ref is None or line.payment_ref == ref]


async def test_a_payment_is_in_the_books_with_its_fee(shop):
    paid = await shop.paid()

    [line] = await books(shop, paid.ref)

    assert (line.provider, line.kind) == (shop.provider.name, MovementKind.CHARGE)
    assert (line.amount_minor, line.currency) == (54_000, "USD")
    assert line.fee_minor > 0
    assert line.payment_ref == paid.ref


async def test_an_offer_and_an_authorisation_move_nothing(shop):
    reserved = await shop.paid(is_captured_later=True)

    assert await books(shop, reserved.ref) == []


async def test_a_refund_and_its_return_are_in_the_books(shop):
    paid = await shop.paid("pm_card_refundFail")
    refund = await shop.provider.refund(shop.refund_of(paid, 1_000))

    charged, sent, back = await books(shop, paid.ref)

    assert charged.kind is MovementKind.CHARGE
    assert (sent.kind, sent.amount_minor) == (MovementKind.REFUND, -1_000)
    assert (back.kind, back.amount_minor) == (MovementKind.REFUND_FAILED, 1_000)
    assert {sent.object_ref, back.object_ref} == {refund.ref}


async def test_a_dispute_and_its_end_are_in_the_books(shop):
    paid = await shop.paid()
    dispute = shop.sandbox.dispute(paid.ref)
    shop.sandbox.conclude(dispute, "won")

    _, taken, back = await books(shop, paid.ref)

    assert (taken.kind, taken.amount_minor) == (MovementKind.DISPUTE, -54_000)
    assert (back.kind, back.amount_minor) == (MovementKind.DISPUTE_REVERSED, 54_000)
    assert {taken.object_ref, back.object_ref} == {dispute}
    assert taken.fee_minor >= 0


async def test_a_payout_arrives_at_the_bank_under_the_reference_in_the_books(shop):
    await shop.paid()
    shop.sandbox.pay_out(shop.provider.name)

    payout = (await books(shop))[-1]

    assert payout.kind is MovementKind.PAYOUT
    assert payout.amount_minor < 0
    entries = entries_of(shop.sandbox.statement())
    assert entries[payout.bank_reference] == f"{-payout.amount_minor / 100:.2f} CRDT"


async def test_a_payout_that_comes_back_is_in_the_books(shop):
    await shop.paid()
    made = shop.sandbox.pay_out(shop.provider.name)
    shop.sandbox.fail_payout(made["id"])

    *_, out, back = await books(shop)

    assert (out.kind, back.kind) == (MovementKind.PAYOUT, MovementKind.PAYOUT_FAILED)
    assert out.amount_minor + back.amount_minor == 0
    assert out.object_ref == back.object_ref == made["id"]


@pytest.mark.parametrize("ended_s_ago", [5, 60])
async def test_books_are_those_of_the_time_asked_for(shop, ended_s_ago):
    paid = await shop.paid()
    [line] = await books(shop, paid.ref)

    before = await shop.provider.list_movements(
        since=line.at - timedelta(hours=1), until=line.at - timedelta(seconds=ended_s_ago)
    )
    exactly = await shop.provider.list_movements(
        since=line.at, until=line.at + timedelta(seconds=1)
    )

    assert line not in before
    assert line in exactly


def entries_of(statement):
    """Return amount and direction of every entry, by its end-to-end reference."""
    ns = {"c": ET.fromstring(statement).tag.partition("}")[0][1:]}
    return {
        entry.findtext(".//c:EndToEndId", namespaces=ns): (
            f"{entry.findtext('c:Amt', namespaces=ns)} "
            f"{entry.findtext('c:CdtDbtInd', namespaces=ns)}"
        )
        for entry in ET.fromstring(statement).iterfind(".//c:Ntry", ns)
    }
