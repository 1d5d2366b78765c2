"""Owed money that is sent again: proposed by one, agreed to by another, paid or owed once more."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from payout_world import JANE, JOHN, PAYMENT, PAYOUT, PRICE_MINOR, USER
from saga_world import DyingDatabase, Killed, with_db
from tradesense import challenges, payments, payouts
from tradesense.kernel.ids import derive
from tradesense.payments.bank.refusals import BadAccount
from tradesense.payments.model import (
    DisputeStatus,
    ProviderDispute,
    ProviderPayment,
    ProviderStatus,
)
from tradesense.payouts import LeftIn, Payee, PayoutStatus, ResendStatus
from tradesense.payouts.refusals import (
    AlreadyApproved,
    AlreadyDecided,
    BadRequest,
    IdentityUnknown,
    NotClear,
    NotOwed,
    OwnRequest,
    ResendPending,
    UnknownPayout,
    UnknownResend,
)

OWED = 4_000_00 + PRICE_MINOR
SPENT = {"profit-shares:USD": 4_000_00, "refunds:USD": PRICE_MINOR}
BANK = 1_000_000_00
STILL_OWED = SPENT | {"trader-payable:ada:USD": OWED}
RESEND, AGAIN = derive(PAYOUT, "resend", "1"), derive(PAYOUT, "resend", "2")
ELSEWHERE = Payee(name="Ada King", account="DE89370400440532013000")


async def breach(floor):
    account_id = (await floor.challenge()).account_id
    await floor.trade(account_id, 1_000_000, floor.bid - 1_200)
    assert (await floor.challenge()).status is challenges.ChallengeStatus.FAILED


@pytest.fixture
async def owed(floor):
    """A payout that came back after its account had ended."""
    await floor.request()
    await floor.identify()
    await floor.approve()
    await floor.bank_pays()
    await breach(floor)
    await floor.bank_returns()
    assert (await floor.payout()).left_in is LeftIn.PAYABLE
    return floor


async def propose(floor, resend_id=RESEND, *, payee=None, by=JANE, reason="a new account"):
    return await floor.run(
        payouts.propose_resend, resend_id=resend_id, payout_id=PAYOUT, payee=payee, reason=reason,
        by=by,
    )  # fmt: skip


async def approve(floor, resend_id=RESEND, by=JOHN):
    return await floor.run(payouts.approve_resend, resend_id=resend_id, by=by)


async def reject(floor, resend_id=RESEND, by=JOHN):
    return await floor.run(
        payouts.reject_resend, resend_id=resend_id, reason="not hers", by=by
    )  # fmt: skip


async def status(floor, resend_id=RESEND):
    return (await floor.read(payouts.find_resend, resend_id)).status


async def test_what_is_owed_reaches_another_account_once_two_agree(owed):
    proposed = await propose(owed, payee=ELSEWHERE)
    assert (proposed.status, proposed.payee) == (ResendStatus.PROPOSED, ELSEWHERE)
    assert await owed.balances() == STILL_OWED | {"bank:USD": BANK}
    assert await owed.read(payouts.list_owed) == []

    sent = await approve(owed)
    await owed.work()
    assert (sent.status, sent.decided_by) == (ResendStatus.SENT, JOHN)
    assert await owed.balances() == SPENT | {"payouts-in-transit:USD": OWED, "bank:USD": BANK}
    (order,) = [
        each for each in await owed.read(payments.bank.list_outgoing) if each.outgoing_id == RESEND
    ]
    assert (order.creditor_account, order.amount_minor) == (ELSEWHERE.account, OWED)

    await owed.bank_pays(RESEND)
    assert await status(owed) is ResendStatus.PAID
    assert await owed.balances() == SPENT | {"bank:USD": BANK - OWED}
    assert (await owed.kinds())[-3:] == ["ResendProposed", "ResendSent", "ResendPaid"]
    told = await owed.told()
    assert (told.count("payout.sent"), told.count("payout.paid")) == (2, 2)
    with pytest.raises(NotOwed, match="paid after all"):
        await propose(owed, AGAIN)


async def test_what_comes_back_again_is_owed_again_and_may_go_a_third_time(owed):
    await propose(owed)
    await approve(owed)
    await owed.bank_pays(RESEND)
    await owed.bank_returns(RESEND)
    assert await status(owed) is ResendStatus.RETURNED
    assert await owed.balances() == STILL_OWED | {"bank:USD": BANK}
    assert [each.id for each in await owed.read(payouts.list_owed)] == [PAYOUT]
    assert (await owed.told()).count("payout.owed") == 2

    await propose(owed, AGAIN, by=JOHN)
    await approve(owed, AGAIN, by=JANE)
    await owed.bank_pays(AGAIN)
    assert await owed.balances() == SPENT | {"bank:USD": BANK - OWED}
    back = await owed.payout()
    assert (back.status, back.left_in) == (PayoutStatus.RETURNED, LeftIn.PAYABLE)


async def test_what_was_refused_after_a_breach_may_be_sent_after_all(floor):
    await floor.request()
    await floor.identify()
    await breach(floor)
    await floor.reject()
    await propose(floor)
    await approve(floor)
    await floor.bank_pays(RESEND)
    assert await floor.balances() == SPENT | {"bank:USD": BANK - OWED}
    assert (await floor.payout()).status is PayoutStatus.REFUSED


async def test_a_rejected_proposal_leaves_it_owed_and_another_may_follow(owed):
    await propose(owed)
    await reject(owed, by=JANE)  # who sees their own mistake need not wait for a colleague
    assert await owed.balances() == STILL_OWED | {"bank:USD": BANK}
    for late in (approve, reject):
        with pytest.raises(AlreadyDecided, match="rejected already"):
            await late(owed)
    await propose(owed, AGAIN)
    await approve(owed, AGAIN)
    assert await status(owed, AGAIN) is ResendStatus.SENT


async def test_nothing_is_sent_by_one_alone_to_oneself_or_for_nothing(owed, tables):
    own = f"operator:{USER}"
    before = tables()
    for refused, asked in (
        (OwnRequest, propose(owed, by=own)),
        (BadRequest, propose(owed, reason="  ")),
        (BadAccount, propose(owed, payee=replace(ELSEWHERE, account="DE00"))),
        (UnknownResend, approve(owed)),
        (UnknownPayout, owed.run(
            payouts.propose_resend, resend_id=RESEND, payout_id=RESEND, payee=None, reason="x",
            by=JANE,
        )),
    ):  # fmt: skip
        with pytest.raises(refused):
            await asked
    assert tables() == before

    await propose(owed)
    before = tables()
    for refused, asked in (
        (AlreadyApproved, approve(owed, by=JANE)),
        (OwnRequest, approve(owed, by=own)),
        (OwnRequest, reject(owed, by=own)),
        (ResendPending, propose(owed, AGAIN, by=JOHN)),
    ):
        with pytest.raises(refused):
            await asked
    assert tables() == before


async def test_only_what_stays_owed_can_be_sent_again(floor):
    await floor.request()
    with pytest.raises(NotOwed, match="it is frozen"):
        await propose(floor)
    await floor.reject()
    with pytest.raises(NotOwed, match="back in the account"):
        await propose(floor)


async def test_nothing_goes_to_whom_we_do_not_know_any_more(owed):
    await propose(owed)
    await owed.identify(is_verified=False, by=JOHN)
    with pytest.raises(IdentityUnknown):
        await approve(owed)
    await reject(owed)
    with pytest.raises(IdentityUnknown):
        await propose(owed, AGAIN)


async def dispute(floor, outcome=DisputeStatus.OPEN):
    paid = ProviderPayment(
        provider="stripe", ref="pi_1", payment_id=PAYMENT, status=ProviderStatus.SUCCEEDED,
        amount_minor=PRICE_MINOR, received_minor=PRICE_MINOR, currency="USD",
        client_secret="pi_1_secret", pay_url="http://pay.example/pi_1",
        disputes=(ProviderDispute(
            provider="stripe", ref="du_1", payment_ref="pi_1", status=outcome,
            amount_minor=PRICE_MINOR, currency="USD", reason="fraudulent", is_withdrawn=True,
        ),),
    )  # fmt: skip
    await floor.run(payments.settle, payment_id=PAYMENT, seen=paid)


async def test_nothing_is_sent_while_the_price_is_disputed_also_after_a_breach(floor):
    await floor.pay_price()
    await floor.request()
    await floor.identify()
    await breach(floor)
    await dispute(floor)
    with pytest.raises(NotClear, match="disputed"):
        await floor.approve()
    await floor.reject()
    with pytest.raises(NotClear, match="disputed"):
        await propose(floor)
    await dispute(floor, DisputeStatus.WON)
    await propose(floor)
    await approve(floor)
    assert await status(floor) is ResendStatus.SENT


async def test_of_many_at_once_one_is_done(owed):
    ids = [derive(PAYOUT, "at once", n) for n in range(5)]
    said = await asyncio.gather(*(propose(owed, each) for each in ids), return_exceptions=True)
    (won,) = [each for each in said if not isinstance(each, Exception)]
    assert {type(each) for each in said if each is not won} == {ResendPending}

    deciders = [f"operator:{UUID(int=n)}" for n in range(10, 14)]
    said = await asyncio.gather(
        *(approve(owed, won.id, by) for by in deciders),
        *(reject(owed, won.id, by) for by in deciders),
        return_exceptions=True,
    )
    (decided,) = [each for each in said if not isinstance(each, Exception)]
    assert {type(each) for each in said if each is not decided} == {AlreadyDecided}
    orders = [each.outgoing_id for each in await owed.read(payments.bank.list_outgoing)]
    assert orders.count(won.id) == (decided.status is ResendStatus.SENT)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_while_hearing_of_the_bank_it_is_heard_once(owed, when):
    await propose(owed)
    await approve(owed)
    dying = DyingDatabase(owed.runtime.db, dies_at=0, when=when)
    owed.worker = with_db(owed.runtime, dying)
    with pytest.raises((Killed, BaseExceptionGroup)):
        await owed.bank_pays(RESEND)
    owed.worker = None
    await owed.let_pauses_pass()
    await owed.work()
    assert await status(owed) is ResendStatus.PAID
    assert (await owed.kinds()).count("ResendPaid") == 1
    assert await owed.balances() == SPENT | {"bank:USD": BANK - OWED}


@pytest.mark.usefixtures("owed")
async def test_operators_send_it_again_over_http_and_the_trader_sees_it(sign_in):
    jane = await sign_in(UUID(int=1), "jane", is_operator=True)
    john = await sign_in(UUID(int=2), "john", is_operator=True)
    ada = await sign_in(USER, "ada")
    firm = "/api/v1/operations"
    asked = {"reason": "moved", "payee_name": "Ada King", "payee_account": ELSEWHERE.account}
    half = await jane.post(f"{firm}/payouts/{PAYOUT}/resends", {"reason": "x", "payee_name": "A"})
    assert (half.status_code, "name both" in half.text) == (422, True)
    made = await jane.post(f"{firm}/payouts/{PAYOUT}/resends", asked, key="send-it-again-1")
    assert made.status_code == 201, made.text
    again = await jane.post(f"{firm}/payouts/{PAYOUT}/resends", asked, key="send-it-again-1")
    assert again.content == made.content
    one = f"{firm}/resends/{made.json()['id']}"
    alone = await jane.post(f"{one}/approval")
    assert (alone.status_code, alone.json()["code"]) == (403, "payouts.already_approved")
    trader = await ada.post(f"{one}/approval")
    assert trader.status_code == 403
    (waiting,) = (await john.get(f"{firm}/resends?status=proposed")).json()["resends"]
    assert waiting["payee_account"] == ELSEWHERE.account
    assert (await ada.get(f"/api/v1/payouts/{PAYOUT}")).json()["sent_again"] == []

    assert (await john.post(f"{one}/approval")).json()["status"] == "sent"
    late = await john.post(f"{one}/rejection", {"reason": "late"})
    assert (late.status_code, late.json()["code"]) == (409, "payouts.already_decided")
    (shown,) = (await ada.get(f"/api/v1/payouts/{PAYOUT}")).json()["sent_again"]
    assert (shown["status"], shown["payee_account"]) == ("sent", "…3000")
