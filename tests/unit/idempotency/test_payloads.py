"""Two requests say the same, or they do not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesense.resilience.idempotency import digest

JSON = "application/json"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def of(body=b"{}", **changes):
    said = {"name": "ada key", "path": "/orders", "query": (), "media_type": JSON}
    return digest(b"s" * 32, **{**said, **changes}, body=body)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"a":1,"b":2}', b'{ "b" : 2,\n"a" : 1 }'),
        (b'{"a":{"x":[1],"y":null}}', b'{"a":{"y":null,"x":[1]}}'),
        (b'"\\u00e9"', '"é"'.encode()),
        (b'"a\\/b"', b'"a/b"'),
        ("1".encode("utf-16"), b"1"),
    ],
)
def test_the_same_json(one, other):
    assert of(one) == of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"[1,2]", b"[2,1]"),
        (b"1", b"true"),
        (b"1", b'"1"'),
        (b"0.1", b"0.10000000000000000001"),
        (b"1e400", b"1e500"),
        (b"1.5", b'["number","1.5"]'),
        (b'{"a":1}', b'[["a",1]]'),
        (b'{"a":1}', b'["object",[["a",1]]]'),
        (b"[]", b'["array"]'),
        (b"{}", b"[]"),
        (b"{}", b""),
        (b"{", b"["),
        (b"NaN", b'"NaN"'),
    ],
)
def test_other_json(one, other):
    assert of(one) != of(other)


@pytest.mark.parametrize(
    "other",
    [
        {"name": "bob key"},
        {"path": "/orders/1"},
        {"query": (("a", "1"),)},
        {"media_type": "text/plain"},
    ],
)
def test_other_circumstances(other):
    assert of() != of(**other)


def test_the_order_of_repeated_parameters_matters_and_of_others_not():
    assert of(query=(("a", "1"), ("b", "2"))) == of(query=(("b", "2"), ("a", "1")))
    assert of(query=(("a", "1"), ("a", "2"))) != of(query=(("a", "2"), ("a", "1")))


def test_what_is_no_json_is_compared_byte_by_byte():
    assert of(b'{"a": 1}', media_type="text/plain") != of(b'{"a":1}', media_type="text/plain")
    assert of(b"{ ", media_type=JSON) != of(b"{", media_type=JSON)


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/x.v1+json"])
def test_json_has_many_names(kind):
    assert of(b'{"a": 1}', media_type=kind) == of(b'{"a":1}', media_type=kind)


@pytest.mark.parametrize("body", [b"[" * 100_000, b"9" * 10_000, b"\xff\xfe\x00", b'"\\ud800"'])
def test_hostile_bodies_have_a_digest(body):
    assert len(of(body)) == 32


def test_without_the_secret_nobody_can_guess():
    said = {"name": "n", "path": "/", "query": (), "media_type": JSON, "body": b'"password"'}
    assert digest(b"a" * 32, **said) != digest(b"b" * 32, **said)


@given(VALUES, VALUES)
def test_equal_values_and_only_they_are_the_same(one, other):
    """As `json.dumps` writes them: numbers by their text, so 1 and 1.0 differ."""
    texts = [json.dumps(value, sort_keys=True) for value in (one, other)]
    bodies = [json.dumps(value, indent=1).encode() for value in (one, other)]
    assert (of(bodies[0]) == of(bodies[1])) == (texts[0] == texts[1])
