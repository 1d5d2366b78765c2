"""How the promises about logins, breakers, incidents and sagas are broken."""

from invariant_breaks.nouns import Break, a, an_id, told

USER = an_id(1)
SIGNED_UP = (
    a("identity_users", user_id=USER),
    a("identity_keys", key_id="k1", user_id=USER),
    a("identity_sessions", opened_at="2014-05-02Z", expires_at="2014-06-01Z"),
    told(f"user:{USER}", "UserSignedUp"),
    told(f"user:{USER}", "ApiKeyIssued", version=2, key_id="k1"),
)
SIGNED, ISSUED = "every user has signed up", "every API key has been issued"
IDENTITY = (
    Break(SIGNED, SIGNED_UP, a("identity_users", user_id=an_id(2))),
    Break(SIGNED, SIGNED_UP, told(f"user:{USER}", "UserSignedUp", version=3)),
    Break(ISSUED, SIGNED_UP, "UPDATE identity_keys SET key_id = 'k2'"),
    Break(ISSUED, SIGNED_UP, f"UPDATE identity_keys SET user_id = '{an_id(2)}'"),
    Break(
        "no session outlives",
        SIGNED_UP,
        "UPDATE identity_sessions SET expires_at = expires_at + interval '61 seconds'",
    ),
)

FORCED = (
    a(
        "operations_breakers",
        policy="stripe",
        version=1,
        state="force-open",
        why="it is down",
        directed_by="operator:jane",
    ),
    told("breaker:stripe", "BreakerForcedOpen", by="operator:jane", why="it is down"),
    a("trail_streams", stream="breaker:stripe", version=1),
)
DECIDED, AFTER = "what was decided about a breaker", "nothing on the trail was decided"
OPERATIONS = (
    Break(DECIDED, FORCED, "UPDATE operations_breakers SET why = 'no idea'"),
    Break(DECIDED, FORCED, "UPDATE operations_breakers SET directed_by = 'operator:john'"),
    Break(DECIDED, FORCED, "UPDATE operations_breakers SET state = 'watch-only'"),
    Break(AFTER, FORCED, "DELETE FROM operations_breakers"),
    Break(DECIDED, FORCED, "UPDATE operations_breakers SET version = 2", also=(AFTER,)),
)

INCIDENT = (a("reliability_incidents", state="open"),)
RELIABILITY = (
    Break("an incident that is over", INCIDENT, "UPDATE reliability_incidents SET state = 'over'"),
    Break(
        "an incident that is over",
        INCIDENT,
        "UPDATE reliability_incidents SET resolved_at = now()",
    ),
)

SAGA = an_id(3)
STREAM = f"saga:{SAGA}"
RUNNING = (
    a("saga_instances", id=SAGA, kind="story", state="running", wake_at="2114-05-02Z"),
    told(STREAM, "StepDone", step="pay"),
)
WAITING = (
    a("saga_instances", kind="story", state="running", waits_for="paid", due_at="2114-05-02Z"),
)
DUE, SAID = "every saga is over, parked", "a saga that is over says so"
SAGAS = (
    Break(DUE, RUNNING, "UPDATE saga_instances SET wake_at = NULL"),
    Break(DUE, WAITING, "UPDATE saga_instances SET due_at = NULL"),
    Break(DUE, WAITING, "UPDATE saga_instances SET waits_for = NULL, state = 'compensating'"),
    Break(
        "no saga is overdue",
        RUNNING,
        "UPDATE saga_instances SET wake_at = now() - interval '601 seconds'",
    ),
    Break(SAID, RUNNING, "UPDATE saga_instances SET state = 'completed'"),
    Break(SAID, RUNNING, "UPDATE saga_instances SET state = 'compensated'"),
    Break(SAID, RUNNING, told(STREAM, "SagaCompleted", version=2)),
    Break(
        "a saga knows where its stream ends",
        RUNNING,
        "UPDATE saga_instances SET told_version = 1, told_link = 'of another entry'",
    ),
    Break("no step is done twice", RUNNING, told(STREAM, "StepDone", version=2, step="pay")),
)
