"""What may become of a payment, each over HTTP, both providers' books and ours agreeing."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from aftermath_world import until, world
from platform_processes import processes
from purchase_world import PRICE_MINOR


@pytest.fixture(scope="module")
def shared(lend_database, valkey_url, tmp_path_factory):
    """One platform for all tests of this file, with both providers."""
    with lend_database() as database:
        where = {
            "database_url": database.app, "owner_url": database.owner,
            "sealer_url": database.sealer, "redis_url": valkey_url,
            "home": tmp_path_factory.mktemp("aftermath"), "has_mollie": True,
        }  # fmt: skip
        with processes(**where) as platform, world(database, platform) as lent:
            yield lent


@pytest.fixture
def here(shared):
    """The platform, without any fault that another test has planted."""
    shared.sandbox.clear_faults()
    return shared


def problem(answer, status, code, *says):
    """Check that an answer refuses as problem+json, and in plain words."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["code"] == code
    for part in says:
        assert part in told["detail"]


EARNED = {"challenge_revenue_USD": -PRICE_MINOR}
WITHIN_S = 60.0  # what the platform promises of a payment that it never hears of


def test_money_goes_back_in_parts_while_the_account_trades_and_the_rest_ends_it(here):
    with here.books(**EARNED, refunds_USD=PRICE_MINOR):
        trader = here.active("part")
        assert trader.can_trade()
        for number in (1, 2):
            assert here.refund(trader, 10_000, f"part {number}").status_code == 202
            trader.until_told("challenge.started", *["refund.sent"] * number)
        trader.until_payment("partially_refunded")
        assert trader.challenge()["status"] == "running"
        assert trader.can_trade()
        rest = PRICE_MINOR - 20_000
        over = here.refund(trader, rest + 1, "too much")
        problem(over, 422, "payments.over_refund", f"only {rest}", "can still go back")
        problem(here.refund(trader, 0, "nothing"), 422, "payments.over_refund", "positive")

        assert here.refund(trader, None, "rest").status_code == 202
        revoked = trader.until("revoked")

        assert (revoked["reason"], revoked["payment"]["status"]) == ("refunded", "refunded")
        trader.until_told("challenge.started", *["refund.sent"] * 3, "challenge.revoked")
        is_closed(trader, "refunded")


def test_a_dispute_halts_the_account_and_when_won_it_trades_on(here):
    with here.books(**EARNED, clearing_stripe_USD=PRICE_MINOR):
        trader = here.active("won")
        assert trader.can_trade()
        with here.books(clearing_stripe_USD=-PRICE_MINOR, disputes_held_USD=PRICE_MINOR):
            dispute = here.sandbox.dispute(trader.intent)
            trader.until_challenge("suspended")
            trader.until_payment("disputed")
            trader.until_told("challenge.started", "dispute.opened", "challenge.suspended")
        until(lambda: not trader.can_trade(), 15, "the engine has heard")
        assert len(trader.positions()) == 1  # what is open stays open, and is judged
        refused = here.refund(trader, 1_000, "while disputed")
        problem(refused, 409, "payments.disputed", dispute, "the bank takes the money back")

        here.sandbox.conclude(dispute, "won")
        trader.until_challenge("running")

        trader.until_payment("won")
        trader.until_told(
            "challenge.started", "dispute.opened", "challenge.suspended",
            "dispute.won", "challenge.reinstated",
        )  # fmt: skip
        until(lambda: trader.can_trade("sell"), 15, "the engine has heard")
        assert trader.buyer.purchase()["status"] == "active"


def test_a_dispute_that_is_lost_closes_the_account(here):
    with here.books(**EARNED, chargebacks_USD=PRICE_MINOR):
        trader = here.active("lost")
        assert trader.can_trade()
        here.sandbox.conclude(here.sandbox.dispute(trader.intent), "lost")
        revoked = trader.until("revoked")

        assert (revoked["reason"], revoked["payment"]["status"]) == ("charged_back", "lost")
        trader.until_told(
            "challenge.started", "dispute.opened", "challenge.suspended",
            "dispute.lost", "challenge.revoked",
        )  # fmt: skip
        is_closed(trader, "charged back")
        refused = here.refund(trader, None, "after all")
        problem(refused, 409, "payments.disputed", "is lost")


def test_another_amount_or_currency_goes_back_and_starts_nothing(here):
    with here.books():
        under, foreign = (here.trader(name) for name in ("under", "foreign"))
        cards = {under: "pm_sandbox_underpay", foreign: "pm_sandbox_wrong_currency"}
        for trader, card in cards.items():
            trader.order()
            here.sandbox.pay(trader.offer("stripe")["intent_id"], card)
        for trader in cards:
            ended = trader.until("refunded")
            assert (ended["reason"], ended["challenge_id"]) == (
                "purchases.payment_mismatched", None,
            )  # fmt: skip
            assert ended["payment"]["status"] == "mismatched"
            trader.until_told("payment.mismatched", "refund.sent", "purchase.refunded")
        assert f"{(PRICE_MINOR - 100) / 100:.2f} USD" in under.said("payment.mismatched")
        assert "540.00 EUR" in foreign.said("payment.mismatched")


def test_money_that_comes_after_the_order_was_given_up_goes_back(here):
    with here.books():
        trader = here.trader("late")
        trader.order()
        intent = trader.offer("stripe")["intent_id"]
        here.sandbox.plant("slow", "POST */cancel", delay_s=3)
        here.expire(trader)
        until(lambda: here.met("slow"), 15, "the cancellation is on its way")
        here.sandbox.pay(intent)  # before it arrives

        ended = trader.until("refunded")

        assert (ended["reason"], ended["challenge_id"]) == ("sagas.deadline_passed", None)
        assert ended["payment"]["status"] == "cancelled"
        trader.until_told("payment.returned", "refund.sent", "purchase.refunded")


