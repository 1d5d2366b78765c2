"""Every SQL statement of identity."""

from datetime import datetime
from uuid import UUID

from tradesense.identity.model import ApiKey, Caller, User
from tradesense.infra.db import Transaction


async def add_user(tx: Transaction, user: User, *, now: datetime) -> bool:
    """Insert a user; False if the address or the id is taken."""
    cursor = await tx.execute(
        """
        INSERT INTO identity_users (user_id, email, password_hash, is_operator, signed_up_at)
        VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
        """,
        (user.user_id, user.email, user.password_hash, user.is_operator, now),
    )
    return cursor.rowcount == 1


async def find_user(tx: Transaction, user_id: UUID) -> User | None:
    return await _user(tx, "SELECT * FROM identity_users WHERE user_id = %s", user_id)


async def find_user_by_email(tx: Transaction, email: str) -> User | None:
    return await _user(tx, "SELECT * FROM identity_users WHERE email = %s", email)


async def appoint(tx: Transaction, user_id: UUID) -> bool:
    """Make a user an operator; False if nothing changed."""
    cursor = await tx.execute(
        "UPDATE identity_users SET is_operator = true WHERE user_id = %s AND NOT is_operator",
        (user_id,),
    )
    return cursor.rowcount == 1


async def add_session(tx: Transaction, *, token_mac: bytes, user_id: UUID, lifetime_s: int) -> None:
    await tx.execute(
        """
        INSERT INTO identity_sessions (token_mac, user_id, expires_at)
        VALUES (%s, %s, clock_timestamp() + make_interval(secs => %s))
        """,
        (token_mac, user_id, lifetime_s),
    )


async def close_session(tx: Transaction, token_mac: bytes) -> None:
    await tx.execute(
        """
        UPDATE identity_sessions SET closed_at = clock_timestamp()
        WHERE token_mac = %s AND closed_at IS NULL
        """,
        (token_mac,),
    )


async def find_caller_by_session(tx: Transaction, token_mac: bytes) -> Caller | None:
    cursor = await tx.execute(
        """
        SELECT u.user_id, u.is_operator
        FROM identity_sessions s JOIN identity_users u USING (user_id)
        WHERE s.token_mac = %s AND s.closed_at IS NULL AND s.expires_at > clock_timestamp()
        """,
        (token_mac,),
    )
    row = await cursor.fetchone()
    return None if row is None else Caller(user_id=row["user_id"], is_operator=row["is_operator"])


async def add_key(tx: Transaction, key: ApiKey, *, now: datetime) -> bool:
    """Insert a key; False if it is there already."""
    cursor = await tx.execute(
        """
        INSERT INTO identity_keys (key_id, user_id, challenge_id, issued_at)
        VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
        """,
        (key.key_id, key.user_id, key.challenge_id, now),
    )
    return cursor.rowcount == 1


async def find_key(tx: Transaction, key_id: str) -> ApiKey | None:
    cursor = await tx.execute("SELECT * FROM identity_keys WHERE key_id = %s", (key_id,))
    row = await cursor.fetchone()
    if row is None:
        return None
    return ApiKey(
        key_id=row["key_id"],
        user_id=row["user_id"],
        challenge_id=row["challenge_id"],
        is_revoked=row["revoked_at"] is not None,
    )


async def is_key_fresh(tx: Transaction, key_id: str, *, shown_for_s: int) -> bool:
    """Whether the key was recorded at most `shown_for_s` ago, by the database's clock."""
    cursor = await tx.execute(
        """
        SELECT recorded_at > clock_timestamp() - make_interval(secs => %s) AS fresh
        FROM identity_keys WHERE key_id = %s
        """,
        (shown_for_s, key_id),
    )
    row = await cursor.fetchone()
    return row is not None and bool(row["fresh"])


async def revoke_key(tx: Transaction, key_id: str, *, user_id: UUID, now: datetime) -> bool:
    """Revoke the user's key; False if there is none that still works."""
    cursor = await tx.execute(
        """
        UPDATE identity_keys SET revoked_at = %s
        WHERE key_id = %s AND user_id = %s AND revoked_at IS NULL
        """,
        (now, key_id, user_id),
    )
    return cursor.rowcount == 1


async def worst_login_tries(tx: Transaction, subjects: dict[bytes, int]) -> float | None:
    """
    Seconds until the last of the `subjects` (name -> failures allowed) beyond is free again.

    None if none of them is beyond.
    """
    cursor = await tx.execute(
        """
        SELECT max(extract(epoch FROM t.window_ends - clock_timestamp())) AS wait_s
        FROM identity_login_tries t
        JOIN unnest(%s::bytea[], %s::int[]) AS s (subject_mac, allowed) USING (subject_mac)
        WHERE t.failures > s.allowed AND t.window_ends > clock_timestamp()
        """,
        (list(subjects), list(subjects.values())),
    )
    row = await cursor.fetchone()
    return None if row is None or row["wait_s"] is None else float(row["wait_s"])


async def count_login_failure(tx: Transaction, subjects: list[bytes], *, window_s: int) -> None:
    """Count one failure for each subject; a window that has ended starts anew."""
    await tx.execute(
        """
        INSERT INTO identity_login_tries AS t (subject_mac, failures, window_ends)
        SELECT subject_mac, 1, clock_timestamp() + make_interval(secs => %s)
        FROM unnest(%s::bytea[]) AS s (subject_mac) ORDER BY subject_mac
        ON CONFLICT (subject_mac) DO UPDATE SET
            failures = CASE WHEN t.window_ends > clock_timestamp() THEN t.failures + 1 ELSE 1 END,
            window_ends = CASE WHEN t.window_ends > clock_timestamp()
                          THEN t.window_ends ELSE excluded.window_ends END
        """,
        (window_s, subjects),
    )


async def lock_login_tries(tx: Transaction, subjects: list[bytes]) -> None:
    """Hold the rows of these subjects."""
    await tx.execute(
        """
        SELECT FROM identity_login_tries WHERE subject_mac = ANY(%s)
        ORDER BY subject_mac FOR UPDATE
        """,
        (subjects,),
    )


async def uncount_login_failure(tx: Transaction, subject: bytes) -> None:
    """Take back one failure of a subject, and its row with the last."""
    cursor = await tx.execute(
        "DELETE FROM identity_login_tries WHERE subject_mac = %s AND failures = 1", (subject,)
    )
    if cursor.rowcount == 0:
        await tx.execute(
            "UPDATE identity_login_tries SET failures = failures - 1 WHERE subject_mac = %s",
            (subject,),
        )


async def forget_login_failures(tx: Transaction, subject: bytes) -> None:
    """Forget a subject's failures, and with them up to a hundred windows that have ended."""
    await tx.execute(
        """
        DELETE FROM identity_login_tries WHERE subject_mac = %s OR subject_mac IN (
            SELECT subject_mac FROM identity_login_tries
            WHERE window_ends < clock_timestamp() LIMIT 100 FOR UPDATE SKIP LOCKED
        )
        """,
        (subject,),
    )


async def _user(tx: Transaction, query: str, argument: object) -> User | None:
    cursor = await tx.execute(query.encode(), (argument,))
    row = await cursor.fetchone()
    if row is None:
        return None
    return User(
        user_id=row["user_id"],
        email=row["email"],
        password_hash=row["password_hash"],
        is_operator=row["is_operator"],
    )
