"""Canonical JSON against an independent implementation of RFC 8785, and where it refuses."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import Enum, StrEnum
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from tradesense.kernel.canonical import INTEGER_MAX, canonical, jsonable

# Any text that UTF-8 can carry: half a surrogate pair is not text.
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = st.text(st.characters(max_codepoint=127))
LEAVES = st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | TEXT
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=30
)


class Side(StrEnum):
    BUY = "buy"


class Level(Enum):
    HIGH = 3


@dataclass(frozen=True, slots=True)
class Filled:
    order_id: UUID
    side: Side
    qty: int
    at: datetime


@given(VALUES)
def test_equals_an_independent_rfc_8785(value):
    assert canonical(value) == rfc8785.dumps(value)


@given(VALUES)
def test_survives_a_round_trip(value):
    assert canonical(json.loads(canonical(value))) == canonical(value)


@given(st.dictionaries(KEYS, LEAVES, min_size=2), st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(value, chance):
    keys = list(value)
    chance.shuffle(keys)
    assert canonical({key: value[key] for key in keys}) == canonical(value)


@given(st.integers())
def test_integers_beyond_a_double_become_text(value):
    plain = json.loads(canonical(value))
    assert plain == value if abs(value) <= INTEGER_MAX else plain == str(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (INTEGER_MAX, b"9007199254740991"),
        (INTEGER_MAX + 1, b'"9007199254740992"'),
        (-INTEGER_MAX, b"-9007199254740991"),
        (-INTEGER_MAX - 1, b'"-9007199254740992"'),
        (True, b"true"),
        ('\u20ac$\u000f\nA\'B"\\\\"/', b'"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'),
        ("\x7f\u2028", b'"\x7f\xe2\x80\xa8"'),
        (date(2014, 5, 2), b'"2014-05-02"'),
        (Side.BUY, b'"buy"'),
        (Level.HIGH, b"3"),
        ((1, 2), b"[1,2]"),
        ({"b": 1, "a": [], "B": {}}, b'{"B":{},"a":[],"b":1}'),
    ],
)
def test_is_written_exactly_so(value, text):
    assert canonical(value) == text


def test_a_dataclass_is_its_fields():
    moment = datetime(2014, 5, 2, 14, 30, 0, 1, tzinfo=timezone(timedelta(hours=2)))
    filled = Filled(UUID(int=1), Side.BUY, 100_000, moment)
    assert jsonable(filled) == {
        "order_id": "00000000-0000-0000-0000-000000000001",
        "side": "buy",
        "qty": 100_000,
        "at": "2014-05-02T12:30:00.000001Z",
    }


@pytest.mark.parametrize("value", [1.0, float("nan"), b"x", {1: 2}, {"é": 1}, {1, 2}, Filled])
def test_refuses_what_has_no_exact_json(value):
    with pytest.raises(TypeError):
        canonical({"value": value})


def test_refuses_half_a_surrogate_pair():
    with pytest.raises(UnicodeEncodeError):
        canonical("\ud800")


def test_refuses_a_moment_without_a_zone():
    with pytest.raises(ValueError, match="no time zone"):
        canonical(datetime(2014, 5, 2))  # noqa: DTZ001 -- that is the point


def test_a_moment_is_utc_to_the_microsecond():
    assert canonical(datetime(2014, 5, 2, tzinfo=UTC)) == b'"2014-05-02T00:00:00.000000Z"'


@dataclass(frozen=True, slots=True)
class Told:
    z: object
    a: object
    inner: object


NOUNS = st.recursive(
    VALUES | st.integers() | st.uuids() | st.datetimes(timezones=st.just(UTC)) | st.dates()
    | st.sampled_from([*Side, *Level]),
    lambda inner: st.builds(Told, inner, inner, inner),
    max_leaves=20,
)  # fmt: skip


@given(NOUNS)
def test_nouns_are_written_as_their_plain_json_is(value):
    assert canonical(value) == rfc8785.dumps(jsonable(value))
