"""What strangers may send: webhooks and logins; and the replay of webhooks."""

from refusal_rows.nouns import API, FIRM, Route, Row
from table_digests import TRAIL

HOOK, EVENT = "payments.bad_webhook", b'{"object": "event", "id": "evt_x", "type": "a.b"}'
WEBHOOKS = (
    Route(
        asked="POST /webhooks/stripe",
        at="/webhooks/stripe",
        good=EVENT,
        is_signed=True,
        who="",
        recorded=TRAIL,
        foreign=("", 400),
        rows=(
            Row("unsigned", 400, HOOK, "Stripe-Signature", raw=EVENT),
            *(
                Row(f"signed, {kind}", 400, HOOK, says, raw=raw, is_signed=True)
                for kind, raw, says in (
                    ("no JSON", b"please", "no JSON"),
                    ("no event", b"[]", "no event"),
                    ("half of one", EVENT[:-9], "no JSON"),
                    ("binary", bytes(range(256)), "no JSON"),
                    ("deep", b"[" * 100_000 + b"]" * 100_000, "no JSON"),
                    (
                        "deep inside",
                        EVENT[:-1] + b', "a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
                        "no JSON",
                    ),
                    ("an id with a NUL", EVENT.replace(b"evt_x", rb"e\u0000"), "no event"),
                    ("half a character", EVENT.replace(b"evt_x", rb"\ud800"), "no event"),
                    ("an id that is a list", EVENT.replace(b'"evt_x"', b"[]"), "no event"),
                    ("a blank id", EVENT.replace(b"evt_x", b" "), "no event"),
                )
            ),
            Row("too large", 400, HOOK, "at most", raw=b"x" * 300_000),
        ),
    ),
    Route(
        asked="POST /webhooks/mollie",
        at="/webhooks/mollie?payment={payment-open}&proof=none",
        good=b"id=tr_1",
        fine=(400, "payments.bad_webhook"),  # the proof of it is a secret of the world's
        who="",
        recorded=TRAIL,
        foreign=("", 400),
        rows=(
            Row("no proof", 400, HOOK, "not one that we gave"),
            Row("a NUL", 422, "unreadable", "NUL", at="/webhooks/mollie?payment=%00&proof=a"),
            Row("too large", 400, HOOK, "at most", raw=b"x" * 2_000),
        ),
    ),
    Route(
        asked=f"POST {FIRM}/webhooks/replays",
        fine=(202, ""),
        at=f"{FIRM}/webhooks/replays",
        good={
            "why": "mended",
            "kinds": ["payment_intent.*"],
            "provider": "stripe",
            "event_ids": [],
            "since": "2014-05-02T08:00:00Z",
            "until": "2014-05-03T08:00:00Z",
            "is_waiting": False,
        },
        stateless="what is settled stays so",
        rows=(
            Row("a blank why", 422, "payments.bad_webhook_selection", "say why", {"why": "  "}),
            Row(
                "an event nobody sent",
                404,
                "payments.unknown_webhook",
                "not in the inbox",
                {"event_ids": ["evt_none"]},
            ),
            Row(
                "a range from end to start",
                422,
                "payments.bad_webhook_selection",
                "before it begins",
                {"since": "2014-05-04T08:00:00Z"},
            ),
            Row(
                "a moment without a zone", 422, "invalid", "since", {"since": "2014-05-02T08:00:00"}
            ),
            Row(
                "a moment that is none", 422, "invalid", "since", {"since": "2014-02-30T08:00:00Z"}
            ),
        ),
    ),
)

LOGIN = {"email": "new@example.com", "password": "correct horse battery"}
PEOPLE = (
    Route(
        asked=f"POST {API}/signup",
        at=f"{API}/signup",
        who="",
        good=LOGIN,
        foreign=("", 0),
        fine=(201, ""),
        rows=(
            Row("no address", 422, "identity.bad_email", "as in ada@example.com", {"email": "ada"}),
            Row(
                "a taken address",
                409,
                "identity.email_taken",
                "sign in instead",
                {"email": "ada@example.com"},
            ),
            Row(
                "a short password",
                422,
                "identity.bad_password",
                "10 characters",
                {"password": "short"},
            ),
        ),
    ),
    Route(
        asked=f"POST {API}/sessions",
        at=f"{API}/sessions",
        who="",
        good=LOGIN,
        foreign=("", 0),
        fine=(201, ""),
        recorded=frozenset({"identity_login_tries"}),
        rows=(Row("a stranger", 401, "identity.wrong_login", "no account has this address"),),
    ),
    Route(
        asked=f"DELETE {API}/keys/{{key_id}}",
        at=f"{API}/keys/none",
        who="ada",
        stateless="a key that is revoked stays so",
        foreign=("", 401),
        fine=(404, "identity.unknown_key"),
        rows=(Row("an unknown key", 404, "identity.unknown_key", "no key"),),
    ),
    Route(
        asked=f"POST {API}/challenges/{{challenge_id}}/keys",
        at=f"{API}/challenges/{{challenge}}/keys",
        who="ada",
        foreign=("eve", 404),
        stateless="a key may read what has ended",
        fine=(201, ""),
    ),
)
