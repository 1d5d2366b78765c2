"""Every SQL statement about keys: locks, claims with their leases, answers, expiry."""

from dataclasses import dataclass
from typing import Any

from tradesense.infra.db import Transaction
from tradesense.resilience.idempotency import Claim

Row = dict[str, Any]

_FORGOTTEN_MAX = 10_000  # per call, so that a backlog is no long transaction

# Which store this is: server, database, and the timeline that a restore or a promotion begins.
_LIFE = """
  extract(epoch FROM expires_at - clock_timestamp())::float8 AS expires_in_s,
  concat_ws('-', (SELECT system_identifier FROM pg_control_system()),
    (SELECT oid FROM pg_database WHERE datname = current_database()),
    substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)) AS store
"""
_FIND = (
    "SELECT payload, answer,"  # noqa: S608 -- both texts are constants of this file
    " extract(epoch FROM leased_until - clock_timestamp())::float8 AS leased_for_s,"
    f" {_LIFE} FROM infra_idempotency WHERE scope = %s AND key = %s"
)
_KEEP = (
    "INSERT INTO infra_idempotency (scope, key, payload, status, answer)"  # noqa: S608 -- as above
    f" VALUES (%s, %s, %s, %s, %s) RETURNING {_LIFE}"
)
_SETTLE = (
    "UPDATE infra_idempotency SET status = %s, answer = %s, answered_at = clock_timestamp(),"  # noqa: S608 -- as above
    " leased_until = NULL, expires_at = clock_timestamp() + interval '24 hours'"
    f" WHERE scope = %s AND key = %s RETURNING {_LIFE}"
)


@dataclass(frozen=True, slots=True)
class Name:
    """Under what a request is known: `scope` is principal, method and route."""

    scope: str
    key: str

    @property
    def text(self) -> str:
        """Both in one text; no two names share one."""
        return f"{len(self.scope)}:{self.scope}:{self.key}"


@dataclass(frozen=True, slots=True)
class Life:
    """How long an answer is kept, by the database's clock, and by which store."""

    expires_in_s: float
    store: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A row, and for how long it is leased by the database's clock."""

    claim: Claim
    answer: bytes | None
    life: Life
    leased_for_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """
    A claim that is ours until somebody takes it over.

    `birth` tells it from earlier ones under the key: when it would expire, had it an answer.
    """

    token: int
    birth: str


async def lock(tx: Transaction, name: Name) -> bool:
    """Take the key for the length of the transaction, or return False at once."""
    # Never by a blocking insert: the copies of one impatient client would fill the pool. A hash
    # that meets another's makes a request ask again, no more.
    cursor = await tx.execute(
        "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 7)) AS got", (name.text,)
    )
    row = await cursor.fetchone()
    return row is not None and bool(row["got"])


async def find(tx: Transaction, name: Name) -> Found | None:
    """Return what is kept under `name`. Look after locking: an answer is visible by then."""
    cursor = await tx.execute(_FIND, (name.scope, name.key))
    row = await cursor.fetchone()
    if row is None:
        return None
    leased_for_s = row["leased_for_s"] or 0.0
    life = _life(row)
    return Found(
        claim=Claim(
            digest=row["payload"],
            is_answered=row["answer"] is not None,
            is_expired=life.expires_in_s <= 0,
            is_leased=leased_for_s > 0,
        ),
        answer=row["answer"],
        life=life,
        leased_for_s=leased_for_s,
    )


def _life(row: Row) -> Life:
    return Life(row["expires_in_s"], row["store"])


async def keep(tx: Transaction, name: Name, *, digest: bytes, status: int, sealed: bytes) -> Life:
    """Keep the answer of the locked key for a day."""
    cursor = await tx.execute(_KEEP, (name.scope, name.key, digest, status, sealed))
    return _life(_written(await cursor.fetchone()))


async def discard(tx: Transaction, name: Name) -> None:
    """Delete the expired answer of the locked key."""
    await tx.execute(
        "DELETE FROM infra_idempotency WHERE scope = %s AND key = %s AND answer IS NOT NULL",
        (name.scope, name.key),
    )


