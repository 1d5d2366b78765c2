"""The opening of an account: what its first entry states must be what the sealed terms say."""

from typing import Any

from tradesense_verify.findings import Wrong
from tradesense_verify.log.entries import Entry, number_of
from tradesense_verify.rules.account import Account, derived_id
from tradesense_verify.rules.instants import day_of
from tradesense_verify.rules.terms import PART, Terms


def open_account(terms: Terms, entry: Entry, terms_sha256: str) -> Account:
    """Return the account on its first day. Raises Wrong where entry and terms differ."""
    data = entry.data
    if data.get("terms_sha256") != terms_sha256:
        raise Wrong(PART, f"are not the terms sealed in {entry}: sha256 {terms_sha256}")
    at_us = entry.at_us()
    account = Account(
        account_id=str(data.get("account_id")),
        challenge_id=str(data.get("challenge_id")),
        terms=terms,
        day=day_of(at_us, terms.reset_time, terms.reset_zone),
        balance=terms.initial_minor,
        reset_balance=terms.initial_minor,
        seq=number_of(entry, "price_seq"),
        now_us=at_us,
    )
    expected = _stated(account, terms_sha256)
    for name in sorted(expected.keys() | data.keys()):
        if expected.get(name) != data.get(name):
            said = f"{name} is {data.get(name)!r}, by the terms {expected.get(name)!r}"
            raise Wrong("recomputation", f"{entry}: {said}")
    return account


def _stated(account: Account, terms_sha256: str) -> dict[str, Any]:
    terms = account.terms
    return {
        "account_id": derived_id(account.challenge_id, terms.phase),
        "challenge_id": account.challenge_id,
        "phase": terms.phase,
        "price_seq": account.seq,
        "input_seq": 1,
        "currency": terms.currency,
        "initial_minor": terms.initial_minor,
        "leverage": terms.leverage,
        "reset": terms.reset,
        "day": account.day.isoformat(),
        "floors": account.floors(),
        "terms_sha256": terms_sha256,
    }
