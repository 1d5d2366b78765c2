"""
Secrets: what we hash, what we sign, and the one secret of this instance they hang on.

Passwords are slow to check (argon2id) because people choose them. Tokens and API secrets are
256 random bits, so one HMAC under the instance's secret is enough and costs microseconds.
"""

import asyncio
import base64
import hmac
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from tradesense.infra.settings import Settings

SECRET_BYTES = 32

# OWASP's smallest profile (19 MiB, two passes): the default of 64 MiB times a burst of logins
# would not fit beside the other processes on a small machine.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Two at a time: more would only starve the event loop's core.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")


async def hash_password(password: str) -> str:
    """Return the argon2id hash of a normalised password; off the event loop, about 20 ms."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


async def is_password(password: str, password_hash: str | None) -> bool:
    """
    Whether `password` is the one behind `password_hash`.

    None (no such user) costs the same time and says no, so that the clock tells nobody which
    addresses have an account.
    """
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads, _matches, password, password_hash)


def _matches(password: str, password_hash: str | None) -> bool:
    try:
        _hasher.verify(password_hash or _nobodys_hash(), password)
    except VerifyMismatchError:
        return False
    return password_hash is not None


@cache
def _nobodys_hash() -> str:
    return _hasher.hash(base64.b64encode(os.urandom(SECRET_BYTES)).decode())


def instance_secret(settings: Settings) -> bytes:
    """Return the 32 bytes under which this instance makes and checks tokens and API secrets."""
    return settings.key_for("identity")


def mac(secret: bytes, purpose: str, text: str) -> bytes:
    """Return the 32-byte HMAC-SHA256 of `text` for one `purpose`; purposes never mix."""
    return hmac.digest(secret, f"{purpose}\0{text}".encode(), "sha256")


def new_token(chance: bytes) -> str:
    """Return a session token of 256 random bits, safe in a header and a cookie."""
    return "ts_" + _text(chance)


def key_id_of(key_uuid: UUID) -> str:
    """Return the public name of an API key, as `PK` and 18 characters (90 of its 122 bits)."""
    return "PK" + base64.b32encode(key_uuid.bytes).decode("ascii")[:18]


def key_secret(secret: bytes, key_id: str) -> str:
    """Return the secret of an API key. It follows from the instance's secret; no table holds it."""
    return _text(mac(secret, "api-key", key_id))


def is_key_secret(secret: bytes, key_id: str, shown: str) -> bool:
    """Whether `shown` is the secret of `key_id`; constant time."""
    return hmac.compare_digest(key_secret(secret, key_id).encode(), shown.encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
