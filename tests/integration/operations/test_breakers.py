"""What an operator decides about a breaker: who may, what is refused, what every process does."""

import asyncio
import json
from dataclasses import replace

import httpx
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from conftest import broken_invariants
from tradesense import identity, operations, trail
from tradesense.app.api import create_app
from tradesense.identity.caller import session_mac
from tradesense.infra import policies
from tradesense.infra.policies import platform_policies, watching
from tradesense.kernel.errors import Rejected
from tradesense.operations import BadDuration, NoBreaker, UnknownBreaker, Wanted, WhyMissing
from tradesense.operations.jobs import Follower, following
from tradesense.resilience.breaker import State
from tradesense.resilience.refusals import BreakerOpen

WHY = "the provider announced maintenance"


@pytest.fixture
def decide(runtime):
    """Decide about a breaker as the command line does."""

    async def run(policy="stripe", state=Wanted.FORCE_OPEN, why=WHY, for_s=None):
        async def verb(tx):
            return await operations.direct(
                tx, policy=policy, state=state, why=why, by="operator:ada", for_s=for_s,
                now=runtime.now(),
            )  # fmt: skip

        return await runtime.db.run(verb, key=str(runtime.new_id()))

    return run


async def decided(runtime):
    async with runtime.db.reading() as tx:
        return await operations.list_directives(tx)


async def told(runtime, policy="stripe"):
    async with runtime.db.reading() as tx:
        return await trail.read_stream(tx, f"breaker:{policy}")


async def within(condition, seconds=2.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (Wanted.FORCE_OPEN, "BreakerForcedOpen"),
        (Wanted.DISABLE, "BreakerDisabled"),
        (Wanted.WATCH_ONLY, "BreakerWatched"),
        (Wanted.CLOSE, "BreakerClosed"),
    ],
)
async def test_a_decision_is_on_the_trail_with_who_and_why(runtime, decide, state, kind):
    await decide(state=state)
    (entry,) = await told(runtime)
    assert (entry.kind, entry.by, entry.data["why"]) == (kind, "operator:ada", WHY)
    assert entry.data["policy"] == "stripe"


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"policy": "strype"}, UnknownBreaker),
        ({"policy": "database"}, NoBreaker),
        ({"why": ""}, WhyMissing),
        ({"why": " \t "}, WhyMissing),
        ({"why": "x" * 501}, WhyMissing),
        ({"why": "two\nlines"}, WhyMissing),
        ({"for_s": 0}, BadDuration),
        ({"for_s": 30 * 86_400 + 1}, BadDuration),
        ({"state": Wanted.CLOSE, "for_s": 60}, BadDuration),
    ],
)
async def test_a_wrong_decision_is_refused_and_changes_nothing(runtime, decide, wrong, error):
    with pytest.raises(error) as refused:
        await decide(**wrong)
    assert isinstance(refused.value, Rejected)
    assert await decided(runtime) == []
    assert await told(runtime) == []


async def test_a_process_that_starts_applies_what_stands_before_its_first_call(runtime, decide):
    await decide()
    await decide("redis", Wanted.WATCH_ONLY)
    async with following(runtime, "worker"):
        assert runtime.policies["stripe"].breaker.state is State.FORCED_OPEN
        assert runtime.policies["redis"].breaker.state is State.METRICS_ONLY
        with pytest.raises(BreakerOpen):
            await runtime.policies["stripe"].call(asyncio.sleep, 0)


async def test_running_processes_follow_within_two_seconds_each_decision_once(runtime, decide):
    other = replace(runtime, policies=platform_policies(runtime.settings))
    both = [runtime.policies["stripe"].breaker, other.policies["stripe"].breaker]
    async with following(runtime, "api"), following(other, "worker"):
        for state, seen in [
            (Wanted.FORCE_OPEN, State.FORCED_OPEN),
            (Wanted.DISABLE, State.DISABLED),
            (Wanted.WATCH_ONLY, State.METRICS_ONLY),
            (Wanted.CLOSE, State.CLOSED),
        ]:
            await decide(state=state)
            await within(lambda seen=seen: {breaker.state for breaker in both} == {seen})
            assert "operator:ada" in both[0].snapshot().why
        both[0].trip("after it was given back, it decides for itself")
        await asyncio.sleep(1.2)  # longer than a look takes to come
        assert both[0].state is State.OPEN


async def test_a_decision_ends_when_its_time_is_over_even_without_a_database(runtime, decide):
    await decide(for_s=60)
    follower = Follower(runtime.policies)
    breaker = runtime.policies["stripe"].breaker
    follower.follow(await decided(runtime), now=1_000.0)
    follower.lapse(1_059.0)
    assert breaker.state is State.FORCED_OPEN
    follower.lapse(1_060.0)
    assert breaker.state is State.CLOSED
    follower.follow(await decided(runtime), now=1_061.0)
    assert breaker.state is State.CLOSED


async def test_a_process_that_starts_after_the_end_applies_nothing(runtime, decide):
    await decide(for_s=1)
    await asyncio.sleep(1.1)
    async with following(runtime, "worker"):
        assert runtime.policies["stripe"].breaker.state is State.CLOSED


async def test_a_block_that_fails_raises_its_own_error(runtime):
    with pytest.raises(KeyError, match="mine"):
        async with following(runtime, "worker"):
            raise KeyError("mine")


@pytest.mark.breaks_invariants
async def test_a_decision_that_the_trail_does_not_know_is_seen(decide, database):
    await decide()
    with psycopg.connect(database.superuser) as conn:
        conn.execute("UPDATE operations_breakers SET why = 'another reason'")
    assert [
        promise for promise in broken_invariants(database.superuser) if "who and why" in promise
    ]


