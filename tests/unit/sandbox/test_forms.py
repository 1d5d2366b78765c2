"""Stripe's form encoding, read as the official client writes it."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe._encode import _api_encode

from tradesense.app.sandbox.stripe.answers import Refused
from tradesense.app.sandbox.stripe.forms import parse


@pytest.mark.parametrize(
    ("encoded", "params"),
    [
        (b"", {}),
        (b"amount=1&currency=usd", {"amount": "1", "currency": "usd"}),
        (b"metadata[a]=1&metadata[b]=2", {"metadata": {"a": "1", "b": "2"}}),
        (b"expand[]=x&expand[]=y", {"expand": ["x", "y"]}),
        (b"expand[0]=x&expand[1]=y", {"expand": ["x", "y"]}),
        (b"created[gte]=5", {"created": {"gte": "5"}}),
        (b"a[b][c]=1", {"a": {"b": {"c": "1"}}}),
        (b"a=%C3%A9", {"a": "\u00e9"}),
        (b"a=", {"a": ""}),
    ],
)
def test_nested_parameters_become_a_tree(encoded, params):
    assert parse(encoded) == params


@pytest.mark.parametrize("encoded", [b"\xff", b"a[b=1", b"a]=1", b"[]=1", b"a=1&a[b]=2", b"a=%ff"])
def test_nonsense_is_refused(encoded):
    with pytest.raises(Refused):
        parse(encoded)


def test_too_many_parameters_are_refused():
    with pytest.raises(Refused):
        parse(b"&".join(b"a%d=1" % number for number in range(1_000)))


names = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
trees = st.dictionaries(
    names,
    texts | st.lists(texts, min_size=1, max_size=4) | st.dictionaries(names, texts, min_size=1),
    max_size=5,
)


@given(trees)
def test_what_the_official_client_writes_is_read_back(tree):
    assert parse(urlencode(list(_api_encode(tree))).encode()) == tree
