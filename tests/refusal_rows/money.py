"""Buying, sending back, and paying out."""

from purchase_world import PLAN, PRICE_MINOR
from refusal_rows.nouns import API, FIRM, Route, Row, amounts, state

PAYEE = {"payee_name": "Ada Lovelace", "payee_account": "GB33BUKB20201555555555"}
REFUNDS = f"{FIRM}/payments/{{payment-%s}}/refunds"

BUYING = (
    Route(
        asked=f"POST {API}/purchases",
        fine=(201, ""),
        at=f"{API}/purchases",
        who="bob",
        good={
            "plan": PLAN,
            "amount_minor": PRICE_MINOR,
            "currency": "USD",
            "way": "direct",
            "return_url": "",
        },
        foreign=("", 401),
        rows=(
            Row("an unknown plan", 422, "challenges.unknown_plan", "on sale", {"plan": "gold"}),
            Row("a blank plan", 422, "challenges.unknown_plan", "on sale", {"plan": " "}),
            *amounts("purchases.wrong_price", "costs 54000 USD", 0, -1, 1, 10**15),
            Row("an unknown currency", 422, "purchases.wrong_price", "USD", {"currency": "XXX"}),
            Row(
                "another page",
                422,
                "purchases.bad_return_url",
                "a page of ours",
                {"return_url": "https://elsewhere.example/"},
            ),
        ),
    ),
    Route(
        asked=f"POST {API}/purchases/{{purchase_id}}/payment",
        fine=(202, ""),
        at=f"{API}/purchases/{{purchase-open}}/payment",
        who="bob",
        good={"provider": "manual", "way": "direct", "return_url": ""},
        foreign=("eve", 404),
        rows=(
            Row(
                "a provider nobody knows",
                422,
                "payments.unknown_provider",
                "stripe, manual",
                {"provider": "paypal"},
            ),
            state(
                "paid",
                f"{API}/purchases/{{purchase-active}}/payment",
                "purchases.nothing_to_pay",
                "nothing to pay",
            ),
            state(
                "expired",
                f"{API}/purchases/{{purchase-expired}}/payment",
                "purchases.nothing_to_pay",
                "nothing to pay",
            ),
        ),
    ),
    Route(
        asked=f"POST {FIRM}/payments/{{payment_id}}/refunds",
        fine=(202, ""),
        at=REFUNDS % "active",
        good={"amount_minor": 5, "reason": "goodwill"},
        rows=(
            *amounts("payments.over_refund", "positive amount", 0, -5),
            *amounts("payments.over_refund", "can still", PRICE_MINOR, 10**15),
            Row("a blank reason", 422, "invalid", "reason", {"reason": "    "}),
            state(
                "sent back already", REFUNDS % "refunded", "payments.over_refund", "can still", 422
            ),
            state("disputed", REFUNDS % "disputed", "payments.disputed", "wait for its end"),
            state(
                "never paid",
                REFUNDS % "expired",
                "payments.nothing_received",
                "no money that could go back",
            ),
            state(
                "not paid yet",
                REFUNDS % "open",
                "payments.nothing_received",
                "no money that could go back",
            ),
        ),
    ),
    Route(
        asked=f"POST {FIRM}/refunds/{{refund_id}}/again",
        fine=(202, ""),
        at=f"{FIRM}/refunds/{{refund-failed}}/again",
        rows=(
            state(
                "arrived",
                f"{FIRM}/refunds/{{refund-sent}}/again",
                "payments.refund_differs",
                "only a failed one is",
            ),
            state(
                "arrived in whole",
                f"{FIRM}/refunds/{{refund-whole}}/again",
                "payments.refund_differs",
                "only a failed one is",
            ),
        ),
    ),
)

