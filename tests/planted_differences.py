"""
Every kind of difference, planted: through the sandbox, in its file, or in our tables.

The same hands plant at Stripe and at Mollie: there is no kind that one of the two cannot have.

Each is `async (books) -> None`, done to correct books of a shop; `PLANTS` says which kind must be
found for it, once. `CHANGES` are planted after a first run has seen the books.
"""

from datetime import timedelta

from payment_books import wall
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.payments.reconciliation.model import DifferenceKind as Kind

HELD = timedelta(days=18)  # with the weeks that the tests wait: more than 36 days


async def vanish_at_provider(books):
    """A payment that we booked, and the provider's books never show."""
    _, ref = await books.sell()
    books.theirs.drop_line(books.theirs.line_of(ref, "charge"))


async def stay_unsettled(books):
    """A payment that was made, and nobody told us for weeks."""
    await books.sell(is_settled=False)


async def take_less(books):
    """The provider's line has another amount than what it told us."""
    _, ref = await books.sell()
    line = books.theirs.line_of(ref, "charge")
    books.theirs.change_line(line, amount=line["amount"] - 1_000, net=line["net"] - 1_000)


async def take_euros(books):
    _, ref = await books.sell()
    books.theirs.change_line(books.theirs.line_of(ref, "charge"), currency="eur")


async def charge_twice(books):
    _, ref = await books.sell()
    books.theirs.copy_line(books.theirs.line_of(ref, "charge"))


async def book_twice(books):
    """The same transfer again, under another id."""
    payment_id, ref = await books.sell()
    await books.post_twin(books.received_id(payment_id, ref))


async def lose_the_order(books):
    """A payment under an id of ours that no table knows: a restore went too far back."""
    await books.theirs.take_money(books.runtime.new_id())


async def be_a_stranger(books):
    await books.theirs.take_money(None)


async def lose_a_refund(books):
    payment_id, ref = await books.sell()
    refund = await books.refund(payment_id, ref)
    books.theirs.drop_line(books.theirs.line_of(refund, "refund"))


async def forget_a_refund(books):
    """A refund that we decided and the provider made, and we never heard that it did."""
    payment_id, ref = await books.sell()
    await books.refund(payment_id, ref, is_booked=False)


async def refund_more(books):
    payment_id, ref = await books.sell()
    refund = await books.refund(payment_id, ref)
    line = books.theirs.line_of(refund, "refund")
    books.theirs.change_line(line, amount=line["amount"] - 500, net=line["net"] - 500)


async def refund_by_hand(books):
    """A refund in the provider's dashboard; our webhooks are lost."""
    _, ref = await books.sell()
    await books.theirs.refund_by_hand(ref)


async def let_a_refund_come_back(books):
    payment_id, ref = await books.sell()
    refund = await books.refund(payment_id, ref)
    await books.call(books.sandbox.fail_refund, refund)


async def dispute(books):
    _, ref = await books.sell()
    await books.call(books.sandbox.dispute, ref)


async def drop_a_dispute(books):
    """A dispute that we booked, and the provider's books no longer show."""
    _, ref = await books.sell_disputed()
    books.theirs.drop_line(books.theirs.line_of(ref, "dispute"))


async def dispute_more(books):
    _, ref = await books.sell_disputed()
    line = books.theirs.line_of(ref, "dispute")
    books.theirs.change_line(line, amount=line["amount"] - 900, net=line["net"] - 900)


async def win_unheard(books):
    """A dispute that was won, and nobody told us."""
    dispute_ref, _ = await books.sell_disputed()
    await books.call(books.sandbox.conclude, dispute_ref, "won")


async def adjust(books):
    """A change of the balance that no object explains."""
    _, ref = await books.sell()
    line = books.theirs.line_of(ref, "charge")
    change = {"amount": -250, "net": -250, "fee": 0} | books.theirs.without_cause()
    books.theirs.copy_line(line, **change)


async def post_by_hand(books):
    """A transfer on the clearing account that nothing speaks of."""
    await books.post(reason="because I can", effective_at=wall())


async def post_long_ago(books):
    """The same, dated before anything that a run looks at."""
    await books.post(reason="long ago", effective_at=wall() - timedelta(days=300), minor=77)


async def remove_a_transfer(books):
    payment_id, ref = await books.sell()
    transfer = books.received_id(payment_id, ref)
    books.as_owner(("DELETE FROM ledger_transfers WHERE id = %s", transfer))


