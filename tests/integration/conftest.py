"""
People at the platform's whole API.

`visitor`: a client nobody has signed in with. `sign_in(user_id, name)`: somebody who has, with
calls of their own. `olga`: the visitor, signed in; `operator`: the same, acting for the firm.
"""

from uuid import UUID

import httpx
import pytest

from people import Person
from tradesense import identity
from tradesense.app.api import create_app
from tradesense.identity.caller import session_mac

OLGA = UUID(int=0x01_6A)


@pytest.fixture
async def visitor(runtime):
    transport = httpx.ASGITransport(create_app(runtime), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://platform") as client:
        yield client


@pytest.fixture
async def sign_in(visitor, runtime):
    """Let somebody sign up, be appointed if said, and sign in."""

    async def sign(user_id, name, *, is_operator=False):
        async def verb(tx):
            now = runtime.now()
            await identity.sign_up(
                tx, user_id=user_id, email=f"{name}@example.com", password_hash="none", now=now
            )
            if is_operator:
                await identity.appoint_operator(tx, user_id=user_id, now=now)
            await identity.open_session(
                tx, user_id=user_id, token_mac=session_mac(runtime, f"token-{name}")
            )

        await runtime.db.repeat(verb)
        return Person(visitor, user_id, f"token-{name}")

    return sign


@pytest.fixture
async def olga(visitor, sign_in):
    """The visitor, as somebody who has signed in and is no operator; `user_id` says who."""
    signed_in = await sign_in(OLGA, "olga")
    visitor.headers["Authorization"] = f"Bearer {signed_in.token}"
    visitor.user_id = OLGA
    return visitor


@pytest.fixture
async def operator(olga, runtime):
    """The same person, appointed; as the trail calls them."""
    await runtime.db.run(
        lambda tx: identity.appoint_operator(tx, user_id=olga.user_id, now=runtime.now()),
        key="appoint",
    )
    return f"operator:{olga.user_id}"