PAYING_OUT = (
    Route(
        asked=f"POST {API}/payouts",
        fine=(409, "payouts.pending"),
        at=f"{API}/payouts",
        who="ada",
        good={"challenge_id": "{challenge}", "amount_minor": 2_000, "currency": "USD", **PAYEE},
        foreign=("eve", 404),
        rows=(
            *amounts("payouts.bad_request", "1 minor unit or more", 0, -1),
            *amounts("payouts.pending", "on its way", 1_999, 10**15, status=409),
            Row(
                "an unknown currency",
                422,
                "payouts.bad_request",
                "unknown currency",
                {"currency": "XXX"},
            ),
            Row("another currency", 409, "payouts.pending", "on its way", {"currency": "JPY"}),
            Row(
                "a wrong digit",
                422,
                "payments.bad_account",
                "check digits",
                {"payee_account": "GB33BUKB20201555555556"},
            ),
            Row("a blank name", 422, "payments.bad_account", "name", {"payee_name": "  "}),
            Row(
                "nobody's challenge",
                404,
                "challenges.unknown",
                "you have no challenge",
                {"challenge_id": "{payout-frozen}"},
            ),
            Row("both", 422, "payouts.bad_request", "not both", {"account_id": "{payout-frozen}"}),
        ),
    ),
    Route(
        asked=f"POST {FIRM}/payouts/{{payout_id}}/identity",
        at=f"{FIRM}/payouts/{{payout-frozen}}/identity",
        good={"is_verified": True, "reason": "passport seen"},
        stateless="it is about the trader, and holds for payouts to come",
        rows=(Row("a blank reason", 422, "payouts.bad_request", "say why", {"reason": "  "}),),
    ),
    Route(
        asked=f"POST {FIRM}/payouts/{{payout_id}}/approval",
        at=f"{FIRM}/payouts/{{payout-frozen}}/approval",
        rows=(
            state(
                "nobody knows the trader",
                f"{FIRM}/payouts/{{payout-frozen}}/approval",
                "payouts.identity",
                "decide about that first",
            ),
            state(
                "refused",
                f"{FIRM}/payouts/{{payout-rejected}}/approval",
                "payouts.already_decided",
                "rejected already",
            ),
        ),
    ),
    Route(
        asked=f"POST {FIRM}/payouts/{{payout_id}}/resends",
        fine=(409, "payouts.not_owed"),
        at=f"{FIRM}/payouts/{{payout-frozen}}/resends",
        good={"reason": "a new account", **PAYEE},
        rows=(
            Row("a blank reason", 422, "payouts.bad_request", "say why", {"reason": "  "}),
            Row("half a payee", 422, "payouts.bad_request", "name both", {"payee_name": None}),
            state(
                "back in the account",
                f"{FIRM}/payouts/{{payout-rejected}}/resends",
                "payouts.not_owed",
                "back in the account",
            ),
        ),
    ),
    Route(
        asked=f"POST {FIRM}/resends/{{resend_id}}/approval",
        fine=(404, "payouts.unknown_resend"),
        at=f"{FIRM}/resends/{{payout-frozen}}/approval",
        stateless="here is none; each state is tried in tests/integration/payouts/test_resends.py",
    ),
    Route(
        asked=f"POST {FIRM}/resends/{{resend_id}}/rejection",
        fine=(404, "payouts.unknown_resend"),
        at=f"{FIRM}/resends/{{payout-frozen}}/rejection",
        good={"reason": "not hers"},
        stateless="here is none; each state is tried in tests/integration/payouts/test_resends.py",
        rows=(Row("a blank reason", 422, "payouts.bad_request", "say why", {"reason": "  "}),),
    ),
    Route(
        asked=f"POST {FIRM}/payouts/{{payout_id}}/rejection",
        at=f"{FIRM}/payouts/{{payout-frozen}}/rejection",
        good={"reason": "looks odd"},
        rows=(
            Row("a blank reason", 422, "payouts.bad_request", "say why", {"reason": "  "}),
            state(
                "refused",
                f"{FIRM}/payouts/{{payout-rejected}}/rejection",
                "payouts.already_decided",
                "rejected already",
            ),
        ),
    ),
)
