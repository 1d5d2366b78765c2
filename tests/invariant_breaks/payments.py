"""How each promise of payments is broken: money received, refunded, disputed or only offered."""

from invariant_breaks.ledger import opened, transfer
from invariant_breaks.nouns import Break, Row, a, an_id

CLEARING, DEFERRED = "clearing:stripe:USD", "deferred-revenue:USD"
UNAPPLIED, DISPUTES, CHARGEBACKS = "unapplied:USD", "disputes-held:USD", "chargebacks:USD"
PAYMENT, PURCHASE, PI = an_id(11), an_id(10), {"provider": "stripe", "provider_ref": "pi_1"}
PRICE = {"amount_minor": 100, "currency": "USD"}
BOOKS = tuple(map(opened, (CLEARING, DEFERRED, UNAPPLIED, DISPUTES)))


def payment(status: str) -> Row:
    return a(
        "payments_payments",
        payment_id=PAYMENT,
        purchase_id=PURCHASE,
        status=status,
        earned=True,
        **PRICE,
    )


def attempt(status: str, **but: object) -> Row:
    return a("payments_attempts", **{"payment_id": PAYMENT, "status": status, **PI, **but})


def refund(amount_minor: int, status: str = "requested", **but: object) -> Row:
    made = {"refund_id": an_id(15), "payment_id": PAYMENT, "currency": "USD", **PI}
    of = {"amount_minor": amount_minor, "status": status, "debit_account": DEFERRED}
    return a("payments_refunds", **(made | of | but))


def dispute(status: str, **but: object) -> Row:
    return a("payments_disputes", **PI, **PRICE, payment_id=PAYMENT, status=status, **but)


def received(number: int, fate: str, to: str, ref: str) -> tuple[Row, ...]:
    return (
        a(
            "payments_receipts",
            provider="stripe",
            provider_ref=ref,
            payment_id=PAYMENT,
            fate=fate,
            transfer_id=an_id(number),
            **PRICE,
        ),
        *transfer(number, CLEARING, to),
    )


HONOURED = (*BOOKS, *received(1, "honoured", DEFERRED, "pi_1"), attempt("paid"))
PAID = (*HONOURED, payment("succeeded"))
ANOTHER = a("payments_payments", payment_id=an_id(12), status="expired")
OFFERED = (payment("offered"), attempt("offered"))
RETURNED = (
    *PAID,
    *received(2, "returned", UNAPPLIED, "pi_2"),
    refund(100, provider_ref="pi_2", debit_account=UNAPPLIED),
)
ASIDE = (*PAID, a("payments_asides", payment_id=PAYMENT, amount_minor=60, currency="USD"))
GONE = transfer(2, DEFERRED, CLEARING, amount_minor=60)
REFUNDED = (
    *(*HONOURED, *GONE, payment("partially_refunded")),
    refund(60, "succeeded", transfer_id=an_id(2)),
)
CAME_BACK = (
    *(*PAID, *GONE, *transfer(3, CLEARING, DEFERRED, amount_minor=60, reverses=an_id(2))),
    refund(60, "failed", transfer_id=an_id(2), reversal_id=an_id(3)),
)
HELD = (*HONOURED, *transfer(2, DISPUTES, CLEARING))
DISPUTED = (*HELD, payment("disputed"), dispute("open", held_id=an_id(2)))
WON = (
    *(*HELD, *transfer(3, CLEARING, DISPUTES), payment("won")),
    dispute("won", held_id=an_id(2), ended_id=an_id(3)),
)
LOST_FIRST = (
    *(*HELD, opened(CHARGEBACKS), *transfer(3, CHARGEBACKS, DISPUTES)),
    *(*transfer(4, DISPUTES, CHARGEBACKS, reverses=an_id(3)), *transfer(5, CLEARING, DISPUTES)),
    *(payment("won"), dispute("won", held_id=an_id(2), ended_id=an_id(5), reversal_id=an_id(4))),
)
CALLED = (
    a("payments_webhooks", provider="stripe", event_id="evt_1"),
    a("payments_webhook_work", provider="stripe", event_id="evt_1"),
)

IN_BOOKS, HONEST = "money received is in the books", "a payment has succeeded if, and only if"
IN_FULL, NO_MORE = "money that is not honoured goes back", "no more goes back than was received"
SET_ASIDE, LEFT = "what is set aside to go back", "what went back left the books"
AGAIN, STANDS = "a refund that came back is in", "a payment stands as its refunds"
HELD_WHILE, ONE_OFFER = "disputed money is held in the books", "a buyer has at most one offer"
HAS_OFFER, HOOKS = "an offered payment has its offer", "every webhook that was kept"
REVERSED = "a dispute that was reversed is no loss"
WHICH_PAID = "the attempt that was paid is the one"