async def change_a_transfer(books):
    payment_id, ref = await books.sell()
    transfer = books.received_id(payment_id, ref)
    books.as_owner(("UPDATE ledger_transfers SET amount_minor = 53_000 WHERE id = %s", transfer))


async def lose_a_payout(books):
    """A payout that the bank never shows, though its statements go on."""
    await books.sell()
    payout = await books.pay_out()
    books.drop_credit(payout["reference"])


async def pay_out_less(books):
    """A bank in between keeps something."""
    await books.sell()
    payout = await books.pay_out()
    books.change_credit(payout["reference"], -300)


async def return_a_payout(books):
    await books.sell()
    payout = await books.pay_out()
    await books.call(books.sandbox.fail_payout, payout["id"])


async def hold_back(books):
    """Euros that came weeks ago, and that no payout ever takes along."""
    payment_id, ref = await books.sell(Money(54_000, "EUR"), is_settled=False)
    await books.settle(payment_id, ref, now=wall() - HELD)
    line = books.theirs.line_of(ref, "charge")
    books.theirs.change_line(line, created=line["created"] - int(HELD.total_seconds()))


PLANTS = {
    vanish_at_provider: Kind.MISSING_AT_PROVIDER,
    stay_unsettled: Kind.MISSING_IN_OUR_BOOKS,
    take_less: Kind.AMOUNT_DIFFERS,
    take_euros: Kind.CURRENCY_DIFFERS,
    charge_twice: Kind.DUPLICATE_AT_PROVIDER,
    book_twice: Kind.DUPLICATE_IN_OUR_BOOKS,
    lose_the_order: Kind.UNKNOWN_ORDER,
    be_a_stranger: Kind.STRANGERS_CHARGE,
    lose_a_refund: Kind.REFUND_MISSING_AT_PROVIDER,
    forget_a_refund: Kind.REFUND_MISSING_IN_OUR_BOOKS,
    refund_more: Kind.REFUND_AMOUNT_DIFFERS,
    refund_by_hand: Kind.DASHBOARD_REFUND,
    let_a_refund_come_back: Kind.FAILED_REFUND_BOOKED,
    dispute: Kind.DISPUTE_UNKNOWN,
    drop_a_dispute: Kind.DISPUTE_MISSING_AT_PROVIDER,
    dispute_more: Kind.DISPUTE_AMOUNT_DIFFERS,
    win_unheard: Kind.DISPUTE_REVERSAL_MISSING,
    adjust: Kind.ADJUSTMENT_UNEXPLAINED,
    post_by_hand: Kind.TRANSFER_WITHOUT_RECORD,
    post_long_ago: Kind.BALANCES_DIFFER,
    remove_a_transfer: Kind.RECORD_WITHOUT_TRANSFER,
    change_a_transfer: Kind.TRANSFER_DIFFERS,
    lose_a_payout: Kind.PAYOUT_MISSING_AT_BANK,
    pay_out_less: Kind.PAYOUT_AMOUNT_DIFFERS,
    return_a_payout: Kind.PAYOUT_RETURNED,
    hold_back: Kind.CLEARING_DOES_NOT_AGE,
}


async def change_a_line(books, ref):
    """A line that gets another moment after we have seen it."""
    line = books.theirs.line_of(ref, "charge")
    books.theirs.change_line(line, created=line["created"] + 60)


async def drop_a_line(books, ref):
    books.theirs.drop_line(books.theirs.line_of(ref, "charge"))


async def change_a_fee(books, ref):
    """The books say another fee than the provider's line."""
    line = books.theirs.line_of(ref, "charge")
    transfer = derive("movement", books.theirs.name, line["id"], "fee")
    books.as_owner(
        ("UPDATE ledger_transfers SET amount_minor = amount_minor + 1 WHERE id = %s", transfer)
    )


async def remove_a_fee(books, ref):
    line = books.theirs.line_of(ref, "charge")
    transfer = derive("movement", books.theirs.name, line["id"], "fee")
    books.as_owner(("DELETE FROM ledger_transfers WHERE id = %s", transfer))


async def remove_a_payout(books, _):
    """A payout that was booked is taken out of our books."""
    account = f"provider-payouts:{books.theirs.name}:USD"
    books.as_owner(("DELETE FROM ledger_transfers WHERE debit = %s", account))


CHANGES = {
    change_a_line: Kind.MOVEMENT_CHANGED,
    drop_a_line: Kind.MOVEMENT_VANISHED,
    change_a_fee: Kind.FEE_DIFFERS,
    remove_a_fee: Kind.FEE_NOT_BOOKED,
    remove_a_payout: Kind.PAYOUT_NOT_BOOKED,
}