async def claim(tx: Transaction, name: Name, *, digest: bytes, lease_s: float) -> Held:
    """Claim the locked, free key for `lease_s` seconds of the database's time."""
    cursor = await tx.execute(
        "INSERT INTO infra_idempotency (scope, key, payload, answered_at, leased_until)"
        " VALUES (%s, %s, %s, NULL, clock_timestamp() + make_interval(secs => %s))"
        " RETURNING token, expires_at::text AS birth",
        (name.scope, name.key, digest, lease_s),
    )
    return _held(_written(await cursor.fetchone()))


async def take_over(tx: Transaction, name: Name, *, lease_s: float) -> Held:
    """Take the locked, claimed key from whoever let it run out; they cannot settle it any more."""
    cursor = await tx.execute(
        "UPDATE infra_idempotency SET token = token + 1,"
        " leased_until = clock_timestamp() + make_interval(secs => %s)"
        " WHERE scope = %s AND key = %s AND answer IS NULL"
        " RETURNING token, expires_at::text AS birth",
        (lease_s, name.scope, name.key),
    )
    return _held(_written(await cursor.fetchone()))


def _held(row: Row) -> Held:
    return Held(token=row["token"], birth=row["birth"])


def _written(row: Row | None) -> Row:
    if row is None:
        raise LookupError("a row that was locked has vanished")
    return row


async def renew(tx: Transaction, name: Name, *, token: int, lease_s: float) -> None:
    """Hold the claim for `lease_s` seconds from now, if it is still ours; 0 lets go of it."""
    await tx.execute(
        "UPDATE infra_idempotency"
        " SET leased_until = clock_timestamp() + make_interval(secs => %s)"
        " WHERE scope = %s AND key = %s AND token = %s AND answer IS NULL",
        (lease_s, name.scope, name.key, token),
    )


async def lock_held(tx: Transaction, name: Name, *, token: int) -> bool:
    """Hold the claim's row for the length of the transaction; False if it is ours no more."""
    cursor = await tx.execute(
        "SELECT FROM infra_idempotency"
        " WHERE scope = %s AND key = %s AND token = %s AND answer IS NULL FOR UPDATE",
        (name.scope, name.key, token),
    )
    return await cursor.fetchone() is not None


async def settle(tx: Transaction, name: Name, *, status: int, sealed: bytes) -> Life:
    """Keep the answer of the claim whose row is held, for a day from now."""
    cursor = await tx.execute(_SETTLE, (status, sealed, name.scope, name.key))
    return _life(_written(await cursor.fetchone()))


async def forget_answers(tx: Transaction) -> int:
    """
    Delete answers past their day of the database's time, a bounded number; return how many.

    Claims without an answer stay: what they began may have happened.
    """
    cursor = await tx.execute(
        "DELETE FROM infra_idempotency WHERE ctid = ANY (ARRAY("
        " SELECT ctid FROM infra_idempotency"
        " WHERE expires_at < clock_timestamp() AND answer IS NOT NULL"
        " LIMIT %s FOR UPDATE SKIP LOCKED))",
        (_FORGOTTEN_MAX,),
    )
    return cursor.rowcount


async def list_unanswered(tx: Transaction, *, limit: int = 100) -> list[tuple[Name, float]]:
    """
    Return errands that nobody works on and nobody finished, and for how many seconds so.

    Their process died; only a repeat of the request under its key can find out what happened.
    The longest abandoned come first, at most `limit`.
    """
    cursor = await tx.execute(
        "SELECT scope, key, extract(epoch FROM clock_timestamp() - leased_until)::float8 AS for_s"
        " FROM infra_idempotency WHERE answer IS NULL AND leased_until < clock_timestamp()"
        " ORDER BY leased_until LIMIT %s",
        (limit,),
    )
    return [(Name(row["scope"], row["key"]), row["for_s"]) for row in await cursor.fetchall()]
