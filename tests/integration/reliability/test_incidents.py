"""An outage's incident: opened and resolved by what the trail tells, reviewed by people."""

import asyncio
from dataclasses import dataclass

import pytest

from integration.trail.facts import seal_now
from tradesense import reliability
from tradesense.bus.jobs import deliver_due
from tradesense.payments.outages import service, store
from tradesense.reliability.jobs import SUBSCRIPTION


@dataclass
class Duty:
    """A provider that fails and comes back, and those on duty."""

    runtime: object
    owner_db: object
    sealer_db: object
    home: object

    async def see(self, *, calls, failures):
        await self.runtime.db.repeat(
            lambda tx: store.report(
                tx, provider="stripe", node="one", calls=calls, failures=failures, is_open=False
            )
        )
        await self.runtime.db.repeat(
            lambda tx: service.judge(tx, provider="stripe", now=self.runtime.now())
        )
        await seal_now(self.sealer_db, self.home)
        await deliver_due(self.runtime, [SUBSCRIPTION])

    async def fail(self):
        await self.see(calls=0, failures=0)
        await self.see(calls=100, failures=100)

    async def come_back(self):
        await self.owner_db.repeat(
            lambda tx: tx.execute(
                "UPDATE payments_provider_outages SET counted_from = counted_from - interval '1 h'"
            )
        )
        await self.owner_db.repeat(
            lambda tx: tx.execute(
                "UPDATE payments_provider_reports SET reported_at = reported_at - interval '30 s'"
            )
        )
        await self.see(calls=3, failures=0)

    async def incidents(self):
        async with self.runtime.db.reading() as tx:
            return await reliability.list_incidents(tx)


@pytest.fixture
def duty(runtime, owner_db, sealer_db, tmp_path):
    return Duty(runtime, owner_db, sealer_db, tmp_path)


@pytest.fixture
def api(olga):
    return olga


async def say(api, incident, what, **body):
    url = f"/api/v1/operations/incidents/{incident.incident_id}/{what}"
    return await api.post(url, json=body, headers={"Idempotency-Key": f"{what} {sorted(body)} 123"})


async def test_an_outage_opens_an_incident_and_its_end_resolves_it(duty):
    await duty.fail()
    (opened,) = await duty.incidents()
    await duty.come_back()
    (resolved,) = await duty.incidents()

    assert (opened.state, opened.severity, opened.subject) == ("open", "critical", "stripe")
    assert "less than 99.9 %" in opened.summary
    assert (resolved.incident_id, resolved.state) == (opened.incident_id, "resolved")


async def test_the_timeline_is_the_trails_and_people_add_to_it(duty, api, operator):
    await duty.fail()
    (incident,) = await duty.incidents()
    assert (await say(api, incident, "notes", text="called Stripe")).status_code == 201
    await duty.come_back()
    cause = {"cause": "their certificate ran out", "prevention": "a second provider"}
    assert (await say(api, incident, "review", **cause)).status_code == 200

    shown = (await api.get(f"/api/v1/operations/incidents/{incident.incident_id}")).json()

    assert shown["state"] == "reviewed"
    kinds = [moment["kind"] for moment in shown["timeline"]]
    assert sorted(kinds) == sorted([
        "ProviderContained", "IncidentOpened", "IncidentNoted", "ProviderRestored",
        "IncidentResolved", "IncidentReviewed",
    ])  # fmt: skip
    noted = shown["timeline"][kinds.index("IncidentNoted")]
    assert (noted["by"], noted["data"]["text"]) == (operator, "called Stripe")


async def test_two_outages_are_two_incidents(duty):
    for _ in range(2):
        await duty.fail()
        await duty.come_back()

    assert [one.state for one in await duty.incidents()] == ["resolved"] * 2


@pytest.mark.usefixtures("operator")
async def test_it_is_resolved_by_hand_once(duty, api):
    await duty.fail()
    (incident,) = await duty.incidents()
    url = f"/api/v1/operations/incidents/{incident.incident_id}/resolution"

    answers = await asyncio.gather(
        *(
            api.post(url, json={"how": "by hand"}, headers={"Idempotency-Key": f"one of many {n}"})
            for n in range(8)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    await duty.come_back()
    assert [one.state for one in await duty.incidents()] == ["resolved"]


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize(
    ("what", "body", "status"),
    [
        ("notes", {"text": "  "}, 422),
        ("notes", {"text": "x" * 2_001}, 422),
        ("notes", {}, 422),
        ("resolution", {"how": ""}, 422),
        ("review", {"cause": "a", "prevention": "b"}, 409),  # not over yet
    ],
)
async def test_what_says_nothing_is_refused_and_nothing_changes(duty, api, what, body, status):
    await duty.fail()
    (incident,) = await duty.incidents()

    answer = await say(api, incident, what, **body)

    assert (answer.status_code, await duty.incidents()) == (status, [incident])


@pytest.mark.usefixtures("operator")
async def test_an_unknown_incident_is_not_found(api):
    nobody = "/api/v1/operations/incidents/00000000-0000-0000-0000-000000000000"
    key = {"Idempotency-Key": "a note to nobody"}
    assert (await api.get(nobody)).status_code == 404
    assert (await api.post(f"{nobody}/notes", json={"text": "x"}, headers=key)).status_code == 404


async def test_incidents_are_for_operators(api):
    assert (await api.get("/api/v1/operations/incidents")).status_code == 403
