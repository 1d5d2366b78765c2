"""Identity over HTTP: sign up, sign in, sign out, revoke a key."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from tradesense.identity import caller as asking
from tradesense.identity import rules, secrecy, service, store
from tradesense.identity.caller import COOKIE, CallerFromRequest
from tradesense.identity.model import User
from tradesense.infra.db import Transaction
from tradesense.infra.idempotency import Answer, OnceFromRequest, Policy
from tradesense.infra.runtime import FromRequest
from tradesense.kernel.errors import Invalid, Unauthenticated
from tradesense.kernel.ids import derive

router = APIRouter(prefix="/api/v1", tags=["identity"])

EMAIL_FIELD_MAX = 320  # longer ones are no addresses; the rules say the rest
PASSWORD_FIELD_MAX = 1024


class WrongLogin(Unauthenticated):
    """No such address, or not its password; which of the two stays our secret."""

    code = "identity.wrong_login"


class Login(BaseModel):
    """What a person types."""

    model_config = ConfigDict(extra="forbid")

    email: Annotated[str, Field(max_length=EMAIL_FIELD_MAX, examples=["ada@example.com"])]
    password: Annotated[SecretStr, Field(max_length=PASSWORD_FIELD_MAX)]


class SignedUp(BaseModel):
    user_id: UUID


class SignedIn(BaseModel):
    token: str
    expires_in_s: int


class Me(BaseModel):
    """Who the credentials stand for; `challenge_id` is what an API key is bound to."""

    user_id: UUID
    email: str
    is_operator: bool
    challenge_id: UUID | None


@router.post("/signup", status_code=201, response_model=SignedUp)
async def sign_up(login: Login, runtime: FromRequest, once: OnceFromRequest) -> Response:
    """Make an account. Send an Idempotency-Key that nobody can guess, such as a random UUID."""
    user_id = derive("user", once.key)
    email = rules.normalise_email(login.email)
    password = rules.normalise_password(login.password.get_secret_value())
    password_hash = await secrecy.hash_password(password)

    async def verb(tx: Transaction) -> SignedUp:
        await service.sign_up(
            tx, user_id=user_id, email=email, password_hash=password_hash, now=runtime.now()
        )
        return SignedUp(user_id=user_id)

    return await once.answer(verb, principal="anybody", status=201)


@router.post("/sessions", status_code=201)
async def sign_in(
    login: Login, request: Request, response: Response, runtime: FromRequest
) -> SignedIn:
    """Sign in; the token also comes as a cookie that scripts cannot read."""
    email = _email_as_known(login.email)
    address = request.client.host if request.client else "unknown"
    secret = secrecy.instance_secret(runtime.settings)
    account_mac = secrecy.mac(secret, "login-account", f"{email} {address}")
    address_mac = secrecy.mac(secret, "login-address", address)

    async def begin(tx: Transaction) -> User | None:
        await service.admit_login(tx, account_mac=account_mac, address_mac=address_mac)
        return await store.find_user_by_email(tx, email)

    user = await runtime.db.repeat(begin)
    is_right = await _is_right(user, login.password.get_secret_value())
    if user is None or not is_right:
        raise WrongLogin("no account has this address and password")
    token = secrecy.new_token(runtime.chance(secrecy.SECRET_BYTES))
    token_mac = asking.session_mac(runtime, token)

    async def open_(tx: Transaction) -> None:
        await service.open_session(tx, user_id=user.user_id, token_mac=token_mac)
        await service.forgive_login(tx, account_mac=account_mac, address_mac=address_mac)

    await runtime.db.run(open_, key=f"identity:session:{token_mac.hex()}")
    _set_cookie(token, request, response)
    return SignedIn(token=token, expires_in_s=service.SESSION_LIFETIME_S)


@router.delete("/sessions/current", status_code=204)
async def sign_out(request: Request, response: Response, runtime: FromRequest) -> None:
    """End the session of the token or cookie sent along; without one nothing changes."""
    token = asking.token_of(request)
    if token is not None:
        token_mac = asking.session_mac(runtime, token)
        await runtime.db.repeat(lambda tx: service.close_session(tx, token_mac=token_mac))
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")


@router.get("/me")
async def me(caller: CallerFromRequest, runtime: FromRequest) -> Me:
    """Say who is asking."""
    async with runtime.db.reading() as tx:
        user = await store.find_user(tx, caller.user_id)
    if user is None:
        raise asking.NotSignedIn("this login is gone")
    return Me(
        user_id=user.user_id,
        email=user.email,
        is_operator=caller.is_operator,
        challenge_id=caller.challenge_id,
    )


@router.delete("/keys/{key_id}", status_code=204, response_class=Response)
async def revoke_key(
    key_id: str, caller: CallerFromRequest, once: OnceFromRequest, runtime: FromRequest
) -> Response:
    """Refuse an API key from now on. With an Idempotency-Key a repeated request gets 204 again."""
    now = runtime.now()

    async def verb(tx: Transaction) -> Answer:
        await service.revoke_key(tx, user_id=caller.user_id, key_id=key_id, now=now)
        return Answer.empty()

    return await once.answer(
        verb, principal=f"user:{caller.user_id}", policy=Policy(is_key_required=False)
    )


def _set_cookie(token: str, request: Request, response: Response) -> None:
    response.set_cookie(
        COOKIE,
        token,
        max_age=service.SESSION_LIFETIME_S,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def _email_as_known(written: str) -> str:
    """Return the address as accounts know it; what is no address belongs to no account."""
    try:
        return rules.normalise_email(written)
    except Invalid:
        return ""


async def _is_right(user: User | None, password: str) -> bool:
    try:
        normal = rules.normalise_password(password)
    except Invalid:
        # Nobody has such a password; say so as slowly as for any other wrong one.
        normal, user = "", None
    return await secrecy.is_password(normal, None if user is None else user.password_hash)
