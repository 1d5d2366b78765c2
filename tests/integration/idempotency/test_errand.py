"""What others do for us is done once: claimed with its intent, asked after, never repeated."""

import asyncio
import time

import psycopg
import pytest
from prometheus_client import REGISTRY

from idempotency_shop import insist
from tradesense.app.processes import scheduler

KEY = "c2f1a7d4-errand"


@pytest.fixture
async def post(shop):
    """Send one errand, with what goes wrong on the way."""

    async def send(trouble="", client=shop, **order):
        return await client.send(KEY, to="/errands", headers={"X-Trouble": trouble}, **order)

    send.shop, send.till = shop, shop.app.state.till
    shop.app.state.lease_s = 1.0
    return send


def code(answer):
    return answer.status_code, answer.json().get("code")


def taken_over():
    labels = {"route": "POST /errands", "finding": "takeover"}
    return REGISTRY.get_sample_value("tradesense_idempotency_total", labels) or 0


async def test_it_is_done_once_and_its_answer_kept(post):
    first, again = await post(), await post()

    assert (first.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert (len(post.till.asked), post.till.done) == (1, 1)
    assert [await post.shop.effects(what) for what in ("intent", "receipt")] == [1, 1]


async def test_an_intent_that_is_refused_calls_nobody(post):
    first, again = await post("too much"), await post()

    assert code(first) == (409, "shop.too_large")
    assert again.content == first.content
    assert (post.till.asked, await post.shop.effects("intent")) == ([], 0)


async def test_a_refusal_of_theirs_is_an_answer_and_the_intent_is_forgone(post):
    first, again = await post("declined"), await post()

    assert (first.status_code, first.json()["detail"]) == (422, "the card was declined")
    assert again.content == first.content
    assert (post.till.asked, await post.shop.effects("forgone rejected")) == ([], 1)


@pytest.mark.parametrize(("trouble", "status"), [("never heard", 503), ("busy", 429)])
async def test_what_surely_did_not_happen_is_tried_again_at_once(post, trouble, status):
    assert (await post(trouble)).status_code == status
    before = taken_over()

    answer = await post()

    assert (answer.status_code, taken_over() - before) == (201, 1)
    assert (len(post.till.asked), await post.shop.effects("intent")) == (1, 1)


async def test_what_nobody_knows_waits_for_the_lease_and_is_asked_after(post):
    first = await post("lost")
    assert code(first) == (503, "outcome_unknown")
    early = await post()
    assert code(early) == (409, "idempotency.still_served")
    assert early.headers["retry-after"] == "1"  # what is left of the lease

    answer = await insist(post)

    assert answer.status_code == 201
    assert (len(post.till.asked), post.till.done) == (1, 1)


async def test_what_happened_unheard_is_found_and_not_repeated(post):
    assert code(await post("answer lost")) == (503, "outcome_unknown")

    answer = await insist(post)

    assert answer.status_code == 201
    assert (len(post.till.asked), await post.shop.effects("receipt")) == (1, 1)
    assert answer.json()["receipt"] == f"receipt of 1 for {post.till.asked[0]}"


async def test_what_happened_and_could_not_be_kept_is_kept_later(post):
    assert code(await post("unkept")) == (503, "outcome_unknown")
    assert await post.shop.effects("receipt") == 0

    assert (await insist(post)).status_code == 201
    assert (len(post.till.asked), await post.shop.effects("receipt")) == (1, 1)


async def test_a_claim_of_another_payload_is_422_leased_or_not(post):
    await post("lost")
    for _ in range(2):
        assert code(await post(qty=2)) == (422, "idempotency.key_reused")
        await asyncio.sleep(1.1)


async def test_a_long_call_keeps_its_claim(post):
    elsewhere = type(post.shop)(post.shop.runtime)
    elsewhere.app.state.lease_s = post.shop.app.state.lease_s = lease_s = 0.4
    async with elsewhere.http:
        calling = asyncio.ensure_future(post(takes_s=5 * lease_s))
        while not post.till.asked:
            await asyncio.sleep(0.01)
        begun, refused_s = time.monotonic(), 0.0
        while refused_s <= 3 * lease_s:  # the claim would have run out three times by then
            answer = await post(client=elsewhere, takes_s=5 * lease_s)
            assert code(answer) == (409, "idempotency.still_served")
            refused_s = time.monotonic() - begun
            await asyncio.sleep(0.1)
        first = await calling
        again = await post(client=elsewhere, takes_s=5 * lease_s)
    assert again.content == first.content
    assert len(post.till.asked) == 1


async def test_a_claim_without_an_answer_is_never_forgotten(post, database):
    await post("lost")
    with psycopg.connect(database.owner) as conn:
        conn.execute(
            "UPDATE infra_idempotency SET expires_at = expires_at - interval '3 days',"
            " leased_until = leased_until - interval '3 days'"
        )
    chore = next(each for each in scheduler.CHORES if each.name == "forget old keys and answers")
    await chore.do(post.shop.runtime)
    before = taken_over()

    answer = await post()

    assert (answer.status_code, taken_over() - before) == (201, 1)  # not as if it were the first
    assert await post.shop.effects("intent") == 1
    assert (await post()).content == answer.content  # kept for a day from now


async def test_a_day_later_it_is_another_errand_under_another_key_of_theirs(post, database):
    await post()
    with psycopg.connect(database.owner) as conn:
        conn.execute("UPDATE infra_idempotency SET expires_at = expires_at - interval '1 day'")
    await post.shop.forget()

    assert (await post()).status_code == 201
    assert len(set(post.till.asked)) == 2
