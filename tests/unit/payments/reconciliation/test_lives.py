"""Correct lives of payments, by chance: whatever part of them has arrived, nothing differs."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid5

from hypothesis import given, settings
from hypothesis import strategies as st

from tradesense.kernel.ids import ROOT, derive
from tradesense.ledger import CHART
from tradesense.payments.model import Movement, MovementKind
from tradesense.payments.reconciliation import rules
from tradesense.payments.reconciliation.jobs import OVERLAP
from tradesense.payments.reconciliation.model import (
    BankCredit,
    Booked,
    Booking,
    Books,
    Copied,
    DifferenceKind,
    Owner,
    Record,
    Standing,
    Totals,
)
from tradesense.payments.reconciliation.rules.matching.sheet import (
    BANK_GRACE,
    CLEARING_AGE_MAX,
    GRACE,
    REFUND_GRACE,
)

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
CLEARING = "clearing:stripe:USD"


class World:
    """What happens, in order; each side learns of it some time later, within its grace."""

    def __init__(self, draw):
        self.draw = draw
        self.at = START
        self.movements, self.records, self.bookings, self.transfers = [], [], [], []
        self.credits = []
        self.owners = {}
        self.balance = 0

    def lag(self, longest):
        return timedelta(seconds=self.draw(st.integers(0, int(longest.total_seconds()) - 1)))

    def move(self, kind, ref, minor, *, fee=0, payment=None, bank=None):
        """Let the provider's balance change, and its list show that late; we book what is ours."""
        movement = Movement(
            provider="stripe",
            ref=f"txn_{len(self.movements)}",
            kind=kind,
            amount_minor=minor,
            fee_minor=fee,
            currency="USD",
            at=self.at,
            payment_ref=payment,
            object_ref=ref,
            bank_reference=bank,
        )
        shown_at = self.at + self.lag(GRACE)
        self.movements.append((shown_at, Copied(movement=movement, subject=payment or ref)))
        self.balance += minor - fee
        for entry in rules.entries_of(movement):
            transfer_id = derive("movement", "stripe", movement.ref, entry.part)
            booking = Booking(movement_ref=movement.ref, part=entry.part, transfer_id=transfer_id)
            booked_at = max(shown_at, self.at + self.lag(GRACE))
            self.bookings.append((booked_at, booking))
            self.book(transfer_id, entry.change_minor, entry.counter, booked_at)
        return movement

    def book(self, transfer_id, change, counter, at):
        booked = Booked(
            transfer_id=transfer_id,
            account=CLEARING,
            counter=counter,
            change_minor=change,
            currency="USD",
            at=at,
            reason="why",
        )
        self.transfers.append((at, booked))

    def record(self, kind, ref, payment, minor, *, within=GRACE):
        """Let our payments learn of something, and book it in the same commit."""
        at = self.at + self.lag(within)
        transfer_id = uuid5(ROOT, f"{kind}{ref}")
        done = Record(
            kind=kind,
            ref=ref,
            payment_ref=payment,
            amount_minor=minor,
            currency="USD",
            at=at,
            transfer_id=transfer_id,
        )
        if kind is MovementKind.REFUND:
            asked = replace(done, ref=None, standing=Standing.UNDERWAY, transfer_id=None)
            self.records.append((self.at, at, asked))
        self.records.append((at, None, done))
        self.book(transfer_id, minor, "elsewhere:USD", at)

    def seen_at(self, now):
        """Return all sides as they stand at `now`."""
        transfers = tuple(each for at, each in self.transfers if at <= now)
        movements = tuple(each for at, each in self.movements if at <= now)
        theirs = sum(each.movement.amount_minor - each.movement.fee_minor for each in movements)
        ours = sum(each.change_minor for each in transfers)
        return Books(
            provider="stripe",
            movements=movements,
            records=tuple(
                each for at, until, each in self.records if at <= now and (not until or until > now)
            ),
            bookings=tuple(each for at, each in self.bookings if at <= now),
            transfers=transfers,
            owners=self.owners,
            credits=tuple(each for at, each in self.credits if at <= now),
            bank_until={"USD": now.date() - timedelta(days=1)},
            totals=(Totals(currency="USD", provider_minor=theirs, clearing_minor=ours),),
        )


