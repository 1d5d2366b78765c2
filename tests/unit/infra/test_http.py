"""The HTTP client goes through its policy, and refuses to send while a transaction is open."""

import asyncio
import contextlib
import os
import sys

import httpx
import pytest

from tradesense.infra import http
from tradesense.infra.db import inside_transaction
from tradesense.infra.http import client, judging, refuse_inside_transaction
from tradesense.infra.policies import own_policy
from tradesense.kernel.errors import InvariantBroken, OutcomeUnknown, Unavailable
from tradesense.resilience import (
    BadSetting,
    LimiterSettings,
    Policy,
    PolicySettings,
    Quota,
    presets,
)

PAYMENTS = judging(presets.payments())


def answering(sent, *, status=200, **answer):
    """Answer each request alike, and note its address."""

    def respond(request):
        sent.append(str(request.url))
        return httpx.Response(status, **answer)

    return httpx.MockTransport(respond)


def failing(error):
    def respond(request):
        raise error("no", request=request)

    return httpx.MockTransport(respond)


async def test_sends_outside_a_transaction_and_counts_the_call():
    sent, policy = [], own_policy("tests")
    transport = answering(sent, json={"ok": True})
    async with client(policy, base_url="http://provider", transport=transport) as opened:
        assert (await opened.get("/v1/ping")).json() == {"ok": True}
    assert sent == ["http://provider/v1/ping"]
    assert sum(policy.snapshot().latency.counts) == 1


async def test_sends_nothing_inside_one_and_says_what_to_do():
    sent, policy = [], Policy("stripe", PAYMENTS)
    transport = answering(sent)
    async with client(policy, base_url="http://provider", transport=transport) as opened:
        inside_transaction.set(True)
        with pytest.raises(InvariantBroken, match=r"GET http://provider/v1/ping .*commit the"):
            await opened.get("/v1/ping", params={"secret": "x"})
    assert sent == []
    assert policy.breaker.snapshot().failures == 0


async def test_other_clients_can_ask_the_same_question():
    refuse_inside_transaction("a mail")
    inside_transaction.set(True)
    with pytest.raises(InvariantBroken, match="a mail inside a transaction"):
        refuse_inside_transaction("a mail")


@pytest.mark.parametrize(
    ("transport", "opens"),
    [
        (answering([], status=500), True),
        (answering([], status=503), True),
        (answering([], status=429), True),
        (failing(httpx.ConnectError), True),
        (failing(httpx.ReadTimeout), True),
        (failing(httpx.RemoteProtocolError), True),
        (answering([], status=200), False),
        (answering([], status=402), False),
        (answering([], status=404), False),
        (answering([], status=409), False),
        (failing(httpx.PoolTimeout), False),  # our own limit
    ],
)
async def test_a_server_in_trouble_opens_the_breaker_and_a_refusal_of_ours_does_not(
    transport, opens
):
    policy = Policy("stripe", PAYMENTS)
    async with client(policy, base_url="http://provider", transport=transport) as opened:
        for _ in range(presets.PAYMENT_FAILURES):
            with contextlib.suppress(httpx.TransportError):
                await opened.get("/")
    assert policy.is_admitting is not opens


async def test_an_open_breaker_sends_nothing_and_says_that_nothing_happened():
    sent, policy = [], Policy("stripe", PAYMENTS)
    policy.breaker.trip("a test")
    transport = answering(sent)
    async with client(policy, base_url="http://provider", transport=transport) as opened:
        with pytest.raises(Unavailable, match="stripe rests"):
            await opened.post("/v1/payment_intents")
    assert sent == []


async def test_what_was_given_up_on_its_way_may_have_happened():
    async def hang(_):
        await asyncio.sleep(60)

    policy = Policy("stripe", PolicySettings(timeout_s=0.05))
    transport = httpx.MockTransport(hang)
    async with client(policy, base_url="http://provider", transport=transport) as opened:
        with pytest.raises(OutcomeUnknown, match="stripe did not answer"):
            await opened.get("/")


@pytest.mark.parametrize(
    ("asked", "rests_s"),
    [("7", 7), ("90", 90), ("86400", http.RETRY_AFTER_MAX_S), ("-1", 0), ("soon", 0), ("nan", 0)],
)
async def test_a_server_that_asks_us_to_wait_is_left_alone_for_so_long(asked, rests_s):
    policy = Policy("stripe", PAYMENTS)
    transport = answering([], status=429, headers={"Retry-After": asked})
    async with client(policy, base_url="http://provider", transport=transport) as opened:
        assert (await opened.get("/")).status_code == 429
    rest_left_s = policy.breaker.snapshot().rest_left_s
    # One 429 opens nothing by itself; asked to wait, we rest our own minute at least.
    expected_s = max(rests_s, presets.PAYMENT_REST_S) if rests_s else 0
    assert rest_left_s == pytest.approx(expected_s, abs=1)


async def test_where_there_is_a_quota_the_wish_to_wait_moves_the_queue():
    limiter = LimiterSettings(quotas=(Quota(100, 1.0),), wait_max_s=1.0)
    policy = Policy("vendor", judging(PolicySettings(limiter=limiter)))
    transport = answering([], status=429, headers={"Retry-After": "30"})
    async with client(policy, base_url="http://provider", transport=transport) as opened:
        await opened.get("/")
        with pytest.raises(Unavailable, match="quota"):
            await opened.get("/")


def test_a_breaker_that_would_take_a_500_for_an_answer_gets_no_client():
    with pytest.raises(BadSetting, match="stripe judges no answers"):
        client(Policy("stripe", presets.payments()))


async def test_policies_load_no_client_that_their_process_does_not_need():
    """An engine has a policy for the payment provider, and ten megabytes less than its client."""
    loads = "import sys, tradesense.infra.policies; print({'httpx', 'redis'} & sys.modules.keys())"
    asked = await asyncio.create_subprocess_exec(
        sys.executable, "-c", loads,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await asked.communicate()
    assert said == b"set()\n"
