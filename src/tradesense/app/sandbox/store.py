"""The sandbox's own file: objects, stored answers, deliveries, faults; one commit per request."""

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

Json = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    id      TEXT NOT NULL UNIQUE,
    kind    TEXT NOT NULL,
    created INTEGER NOT NULL,
    body    TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, seq);
CREATE INDEX IF NOT EXISTS objects_by_intent
    ON objects (kind, json_extract(body, '$.payment_intent'));

CREATE TABLE IF NOT EXISTS answers (
    key        TEXT PRIMARY KEY,
    request    TEXT NOT NULL,
    status     INTEGER NOT NULL,
    body       TEXT NOT NULL,
    request_id TEXT NOT NULL,
    created    INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS answers_by_age ON answers (created);

CREATE TABLE IF NOT EXISTS deliveries (
    event_id TEXT PRIMARY KEY,
    tries    INTEGER NOT NULL DEFAULT 0,
    next_at  REAL NOT NULL,
    answer   TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (next_at) WHERE answer IS NULL;

-- Planted by hand, and never worth keeping: an older file may have another shape.
DROP TABLE IF EXISTS faults;
CREATE TABLE IF NOT EXISTS planted (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    kind      TEXT NOT NULL,
    target    TEXT NOT NULL,
    remaining INTEGER NOT NULL,
    met       INTEGER NOT NULL DEFAULT 0,
    details   TEXT NOT NULL
) STRICT;
"""


class Answer(NamedTuple):
    """What a request was answered with."""

    request: str
    status: int
    body: str
    request_id: str


class Delivery(NamedTuple):
    """An event on its way to the platform."""

    event_id: str
    tries: int
    body: Json


class Planted(NamedTuple):
    """A fault that waits: how often it was met, and how often it still strikes."""

    seq: int
    kind: str
    target: str
    remaining: int
    met: int
    details: Json


class Store:
    """One SQLite connection, used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._lock = threading.Lock()
        # FULL: a commit is on disk before it is acknowledged, also when the machine goes down.
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def commit(self) -> Iterator[None]:
        """Make everything inside durable at once, or undo it if it raises."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    @contextmanager
    def undo_if_raised(self) -> Iterator[None]:
        """Undo what was done inside if it raises; the commit around it goes on."""
        self._db.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK TO part")
            raise
        finally:
            self._db.execute("RELEASE part")

    def add(self, body: Json) -> Json:
        """Insert an object and return it."""
        self._db.execute(
            "INSERT INTO objects (id, kind, created, body) VALUES (?, ?, ?, ?)",
            (body["id"], body["object"], body["created"], json.dumps(body)),
        )
        return body

    def save(self, body: Json) -> None:
        """Replace an object."""
        self._db.execute("UPDATE objects SET body = ? WHERE id = ?", (json.dumps(body), body["id"]))

    def find(self, kind: str, object_id: str) -> Json | None:
        row = self._db.execute(
            "SELECT body FROM objects WHERE id = ? AND kind = ?", (object_id, kind)
        ).fetchone()
        return None if row is None else dict(json.loads(row[0]))

    def find_any(self, object_id: str) -> Json | None:
        row = self._db.execute("SELECT body FROM objects WHERE id = ?", (object_id,)).fetchone()
        return None if row is None else dict(json.loads(row[0]))

    def count_of_intent(self, kind: str, intent_id: str) -> int:
        """Return how many objects of `kind` belong to a payment intent."""
        row = self._db.execute(
            "SELECT count(*) FROM objects"
            " WHERE kind = ? AND json_extract(body, '$.payment_intent') = ?",
            (kind, intent_id),
        ).fetchone()
        return int(row[0])

    def count(self, kind: str) -> int:
        """Return how many objects of `kind` there are."""
        row = self._db.execute("SELECT count(*) FROM objects WHERE kind = ?", (kind,)).fetchone()
        return int(row[0])

    def sum_net(self, kind: str) -> dict[str, int]:
        """Return the sum of `net` of all objects of `kind`, per currency."""
        rows = self._db.execute(
            "SELECT json_extract(body, '$.currency'), sum(json_extract(body, '$.net'))"
            " FROM objects WHERE kind = ? GROUP BY 1",
            (kind,),
        ).fetchall()
        return {str(currency): int(net) for currency, net in rows}

    def list_page(
        self,
        kind: str,
        *,
        limit: int,
        equal: dict[str, str],
        created: dict[str, int],
        after: str | None = None,
        before: str | None = None,
    ) -> Sequence[Json]:
        """Return up to `limit` objects, newest first; `after` and `before` are ids."""
        where, values = ["kind = ?"], [kind]
        bounds: list[object] = []
        for field, value in equal.items():
            where.append(f"json_extract(body, '$.{field}') = ?")  # field names are ours
            bounds.append(value)
        for operator, moment in created.items():
            where.append(f"created {_OPERATORS[operator]} ?")
            bounds.append(moment)
        order = "DESC"
        if after is not None:
            where.append("seq < (SELECT seq FROM objects WHERE id = ?)")
            bounds.append(after)
        elif before is not None:
            where.append("seq > (SELECT seq FROM objects WHERE id = ?)")
            bounds.append(before)
            order = "ASC"
        rows = self._db.execute(
            f"SELECT body FROM objects WHERE {' AND '.join(where)} ORDER BY seq {order} LIMIT ?",  # noqa: S608 -- built from our own words only
            (*values, *bounds, limit),
        ).fetchall()
        found = [dict(json.loads(row[0])) for row in rows]
        return found[::-1] if order == "ASC" else found

    def find_answer(self, key: str, *, younger_than: int) -> Answer | None:
        row = self._db.execute(
            "SELECT request, status, body, request_id FROM answers WHERE key = ? AND created > ?",
            (key, younger_than),
        ).fetchone()
        return None if row is None else Answer(*row)

    def keep_answer(self, key: str, answer: Answer, *, created: int, life_s: int) -> None:
        """Keep an answer under its key, and forget those older than `life_s`."""
        self._db.execute("DELETE FROM answers WHERE created <= ?", (created - life_s,))
        self._db.execute(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)", (key, *answer, created)
        )

    def enqueue(self, event: Json, *, at: float) -> None:
        """Send `event` to the platform from `at` on, until it is taken."""
        self.add(event)
        self._db.execute(
            "INSERT INTO deliveries (event_id, next_at) VALUES (?, ?)", (event["id"], at)
        )

    def list_due(self, *, now: float, limit: int) -> Sequence[Delivery]:
        rows = self._db.execute(
            "SELECT d.event_id, d.tries, o.body FROM deliveries d"
            " JOIN objects o ON o.id = d.event_id"
            " WHERE d.answer IS NULL AND d.next_at <= ? ORDER BY d.next_at LIMIT ?",
            (now, limit),
        ).fetchall()
        return [Delivery(event_id, tries, json.loads(body)) for event_id, tries, body in rows]

    def note_try(self, event_id: str, *, answer: str | None, next_at: float) -> None:
        """Count one try; an `answer` ends the delivery."""
        self._db.execute(
            "UPDATE deliveries SET tries = tries + 1, answer = ?, next_at = ? WHERE event_id = ?",
            (answer, next_at, event_id),
        )

    def put_off(self, event_id: str, *, next_at: float) -> None:
        """Try a delivery later; nothing was tried now."""
        self._db.execute(
            "UPDATE deliveries SET next_at = ? WHERE event_id = ?", (next_at, event_id)
        )

    def plant(self, kind: str, target: str, times: int, details: Json) -> None:
        """Let the next `times` meetings of `target` (a pattern with * and ?) meet a fault."""
        self._db.execute(
            "INSERT INTO planted (kind, target, remaining, details) VALUES (?, ?, ?, ?)",
            (kind, target, times, json.dumps(details)),
        )

    def clear_planted(self) -> None:
        self._db.execute("DELETE FROM planted")

    def list_planted(self) -> Sequence[Planted]:
        rows = self._db.execute(
            "SELECT seq, kind, target, remaining, met, details FROM planted ORDER BY seq"
        ).fetchall()
        return [_planted(row) for row in rows]

    def find_planted(self, kinds: Sequence[str], target: str) -> Sequence[Planted]:
        """Return the faults of `kinds` that wait for `target`, the oldest first."""
        rows = self._db.execute(
            "SELECT seq, kind, target, remaining, met, details FROM planted"
            " WHERE remaining > 0 AND ? GLOB target ORDER BY seq",
            (target,),
        ).fetchall()
        return [_planted(row) for row in rows if row[1] in kinds]

    def note_met(self, seq: int, *, is_used: bool) -> None:
        """Count that a fault's target was met, and whether that used up one of its times."""
        self._db.execute(
            "UPDATE planted SET met = met + 1, remaining = remaining - ? WHERE seq = ?",
            (int(is_used), seq),
        )


_OPERATORS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def _planted(row: tuple[int, str, str, int, int, str]) -> Planted:
    seq, kind, target, remaining, met, details = row
    return Planted(seq, kind, target, remaining, met, json.loads(details))