def live(world, number):
    """Let one payment be charged, and maybe sent back in parts, disputed, won or lost."""
    draw, payment = world.draw, f"pi_{number}"
    amount = draw(st.integers(1_000, 100_000))
    world.owners[payment] = Owner(is_ours=True)
    world.move(MovementKind.CHARGE, f"ch_{number}", amount, fee=amount // 30, payment=payment)
    world.record(MovementKind.CHARGE, payment, payment, amount)
    world.at += timedelta(hours=draw(st.integers(0, 90)))
    if draw(st.booleans()):
        dispute = f"dp_{number}"
        world.move(MovementKind.DISPUTE, dispute, -amount, fee=1_500, payment=payment)
        world.record(MovementKind.DISPUTE, dispute, payment, -amount)
        if draw(st.booleans()):
            world.at += timedelta(days=draw(st.integers(0, 30)))
            world.move(MovementKind.DISPUTE_REVERSED, dispute, amount, payment=payment)
            world.record(MovementKind.DISPUTE_REVERSED, dispute, payment, amount)
        return
    for part in range(draw(st.integers(0, 3))):
        refund, minor = f"re_{number}_{part}", amount // 4
        world.move(MovementKind.REFUND, refund, -minor, payment=payment)
        if draw(st.booleans()):
            world.record(MovementKind.REFUND, refund, payment, -minor, within=REFUND_GRACE)
        else:  # it comes back before it was ever done
            world.records.append((world.at, None, _failed(refund, payment, minor, world.at)))
            world.move(MovementKind.REFUND_FAILED, refund, minor, payment=payment)
        world.at += timedelta(hours=draw(st.integers(1, 400)))


def _failed(refund, payment, minor, at):
    return Record(
        kind=MovementKind.REFUND,
        ref=refund,
        payment_ref=payment,
        amount_minor=-minor,
        currency="USD",
        at=at,
        standing=Standing.FAILED,
    )


def pay_out(world, number):
    """Send what there is to the bank, which shows it within days."""
    if world.balance <= 0:
        return
    reference, amount = f"TR {number:04d}", world.balance
    world.move(MovementKind.PAYOUT, f"po_{number}", -amount, bank=reference)
    arrives = world.at + timedelta(days=world.draw(st.integers(0, 4)))
    credit = BankCredit(
        line_id=derive("line", number),
        amount_minor=amount,
        currency="USD",
        booked_on=arrives.date(),
        text=f"STRIPE PAYOUT tr{number:04d} thanks",
    )
    world.credits.append((arrives, credit))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_correct_lives_differ_in_nothing_at_any_moment(data):
    world = World(data.draw)
    for number in range(data.draw(st.integers(1, 5))):
        live(world, number)
        if data.draw(st.booleans()):
            pay_out(world, number)
        world.at += timedelta(hours=data.draw(st.integers(0, 200)))

    span = int((world.at - START).total_seconds()) + 20 * 86_400
    now = START + timedelta(seconds=data.draw(st.integers(0, span)))
    books = world.seen_at(now)

    assert rules.find_differences(books, now=now).differences == ()
    references = [each.movement.bank_reference or "" for each in books.movements]
    unknown = rules.find_unexplained(books.credits, filter(None, references), now=now)
    assert unknown.differences == ()


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_at_the_end_nothing_is_underway_either(data):
    world = World(data.draw)
    for number in range(data.draw(st.integers(1, 4))):
        live(world, number)
        pay_out(world, number)
    now = world.at + timedelta(days=30)

    found = rules.find_differences(world.seen_at(now), now=now)

    assert (found.differences, found.pending) == ((), 0)


def test_a_payment_cut_out_of_a_life_is_missed():
    """The property above can fail: without one record, it does."""
    at = START
    movement = Movement(
        provider="stripe",
        ref="txn_0",
        kind=MovementKind.CHARGE,
        amount_minor=5_000,
        fee_minor=0,
        currency="USD",
        at=at,
        payment_ref="pi_0",
    )
    books = Books(
        provider="stripe",
        movements=(Copied(movement=movement, subject="pi_0"),),
        owners={"pi_0": Owner(is_ours=True)},
        bank_until={"USD": date(2026, 2, 1)},
    )
    on_time = rules.find_differences(books, now=at + GRACE - timedelta(microseconds=1))
    too_late = rules.find_differences(books, now=at + GRACE)

    assert (on_time.differences, on_time.pending) == ((), 1)
    assert [each.kind for each in too_late.differences] == ["missing_in_our_books"]


def test_a_window_is_longer_than_any_grace():
    """So what is underway is seen in every run until it has ended."""
    assert min(OVERLAP.values()) > max(GRACE, REFUND_GRACE, BANK_GRACE)


def test_money_may_stand_as_long_as_the_chart_of_accounts_says():
    assert CHART["provider-payouts"].age_max == BANK_GRACE
    assert CHART["clearing"].age_max == CLEARING_AGE_MAX


def test_a_refund_that_we_know_to_have_failed_may_come_back_a_moment_later():
    lags = iter([1_000, 0, 0, 0, 0, False, 1, 0, False, 1, 1])
    world = World(lambda _: next(lags))
    live(world, 0)

    refunded_only = world.seen_at(START)
    never_came_back = replace(refunded_only, bank_until={})

    assert rules.find_differences(refunded_only, now=START).differences == ()
    (late,) = rules.find_differences(never_came_back, now=START + GRACE).differences
    assert late.kind is DifferenceKind.REFUND_MISSING_IN_OUR_BOOKS
