"""The verbs of identity. Each takes the caller's transaction and never commits it."""

from datetime import datetime
from uuid import UUID

from tradesense import trail
from tradesense.identity import rules, secrecy, store
from tradesense.identity.model import (
    ApiKey,
    ApiKeyIssued,
    ApiKeyRevoked,
    IssuedKey,
    OperatorAppointed,
    User,
    UserSignedUp,
)
from tradesense.infra.db import Transaction
from tradesense.kernel.errors import Conflict, NotFound, Throttled
from tradesense.kernel.ids import derive
from tradesense.trail.model import Fact

SESSION_LIFETIME_S = 30 * 86_400
SECRET_SHOWN_FOR_S = 86_400  # as long as any other answer can be asked for again


class EmailTaken(Conflict):
    """The address has an account."""

    code = "identity.email_taken"


class UnknownUser(NotFound):
    """Nobody has signed up with this id or address."""

    code = "identity.unknown_user"


class UnknownKey(NotFound):
    """You have no API key of this id that still works."""

    code = "identity.unknown_key"


class SecretShown(Conflict):
    """The key was issued by the same request before, and its secret has been shown."""

    code = "identity.secret_shown"


async def sign_up(
    tx: Transaction, *, user_id: UUID, email: str, password_hash: str, now: datetime
) -> User:
    """Make an account for a normalised address. Raises EmailTaken."""
    user = User(user_id=user_id, email=email, password_hash=password_hash, is_operator=False)
    if not await store.add_user(tx, user, now=now):
        raise EmailTaken("this address has an account; sign in instead")
    await _record(tx, UserSignedUp(user_id), user_id, now)
    return user


async def get_user_by_email(tx: Transaction, email: str) -> User:
    """Return the account of an address as a person types it. Raises Invalid, UnknownUser."""
    user = await store.find_user_by_email(tx, rules.normalise_email(email))
    if user is None:
        raise UnknownUser(f"no account has the address {email}")
    return user


async def likely_name(tx: Transaction, user_id: UUID) -> str:
    """Return what a user may be called, as far as their address tells; empty for a stranger."""
    user = await store.find_user(tx, user_id)
    return "" if user is None else rules.likely_name(user.email)


async def appoint_operator(tx: Transaction, *, user_id: UUID, now: datetime) -> None:
    """Let a user act for the firm; a second time changes nothing. Raises UnknownUser."""
    if await store.find_user(tx, user_id) is None:
        raise UnknownUser(f"no user {user_id}")
    if await store.appoint(tx, user_id):
        await _record(tx, OperatorAppointed(user_id), user_id, now)


async def open_session(tx: Transaction, *, user_id: UUID, token_mac: bytes) -> None:
    """Accept the token behind `token_mac` for 30 days, or until the session is closed."""
    await store.add_session(tx, token_mac=token_mac, user_id=user_id, lifetime_s=SESSION_LIFETIME_S)


async def close_session(tx: Transaction, *, token_mac: bytes) -> None:
    """Refuse the token from now on; a second time changes nothing."""
    await store.close_session(tx, token_mac)


async def issue_key(
    tx: Transaction,
    *,
    user_id: UUID,
    challenge_id: UUID,
    request_key: str,
    instance_secret: bytes,
    now: datetime,
) -> IssuedKey:
    """
    Return an API key that acts for the user on one challenge, through all of its phases.

    The same `request_key` names the same key, so a repeated request gets the same secret for a
    day; the answer therefore need not be stored anywhere. Raises SecretShown after that.
    """
    key_uuid = derive("api-key", user_id, challenge_id, request_key)
    key_id = secrecy.key_id_of(key_uuid)
    key = ApiKey(key_id=key_id, user_id=user_id, challenge_id=challenge_id, is_revoked=False)
    if await store.add_key(tx, key, now=now):
        await _record(tx, ApiKeyIssued(user_id, key_id, challenge_id), user_id, now)
    elif not await store.is_key_fresh(tx, key_id, shown_for_s=SECRET_SHOWN_FOR_S):
        raise SecretShown(f"the secret of {key_id} was shown once; ask for another key")
    return IssuedKey(key_id=key_id, secret=secrecy.key_secret(instance_secret, key_id))


async def revoke_key(tx: Transaction, *, user_id: UUID, key_id: str, now: datetime) -> None:
    """Refuse the key from now on. Raises UnknownKey unless it is the user's and still works."""
    known = rules.is_key_id(key_id)
    if not known or not await store.revoke_key(tx, key_id, user_id=user_id, now=now):
        raise UnknownKey(f"no key {key_id[:20]!r} of yours that still works")
    await _record(tx, ApiKeyRevoked(user_id, key_id), user_id, now)


async def admit_login(tx: Transaction, *, account_mac: bytes, address_mac: bytes) -> None:
    """
    Count a login as failed before its password is looked at; `forgive_login` takes that back.

    So many at once cannot all pass before the first is counted. Raises Throttled, and counts
    nothing, if the account from this address, or the address, has failed too often.
    """
    allowed = {account_mac: rules.LOGIN_FAILURES_MAX, address_mac: rules.ADDRESS_FAILURES_MAX}
    await store.count_login_failure(tx, list(allowed), window_s=rules.LOGIN_WINDOW_S)
    wait_s = await store.worst_login_tries(tx, allowed)
    if wait_s is not None:
        raise Throttled("too many failed logins; wait, then try again", retry_after_s=wait_s)


async def forgive_login(tx: Transaction, *, account_mac: bytes, address_mac: bytes) -> None:
    """Start anew for an account that got its password right; its address has failed once less."""
    # In the order in which they are counted, or two logins could wait for each other.
    await store.lock_login_tries(tx, [account_mac, address_mac])
    await store.forget_login_failures(tx, account_mac)
    await store.uncount_login_failure(tx, address_mac)


async def _record(
    tx: Transaction,
    event: UserSignedUp | ApiKeyIssued | ApiKeyRevoked | OperatorAppointed,
    user_id: UUID,
    now: datetime,
) -> None:
    by = "system:identity" if isinstance(event, OperatorAppointed) else f"user:{user_id}"
    await trail.record(tx, Fact(event=event, stream=f"user:{user_id}", at=now, by=by))