BREAKS = (
    Break(IN_BOOKS, PAID, f"UPDATE payments_receipts SET transfer_id = '{an_id(9)}'"),
    Break(IN_BOOKS, PAID, "UPDATE ledger_transfers SET amount_minor = 99"),
    Break(IN_BOOKS, PAID, f"UPDATE ledger_transfers SET credit = '{UNAPPLIED}'"),
    Break(
        HONEST,
        PAID,
        "UPDATE payments_receipts SET amount_minor = 99;"
        "UPDATE ledger_transfers SET amount_minor = 99",
    ),
    Break(HONEST, PAID, a("payments_payments", payment_id=an_id(12), status="succeeded")),
    Break(IN_FULL, RETURNED, "DELETE FROM payments_refunds"),
    Break(IN_FULL, RETURNED, "UPDATE payments_refunds SET amount_minor = 99"),
    Break(
        IN_FULL,
        RETURNED,
        refund(1, refund_id=an_id(16), provider_ref="pi_2"),
        also=(NO_MORE,),
    ),
    Break(NO_MORE, (*PAID, refund(60)), refund(41, refund_id=an_id(16))),
    Break(SET_ASIDE, ASIDE, refund(41)),
    Break(SET_ASIDE, ASIDE, "UPDATE payments_asides SET amount_minor = 101"),
    Break(SET_ASIDE, ASIDE, "UPDATE payments_asides SET currency = 'EUR'"),
    Break(LEFT, REFUNDED, "UPDATE ledger_transfers SET amount_minor = 59 WHERE amount_minor = 60"),
    Break(LEFT, REFUNDED, "UPDATE payments_refunds SET transfer_id = NULL"),
    Break(LEFT, REFUNDED, f"UPDATE payments_refunds SET debit_account = '{UNAPPLIED}'"),
    Break(LEFT, (*PAID, *GONE), refund(60, transfer_id=an_id(2))),
    Break(AGAIN, CAME_BACK, f"UPDATE payments_refunds SET reversal_id = '{an_id(9)}'"),
    Break(AGAIN, CAME_BACK, "UPDATE ledger_transfers SET reverses = NULL WHERE amount_minor = 60"),
    Break(STANDS, PAID, "UPDATE payments_payments SET status = 'refunded'"),
    Break(STANDS, PAID, dispute("lost")),
    Break(STANDS, REFUNDED, "UPDATE payments_payments SET status = 'succeeded'"),
    Break(STANDS, WON, "UPDATE payments_payments SET status = 'succeeded'"),
    Break(HELD_WHILE, DISPUTED, f"UPDATE payments_disputes SET held_id = '{an_id(9)}'"),
    Break(HELD_WHILE, DISPUTED, f"UPDATE payments_disputes SET ended_id = '{an_id(9)}'"),
    Break(HELD_WHILE, DISPUTED, "UPDATE payments_disputes SET amount_minor = 99"),
    Break(HELD_WHILE, WON, "UPDATE payments_disputes SET ended_id = NULL"),
    Break(REVERSED, LOST_FIRST, f"UPDATE payments_disputes SET reversal_id = '{an_id(9)}'"),
    Break(REVERSED, LOST_FIRST, f"UPDATE payments_disputes SET reversal_id = '{an_id(3)}'"),
    Break(
        REVERSED,
        LOST_FIRST,
        "UPDATE payments_disputes SET status = 'lost';UPDATE payments_payments SET status = 'lost'",
    ),
    Break(ONE_OFFER, OFFERED, attempt("offered", provider="mollie", number=2)),
    Break(ONE_OFFER, PAID, attempt("offered", provider="mollie", number=2)),
    Break(HAS_OFFER, OFFERED, "UPDATE payments_attempts SET status = 'withdrawn'"),
    Break(HAS_OFFER, OFFERED, "DELETE FROM payments_attempts"),
    Break(WHICH_PAID, PAID, "UPDATE payments_attempts SET provider_ref = 'pi_2'"),
    Break(WHICH_PAID, (*PAID, ANOTHER), f"UPDATE payments_attempts SET payment_id = '{an_id(12)}'"),
    Break(HOOKS, CALLED, "DELETE FROM payments_webhook_work"),
    Break(HOOKS, CALLED, "UPDATE payments_webhook_work SET outcome = 'applied'"),
    Break(HOOKS, CALLED, "UPDATE payments_webhook_work SET done_at = now()"),
)
