"""Books, dead letters, sagas, breakers and incidents."""

from refusal_rows.nouns import FIRM, Route, Row, amounts, state

CLOSINGS = f"{FIRM}/books/closings"
REPLAYS = f"{FIRM}/events/replays"
WATCHING = (
    Route(
        asked=f"POST {CLOSINGS}",
        fine=(201, ""),
        at=CLOSINGS,
        good={"period": "2014-03", "why": "reported"},
        rows=(
            *(
                Row(
                    f"a period of {each!r}",
                    422,
                    "operations.bad_period",
                    "write 2026-10",
                    {"period": each},
                )
                for each in ("soon", "2014-13", "2014-02-30", "0000", " ", "2014-3", "9999")
            ),
            Row(
                "a period to come",
                409,
                "operations.period_not_over",
                "from 2020-01-01",
                {"period": "2019"},
            ),
            Row("a blank why", 422, "operations.why_missing", "say why", {"why": "  "}),
        ),
    ),
    Route(
        asked=f"POST {REPLAYS}",
        fine=(404, "bus.unknown_dead_letter"),
        at=REPLAYS,
        good={"why": "mended", "entry_id": 1, "consumer": "purchases"},
        stateless="what is not dead is unknown to it",
        rows=(
            *(
                Row(
                    f"entry {each}",
                    422,
                    "operations.unclear_replay",
                    "a number from 1 on",
                    {"entry_id": each},
                )
                for each in (0, -1, 2**63, -(2**63))
            ),
            Row("an entry that is not dead", 404, "bus.unknown_dead_letter", "has not died"),
            Row(
                "an entry of nobody",
                422,
                "operations.unclear_replay",
                "one consumer",
                {"consumer": None},
            ),
            Row("a blank why", 422, "operations.why_missing", "say why", {"why": ""}),
        ),
    ),
    Route(
        asked=f"POST {FIRM}/sagas/{{saga_id}}/resumption",
        fine=(409, "sagas.not_parked"),
        at=f"{FIRM}/sagas/{{saga}}/resumption",
        good={"why": "mended"},
        rows=(
            Row("a blank why", 422, "operations.why_missing", "say why", {"why": " "}),
            state(
                "it goes on by itself",
                f"{FIRM}/sagas/{{saga}}/resumption",
                "sagas.not_parked",
                "is running",
            ),
        ),
    ),
    Route(
        asked=f"POST {FIRM}/breakers/{{name}}",
        at=f"{FIRM}/breakers/stripe",
        good={"state": "force-open", "why": "maintenance", "for_s": 60},
        stateless="every decision replaces the last one",
        rows=(
            *amounts("operations.bad_duration", "1 to", 0, -1, 10**9, 2**70, name="for_s"),
            Row(
                "an unknown breaker",
                404,
                "operations.unknown_breaker",
                "stripe",
                at=f"{FIRM}/breakers/paypal",
            ),
            Row(
                "no breaker",
                422,
                "operations.no_breaker",
                "database",
                at=f"{FIRM}/breakers/database",
            ),
            Row(
                "closed for a while", 422, "operations.bad_duration", "for good", {"state": "close"}
            ),
            Row("a blank why", 422, "operations.why_missing", "say why", {"why": "\n"}),
        ),
    ),
    Route(
        asked=f"POST {FIRM}/incidents/{{incident_id}}/notes",
        fine=(201, ""),
        at=f"{FIRM}/incidents/{{incident-open}}/notes",
        good={"text": "I see it too"},
        stateless="there may be something to say afterwards too",
        rows=(Row("a blank", 422, "reliability.bad_note", "write 1 to", {"text": "  "}),),
    ),
    Route(
        asked=f"POST {FIRM}/incidents/{{incident_id}}/resolution",
        at=f"{FIRM}/incidents/{{incident-open}}/resolution",
        good={"how": "it answers again"},
        rows=(
            Row("a blank", 422, "reliability.bad_note", "write 1 to", {"how": "  "}),
            state(
                "over",
                f"{FIRM}/incidents/{{incident-resolved}}/resolution",
                "reliability.not_resolved",
                "is resolved already",
            ),
            state(
                "reviewed",
                f"{FIRM}/incidents/{{incident-reviewed}}/resolution",
                "reliability.not_resolved",
                "is reviewed",
            ),
        ),
    ),
    Route(
        asked=f"POST {FIRM}/incidents/{{incident_id}}/review",
        at=f"{FIRM}/incidents/{{incident-resolved}}/review",
        good={"cause": "theirs", "prevention": "a second provider"},
        rows=(
            Row("no cause", 422, "reliability.bad_note", "write 1 to", {"cause": "\n"}),
            Row("no prevention", 422, "reliability.bad_note", "write 1 to", {"prevention": " "}),
            state(
                "still open",
                f"{FIRM}/incidents/{{incident-open}}/review",
                "reliability.not_resolved",
                "is open, not resolved",
            ),
            state(
                "reviewed",
                f"{FIRM}/incidents/{{incident-reviewed}}/review",
                "reliability.not_resolved",
                "is reviewed",
            ),
        ),
    ),
)
