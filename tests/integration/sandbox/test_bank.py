"""The sandbox's bank: what our file orders is done once, and its statements are ours to read."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from tradesense.app.sandbox.world.bank.moves import IBAN
from tradesense.payments import bank
from tradesense.payments.bank.model import Outgoing
from tradesense.payments.bank.statements.pain001 import write_pain001

OWN = bank.BankAccount(account=IBAN, currency="USD", holder="The Firm & Co", bic="COBADEFFXXX")
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ADA = "GB33BUKB20201555555555"


def order(number, minor=4_540_00, **but):
    outgoing_id = UUID(int=number)
    made = Outgoing(
        outgoing_id=outgoing_id, kind=bank.OutgoingKind.PAYOUT, refers_to="",
        end_to_end_id=f"TS{outgoing_id.hex}", account=IBAN, amount_minor=minor, currency="USD",
        creditor="Ada Lovelace <ada>", creditor_account=ADA, text="payout 1",
        debit_account="payouts-in-transit:USD",
    )  # fmt: skip
    return replace(made, **but)


def file_of(*orders, message_id="TS1"):
    return write_pain001(OWN, orders, message_id=message_id, now=NOW)


def lines(sandbox):
    (told,) = bank.read_statements(sandbox.close_statement())
    return told.lines


def test_what_our_file_orders_is_done_once_and_stands_on_the_next_statement(sandbox):
    first, second = order(1), order(2, 7_05)
    assert sandbox.order(file_of(first, second)).json()["known"] == []
    again = sandbox.order(file_of(first, second, order(3), message_id="TS2")).json()
    assert (again["executed"], len(again["known"])) == ([order(3).end_to_end_id], 2)

    shown = lines(sandbox)
    assert [each.amount_minor for each in shown] == [-4_540_00, -7_05, -4_540_00]
    assert {each.counterparty_account for each in shown} == {ADA}
    assert shown[0].end_to_end_id == first.end_to_end_id
    assert shown[0].counterparty == "Ada Lovelace <ada>"
    assert lines(sandbox) == (), "what a statement has shown, the next one does not"


def test_what_comes_back_says_so_and_a_double_has_a_number_of_its_own(sandbox):
    sandbox.order(file_of(order(1)))
    ref = order(1).end_to_end_id
    (gone,) = lines(sandbox)
    sandbox.control("bank/orders/return", ref=ref)
    (back,) = lines(sandbox)
    assert (back.amount_minor, back.end_to_end_id, back.is_return) == (4_540_00, ref, True)
    sandbox.control("bank/orders/repeat", ref=ref)
    (double,) = lines(sandbox)
    assert (double.amount_minor, double.end_to_end_id) == (gone.amount_minor, ref)
    assert len({gone.bank_ref, back.bank_ref, double.bank_ref}) == 3


def test_statements_follow_each_other_to_the_cent(sandbox):
    sandbox.control("bank/credits", amount_minor=10_000_00, reference="R1")
    (first,) = bank.read_statements(sandbox.close_statement())
    sandbox.order(file_of(order(1)))
    (second,) = bank.read_statements(sandbox.close_statement())
    assert second.opening_minor == first.closing_minor == 10_000_00
    assert second.closing_minor == 5_460_00
    assert first.bank_id != second.bank_id


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda file: file.replace(b"<NbOfTxs>1", b"<NbOfTxs>2"), "does not add up"),
        (lambda file: file.replace(b"4540.00</CtrlSum>", b"1.00</CtrlSum>"), "does not add up"),
        (lambda file: file.replace(IBAN.encode(), ADA.encode()), "not kept here"),
        (lambda file: file[:200], "no XML"),
        (lambda file: b"<!DOCTYPE x>" + file, "document type"),
        (lambda _: file_of(order(1, 1_00)), "otherwise before"),
    ],
)
def test_a_file_that_is_wrong_is_refused_as_a_whole(sandbox, spoil, says):
    sandbox.order(file_of(order(1)))
    assert len(lines(sandbox)) == 1
    answer = sandbox.order(spoil(file_of(order(1))))
    assert (answer.status_code, says in answer.text) == (400, True), answer.text
    assert lines(sandbox) == ()
