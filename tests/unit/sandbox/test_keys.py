"""Idempotency keys of the sandbox live for a day, by its clock."""

import pytest

from tradesense.app.sandbox.store import Store
from tradesense.app.sandbox.stripe.call import Call
from tradesense.app.sandbox.stripe.endpoints import KEY_LIFE_S, reply

NOON = 1_700_000_000


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "stripe.sqlite3")
    yield opened
    opened.close()


def create(store, *, at, key="key", amount="54000"):
    call = Call(
        store=store,
        params={"amount": amount, "currency": "usd"},
        now=at,
        seed=f"{key} {at}",
        idempotency_key=key,
        request_id=f"req_{at}",
        signing_key=b"secret",
        pay_base="http://pay",
    )
    return reply(call, "POST", "/v1/payment_intents")


def test_a_key_is_remembered_for_a_day_and_no_longer(store):
    first = create(store, at=NOON)
    just_before = create(store, at=NOON + KEY_LIFE_S - 1)
    after = create(store, at=NOON + KEY_LIFE_S)

    assert just_before.is_replayed
    assert just_before.answer.body == first.answer.body
    assert not after.is_replayed
    assert after.answer.body != first.answer.body


def test_a_key_longer_than_stripe_allows_is_refused(store):
    answer = create(store, at=NOON, key="x" * 256).answer

    assert answer.status == 400
    assert "255" in answer.body


def test_a_refused_request_leaves_nothing_behind(store):
    assert create(store, at=NOON, amount="1").answer.status == 400

    with store.commit():
        assert store.list_page("payment_intent", limit=9, equal={}, created={}) == []


def test_a_request_that_breaks_leaves_nothing_behind(store):
    def add_then_break():
        with store.commit():
            store.add({"id": "pi_1", "object": "payment_intent", "created": NOON})
            raise RuntimeError("cut off")

    with pytest.raises(RuntimeError):
        add_then_break()

    with store.commit():
        assert store.find("payment_intent", "pi_1") is None