def test_of_two_paid_offers_one_counts_and_the_other_goes_back(here):
    with here.books(**EARNED, clearing_stripe_USD=PRICE_MINOR):
        trader = here.trader("twice")
        trader.order(way="page")
        first = trader.offer("mollie")["intent_id"]  # a person's page costs least there
        here.sandbox.plant("slow", "DELETE /v2/payments/*", delay_s=4)
        here.sandbox.plant("delay_webhook", "payment.paid", delay_s=4)
        trader.pay_otherwise("stripe")
        second = trader.offer("stripe")["intent_id"]
        until(lambda: here.met("slow"), 15, "the withdrawal is on its way")
        here.sandbox.pay(second)
        here.sandbox.pay(first)  # its page is still open; we hear of it later

        trader.until_told("challenge.started", "payment.returned", "refund.sent")
        assert trader.buyer.purchase()["payment"]["provider"] == "stripe"
        assert trader.challenge()["status"] == "running"


def test_a_refund_that_does_not_arrive_is_told_and_listed_for_operators(here):
    with here.books(**EARNED, clearing_stripe_USD=PRICE_MINOR):
        trader = here.trader("bounce")
        trader.order()
        here.sandbox.pay(trader.offer("stripe")["intent_id"], "pm_card_refundFail")
        trader.until("active")
        assert here.refund(trader, 4_000, "bounces").status_code == 202
        trader.until_told("challenge.started", "refund.failed")
        trader.until_payment("succeeded")
        listed = here.operator.client.get("/api/v1/operations/refunds?status=failed").json()
        (failed,) = [each for each in listed if each["payment_id"] == str(trader.payment_id)]
        assert failed["amount_minor"] == 4_000


def test_a_chargeback_at_mollie_closes_the_account(here):
    with here.books(**EARNED, chargebacks_USD=PRICE_MINOR):
        trader = here.active("mollie", "mollie", way="page")
        assert trader.can_trade()
        here.sandbox.dispute(trader.intent)
        revoked = trader.until("revoked")

        assert (revoked["reason"], revoked["payment"]["status"]) == ("charged_back", "lost")
        trader.until_told(
            "challenge.started", "dispute.opened", "challenge.suspended",
            "dispute.lost", "challenge.revoked",
        )  # fmt: skip
        is_closed(trader, "charged back")


def test_a_chargeback_that_mollie_reverses_is_ours_again_and_may_go_back(here):
    with here.books(**EARNED, refunds_USD=PRICE_MINOR):
        trader = here.active("regret", "mollie", way="page")
        assert trader.can_trade()
        told = [
            "challenge.started", "dispute.opened", "challenge.suspended",
            "dispute.lost", "challenge.revoked",
        ]  # fmt: skip
        with here.books(chargebacks_USD=PRICE_MINOR, clearing_mollie_USD=-PRICE_MINOR):
            chargeback = here.sandbox.dispute(trader.intent)
            trader.until_payment("lost")
            trader.until_told(*told)
            is_closed(trader, "charged back")
        with here.books(chargebacks_USD=-PRICE_MINOR, clearing_mollie_USD=PRICE_MINOR):
            here.sandbox.conclude(chargeback, "won")
            told.append("dispute.reversed")
            trader.until_told(*told)
            trader.until_payment("won")
        assert trader.buyer.purchase()["status"] == "revoked"

        assert here.refund(trader, None, "no challenge, no price").status_code == 202
        trader.until_payment("refunded")
        trader.until_told(*told, "refund.sent")


def test_a_payment_that_nothing_is_heard_of_is_found_within_a_minute(here):
    """Every webhook is lost; an answer that never comes, or is cut, comes on top."""
    with here.books(challenge_revenue_USD=-3 * PRICE_MINOR, clearing_stripe_USD=3 * PRICE_MINOR):
        here.sandbox.plant("lose_webhook", "*", times=10_000)
        traders = {name: here.trader(name) for name in ("quiet", "hang_after", "reset_after")}
        with ThreadPoolExecutor(len(traders)) as pool:
            taking = {}
            for name, trader in traders.items():
                if name != "quiet":
                    here.sandbox.plant(name, "POST /v1/payment_intents")
                taking[name] = pool.submit(here.buy_and_time, trader)
                if name == "quiet":
                    trader.until_ordered("stripe")  # before any fault leads around Stripe
                else:
                    until(lambda name=name: here.met(name), 15, name)
            took = {name: each.result() for name, each in taking.items()}
        print(took)  # noqa: T201 -- pytest shows it
        assert max(took.values()) <= WITHIN_S
        assert here.met("lose_webhook") >= 3
        for kind in ("reset_after", "hang_after"):
            assert here.met(kind) == 1


def is_closed(trader, why):
    """Check that a challenge is over, its positions are flat, and nothing is traded any more."""
    over = trader.until_challenge("revoked")
    assert over["why"] == why
    until(lambda: not trader.positions(), 15, "the account is flat")
    assert not trader.can_trade()


def test_in_the_end_all_books_agree_to_the_cent(here):
    """The same provider accounts, with fees, as reconciliation compares them."""
    done = here.command("reconcile", "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    assert here.command("invariants").returncode == 0
    assert here.clearing() == here.held_there()
