"""Outages on real reports: who saw what, in database time; and a provider that is really away."""

import asyncio
from datetime import timedelta

import pytest

from payment_sandbox import SandboxProcess
from tradesense import trail
from tradesense.infra import http
from tradesense.infra.policies import STRIPE
from tradesense.kernel.errors import Unavailable
from tradesense.payments import outages
from tradesense.payments.outages import service, store
from tradesense.payments.outages.model import Condition
from tradesense.payments.providers.stripe import Stripe
from tradesense.resilience.breaker import State


async def report(runtime, node="one", *, calls=0, failures=0, is_open=False):
    await runtime.db.repeat(
        lambda tx: store.report(
            tx, provider="stripe", node=node, calls=calls, failures=failures, is_open=is_open
        )
    )


async def judge(runtime):
    return await runtime.db.repeat(
        lambda tx: service.judge(tx, provider="stripe", now=runtime.now())
    )


async def facts(runtime):
    async with runtime.db.reading() as tx:
        return [entry.kind for entry in await trail.read_stream(tx, "provider:stripe")]


async def pass_time(owner_db, seconds):
    """Let what was reported and decided be so long ago."""

    async def verb(tx):
        ago = timedelta(seconds=seconds)
        await tx.execute(
            "UPDATE payments_provider_reports SET reported_at = reported_at - %s", (ago,)
        )
        await tx.execute(
            "UPDATE payments_provider_nodes SET reported_at = reported_at - %s", (ago,)
        )
        await tx.execute(
            "UPDATE payments_provider_outages SET counted_from = counted_from - %s", (ago,)
        )

    await owner_db.repeat(verb)


async def test_what_all_processes_saw_together_contains_a_provider_once(runtime):
    await judge(runtime)
    await report(runtime, "one", calls=500)
    await report(runtime, "two", calls=499, failures=0)
    assert (await judge(runtime)).condition is Condition.WELL

    await report(runtime, "two", calls=1, failures=1)
    assert (await judge(runtime)).condition is Condition.WELL  # 999 of 1,000
    await report(runtime, "one", calls=1, failures=1)
    judged = await asyncio.gather(*(judge(runtime) for _ in range(10)))

    assert {one.condition for one in judged} == {Condition.CONTAINED}
    assert await facts(runtime) == ["ProviderContained"]


async def test_old_failures_and_processes_that_are_gone_do_not_count(runtime, owner_db):
    await judge(runtime)
    await report(runtime, calls=100, failures=100, is_open=True)
    await pass_time(owner_db, 301)

    assert (await judge(runtime)).condition is Condition.WELL


async def test_it_is_used_again_after_ten_good_seconds_and_the_old_failures_are_forgotten(
    runtime, owner_db
):
    await judge(runtime)
    await report(runtime, calls=100, failures=100)
    await judge(runtime)
    await report(runtime, calls=3)
    assert (await judge(runtime)).condition is Condition.CONTAINED  # it has not been long enough

    await pass_time(owner_db, 12)
    await report(runtime, calls=3)
    assert (await judge(runtime)).condition is Condition.WELL
    await report(runtime, calls=20)
    assert (await judge(runtime)).condition is Condition.WELL
    assert await facts(runtime) == ["ProviderContained", "ProviderRestored"]


async def test_reports_are_forgotten_when_no_judgement_needs_them(runtime, owner_db):
    await report(runtime, calls=5)
    await pass_time(owner_db, 601)
    await report(runtime, calls=7)

    await runtime.db.repeat(lambda tx: store.forget(tx, older_than_s=600))

    async with runtime.db.reading() as tx:
        cursor = await tx.execute("SELECT calls FROM payments_provider_reports")
        assert [row["calls"] for row in await cursor.fetchall()] == [7]


@pytest.fixture
def away(tmp_path):
    """A provider that is set up, and not there."""
    return SandboxProcess(tmp_path / "sandbox-home")


async def test_a_dead_provider_is_contained_and_comes_back_by_itself(runtime, owner_db, away):
    tally = outages.Tally()
    policy = runtime.policies[STRIPE]
    async with http.client(policy) as client:
        stripe = outages.watched(Stripe(client, api_key="sk_test_tests", base=away.base), tally)
        watch = outages.Watch(
            runtime,
            {"stripe": stripe},
            tally,
            is_open=lambda _: policy.breaker.state is State.OPEN,
            node="one",
        )
        for _ in range(6):
            with pytest.raises(Unavailable):
                await stripe.fetch("pi_1")
        assert policy.breaker.state is State.OPEN
        await watch.look()
        assert watch.is_contained("stripe")

        away.start()
        policy.breaker.end_rest()
        await pass_time(owner_db, 12)
        has_returned = [await watch.look() for _ in range(5)]
    away.stop()

    assert not watch.is_contained("stripe")
    assert has_returned.count(True) == 1
    assert await facts(runtime) == ["ProviderContained", "ProviderRestored"]


async def test_what_our_own_breaker_refused_is_no_failure_of_the_provider(runtime, away):
    tally = outages.Tally()
    policy = runtime.policies[STRIPE]
    policy.breaker.force_open("a test")
    async with http.client(policy) as client:
        stripe = outages.watched(Stripe(client, api_key="sk_test_tests", base=away.base), tally)
        with pytest.raises(Unavailable):
            await stripe.fetch("pi_1")

    assert tally.take("stripe") == (0, 0)
