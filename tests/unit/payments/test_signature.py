"""Our check of Stripe's signatures, held against the official package's."""

import time

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from tradesense.app.sandbox.deliveries import sign
from tradesense.payments.webhooks.signature import TOLERANCE_S, find_flaw

SECRET = "whsec_one"
BODY = b'{"id": "evt_1", "object": "event"}'
NOW = 1_700_000_000


def header(body=BODY, secret=SECRET, at=NOW):
    return sign(body, secret=secret, at=at)


def flaw(given_header, body=BODY, secrets=(SECRET,), now_s=NOW):
    return find_flaw(body, given_header, secrets=secrets, now_s=float(now_s))


def test_a_signed_body_has_no_flaw():
    assert flaw(header()) is None


def test_any_of_several_secrets_may_have_signed():
    assert flaw(header(secret="whsec_old"), secrets=("whsec_new", "whsec_old")) is None
    assert flaw(header(secret="whsec_older"), secrets=("whsec_new", "whsec_old"))


def test_any_of_several_signatures_may_match():
    one, other = header(secret="whsec_x"), header()
    assert flaw(f"{one},v1={other.partition('v1=')[2]}") is None


@pytest.mark.parametrize(("age_s", "is_old"), [(0, False), (TOLERANCE_S, False), (301, True)])
def test_a_signature_grows_old_after_five_minutes(age_s, is_old):
    assert bool(flaw(header(), now_s=NOW + age_s)) == is_old


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "garbage",
        "t=,v1=",
        "t=abc,v1=00",
        f"t={NOW}",
        f"v1={'0' * 64}",
        f"t={NOW},v0={'0' * 64}",
        f"t={NOW},v1={'0' * 64}",
        f"t={NOW},v1=é",
        f"t={NOW}," + "v1=0," * 2_000,
        f"t=-{NOW},v1=0",
        f"t={'9' * 5_000},v1=0",
    ],
)
def test_other_headers_prove_nothing(bad):
    assert flaw(bad)


def test_without_secrets_nothing_is_proven():
    assert flaw(header(), secrets=())


def test_a_changed_body_is_found():
    assert flaw(header(), body=BODY + b" ") == "no signature matches the body"


@given(st.text(), st.integers(-400, 400), st.booleans())
def test_the_official_package_agrees(text, age_s, is_right):
    body = text.encode(errors="ignore")
    now = int(time.time())  # noqa: TID251 -- the package reads the wall clock itself
    signed = header(body, SECRET if is_right else "whsec_wrong", now - age_s)
    # Both read the clock: keep away from the second on which the answer turns.
    if abs(age_s - TOLERANCE_S) < 5:
        return

    ours = flaw(signed, body, now_s=now) is None

    assert ours == official(body, signed)


def official(body, signed):
    try:
        return stripe.WebhookSignature.verify_header(body, signed, SECRET, TOLERANCE_S)
    except stripe.SignatureVerificationError:
        return False


def test_an_event_of_the_sandbox_is_read_by_the_official_package():
    now = int(time.time())  # noqa: TID251 -- the package reads the wall clock itself
    event = stripe.Webhook.construct_event(BODY, header(at=now), SECRET)

    assert event.id == "evt_1"
