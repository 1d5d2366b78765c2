"""Secrets follow from the instance's secret, each purpose apart from the others."""

import re
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tradesense.identity import secrecy

SECRET = b"s" * 32


@given(st.uuids())
def test_a_key_id_looks_like_what_existing_clients_send(key_uuid):
    assert re.fullmatch(r"PK[A-Z2-7]{18}", secrecy.key_id_of(key_uuid))


def test_a_key_has_one_secret_per_instance():
    key_id = secrecy.key_id_of(UUID(int=1))
    shown = secrecy.key_secret(SECRET, key_id)

    assert secrecy.is_key_secret(SECRET, key_id, shown)
    assert not secrecy.is_key_secret(b"t" * 32, key_id, shown)
    assert not secrecy.is_key_secret(SECRET, secrecy.key_id_of(UUID(int=2**127)), shown)
    assert not secrecy.is_key_secret(SECRET, key_id, shown[:-1])
    assert not secrecy.is_key_secret(SECRET, key_id, "é")


def test_purposes_never_mix():
    assert secrecy.mac(SECRET, "session", "x") != secrecy.mac(SECRET, "login-address", "x")
    assert len(secrecy.mac(SECRET, "session", "x")) == 32


async def test_a_password_is_known_by_its_hash_only():
    password_hash = await secrecy.hash_password("correct horse")

    assert "correct horse" not in password_hash
    assert password_hash.startswith("$argon2id$")
    assert await secrecy.is_password("correct horse", password_hash)
    assert not await secrecy.is_password("wrong horse", password_hash)
    assert not await secrecy.is_password("correct horse", None)
