"""How an edge learns who is asking."""

import base64
import binascii
from typing import Annotated

from fastapi import Depends, Request

from tradesense.identity import secrecy, store
from tradesense.identity.model import Caller
from tradesense.infra.db import Transaction
from tradesense.infra.runtime import FromRequest, Runtime
from tradesense.kernel.errors import Forbidden, Unauthenticated

COOKIE = "tradesense_session"
_ASK = "sign in first, or send an API key (APCA-API-KEY-ID and APCA-API-SECRET-KEY)"


class NotSignedIn(Unauthenticated):
    """No credentials, or none that we accept; the answer is the same for both."""

    code = "identity.unauthenticated"


class NotAnOperator(Forbidden):
    """Only users that were appointed operators act for the firm."""

    code = "identity.not_an_operator"


async def find_caller_by_token(runtime: Runtime, token: str) -> Caller | None:
    """Return who holds a session token, while the session is open."""
    token_mac = session_mac(runtime, token)
    async with runtime.db.reading() as tx:
        return await store.find_caller_by_session(tx, token_mac)


async def find_caller_by_key(runtime: Runtime, key_id: str, secret: str) -> Caller | None:
    """Return whom an API key acts for, if the secret is right and the key is not revoked."""
    if not (key_id.isascii() and secret.isascii()):
        return None  # none that we issued; and half a surrogate pair has no bytes to check
    instance = secrecy.instance_secret(runtime.settings)
    # Checked before the look-up and always: a wrong secret costs the same for any key.
    if not secrecy.is_key_secret(instance, key_id, secret):
        return None
    async with runtime.db.reading() as tx:
        return await _caller_of_key(tx, key_id)


def session_mac(runtime: Runtime, token: str) -> bytes:
    """Return what the sessions table knows a token by."""
    return secrecy.mac(secrecy.instance_secret(runtime.settings), "session", token)


def token_of(request: Request) -> str | None:
    """Return the session token a request carries, in its Authorization header or its cookie."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    return request.cookies.get(COOKIE)


async def _caller_of_key(tx: Transaction, key_id: str) -> Caller | None:
    key = await store.find_key(tx, key_id)
    if key is None or key.is_revoked:
        return None
    return Caller(user_id=key.user_id, challenge_id=key.challenge_id)


def _key_of(request: Request) -> tuple[str, str] | None:
    """Return (key id, secret) from the APCA headers or from Basic, if either is there."""
    key_id = request.headers.get("apca-api-key-id")
    secret = request.headers.get("apca-api-secret-key")
    if key_id is not None and secret is not None:
        return key_id, secret
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        pair = base64.b64decode(value, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None
    key_id, _, secret = pair.partition(":")
    return key_id, secret


async def find_caller(request: Request, runtime: FromRequest) -> Caller | None:
    """Return who is asking, or None; for pages that also serve strangers."""
    key = _key_of(request)
    if key is not None:
        return await find_caller_by_key(runtime, *key)
    token = token_of(request)
    return None if token is None else await find_caller_by_token(runtime, token)


async def _caller(caller: Annotated[Caller | None, Depends(find_caller)]) -> Caller:
    if caller is None:
        raise NotSignedIn(_ASK)
    return caller


async def _operator(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
    if not caller.is_operator:
        raise NotAnOperator("this is for the firm's operators")
    return caller


CallerFromRequest = Annotated[Caller, Depends(_caller)]
MaybeCaller = Annotated[Caller | None, Depends(find_caller)]
OperatorFromRequest = Annotated[Caller, Depends(_operator)]