@pytest.fixture
async def people(runtime):
    """A client, and the headers of an operator and of somebody else."""
    headers = {}
    for name in ("operator", "other"):
        user_id, token = runtime.new_id(), f"token of {name}"

        async def verb(tx, user_id=user_id, name=name, token=token):
            await identity.sign_up(
                tx, user_id=user_id, email=f"{name}@example.com", password_hash="x",
                now=runtime.now(),
            )  # fmt: skip
            if name == "operator":
                await identity.appoint_operator(tx, user_id=user_id, now=runtime.now())
            await identity.open_session(tx, user_id=user_id, token_mac=session_mac(runtime, token))

        await runtime.db.run(verb, key=str(user_id))
        headers[name] = {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(create_app(runtime), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://platform") as client:
        yield client, headers["operator"], headers["other"]


URL = "/api/v1/operations/breakers"
KEY = {"Idempotency-Key": "9e1f7a-decision"}


async def test_an_operator_decides_over_http_once_and_all_see_it(runtime, people):
    client, operator, _ = people
    async with following(runtime, "api"):
        body = {"state": "force-open", "why": WHY, "for_s": 600}
        first = await client.post(f"{URL}/stripe", json=body, headers=operator | KEY)
        again = await client.post(f"{URL}/stripe", json=body, headers=operator | KEY)
        assert (first.status_code, again.content) == (200, first.content)
        await within(lambda: runtime.policies["stripe"].breaker.state is State.FORCED_OPEN)
        await asyncio.sleep(0.6)  # until the process has said so
        shown = (await client.get(URL, headers=operator)).json()["breakers"]
    stripe = next(each for each in shown if each["name"] == "stripe")
    assert stripe["directive"]["why"] == WHY
    assert 590 <= stripe["directive"]["left_s"] <= 600
    assert [(p["process"], p["state"]) for p in stripe["processes"]] == [("api", "forced_open")]
    (entry,) = await told(runtime)
    assert entry.by == stripe["directive"]["by"]
    assert entry.by.startswith("operator:")


async def test_others_are_refused_and_nothing_changes(runtime, people):
    client, _, other = people
    body = {"state": "force-open", "why": WHY}
    assert (await client.get(URL, headers=other)).status_code == 403
    assert (await client.post(f"{URL}/stripe", json=body, headers=other | KEY)).status_code == 403
    assert (await client.post(f"{URL}/stripe", json=body, headers=KEY)).status_code == 401
    assert await decided(runtime) == []


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("nobody", {"state": "force-open", "why": WHY}, 404),
        ("database", {"state": "force-open", "why": WHY}, 422),
        ("stripe", {"state": "force-open", "why": "  "}, 422),
        ("stripe", {"state": "force-open"}, 422),
        ("stripe", {"state": "half-open", "why": WHY}, 422),
        ("stripe", {"state": "force-open", "why": WHY, "for_s": -1}, 422),
        ("stripe", {"state": "force-open", "why": WHY, "for_s": 10**30}, 422),
        ("stripe", {"state": "force-open", "why": WHY, "for_s": 1.5}, 422),
        ("stripe", {"state": "force-open", "why": "nul\x00"}, 422),
    ],
)
async def test_nonsense_over_http_is_named_and_changes_nothing(runtime, people, name, body, status):
    client, operator, _ = people
    answer = await client.post(f"{URL}/{name}", json=body, headers=operator | KEY)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert await decided(runtime) == []


async def test_metrics_show_every_policy_of_every_process(runtime, people):
    client, _, _ = people
    worker = platform_policies(runtime.settings)
    worker["stripe"].breaker.force_open("a test")
    with pytest.raises(BreakerOpen):
        await worker["stripe"].call(asyncio.sleep, 0)
    async with watching(runtime.settings.home, "worker", worker):
        await within(lambda: policies.read(runtime.settings.home))
        shown = (await client.get("/metrics")).text

    def value(name, process="worker", policy="stripe", **labels):
        wanted = {"process": process, "policy": policy, **labels}
        (found,) = [each.value for each in samples if (each.name, each.labels) == (name, wanted)]
        return found

    samples = [one for family in text_string_to_metric_families(shown) for one in family.samples]
    assert value("tradesense_policy_state", state="forced_open") == 1
    assert value("tradesense_policy_state", state="closed") == 0
    assert value("tradesense_policy_refusals_total", guard="breaker") == 1
    for name in (
        "failures_total", "cut_off_total", "retries_total", "gave_up_total", "hedges_total",
        "latency_seconds_count", "fallbacks_total", "opened_total", "budget_refused_total",
    ):  # fmt: skip
        assert value(f"tradesense_policy_{name}") == 0
    assert value("tradesense_policy_budget_left") >= 0
    assert value("tradesense_policy_state", process="api", policy="redis", state="closed") == 1
    assert value("tradesense_policy_latency_seconds_bucket", policy="redis", le="+Inf") == 0
    assert policies.read(runtime.settings.home) == []  # it has ended


async def test_transitions_and_bursts_of_refusals_are_one_line_each(runtime, tmp_path):
    with capture_logs() as lines:
        own = platform_policies(runtime.settings)
        async with watching(tmp_path, "worker", own):
            await asyncio.sleep(0)
            own["stripe"].breaker.trip("5 failures in a row")
            for _ in range(100):
                with pytest.raises(BreakerOpen):
                    await own["stripe"].call(asyncio.sleep, 0)
            await within(lambda: any(line["event"] == "policy.refused" for line in lines))
    state, refused = (line for line in lines if line["event"].startswith("policy."))
    assert state == {
        "event": "policy.state", "log_level": "warning", "policy": "stripe",
        "before": "closed", "after": "open", "why": "5 failures in a row",
    }  # fmt: skip
    assert (refused["policy"], refused["breaker"]) == ("stripe", 100)
    assert json.dumps(lines)
