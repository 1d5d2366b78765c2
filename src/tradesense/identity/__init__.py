"""
Who is asking, and what they may do.

Owns     the tables `identity_users`, `identity_sessions`, `identity_keys` and
         `identity_login_tries`.
Promises an account per address; no password, token or API secret is kept in a form that opens
         anything; a wrong password and an unknown address look and last the same.
Speaks   UserSignedUp, ApiKeyIssued, ApiKeyRevoked, OperatorAppointed on `user:<id>`: never an
         address, a name or a network address.

Edges learn who is asking from `identity.caller` (`CallerFromRequest`).
"""

from tradesense.identity.model import Caller, IssuedKey, User
from tradesense.identity.secrecy import hash_password, instance_secret
from tradesense.identity.service import (
    EmailTaken,
    SecretShown,
    UnknownKey,
    UnknownUser,
    appoint_operator,
    close_session,
    get_user_by_email,
    issue_key,
    likely_name,
    open_session,
    revoke_key,
    sign_up,
)

__all__ = [
    "Caller",
    "EmailTaken",
    "IssuedKey",
    "SecretShown",
    "UnknownKey",
    "UnknownUser",
    "User",
    "appoint_operator",
    "close_session",
    "get_user_by_email",
    "hash_password",
    "instance_secret",
    "issue_key",
    "likely_name",
    "open_session",
    "revoke_key",
    "sign_up",
]
