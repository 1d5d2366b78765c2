"""Which headers name a key, and which."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesense.resilience.idempotency import (
    KEY_BITS_MIN,
    KEY_LENGTH_MAX,
    KeyMissing,
    KeyUnusable,
    parse_key,
)
from tradesense.resilience.idempotency.keys import bits, require_key

LONG = ("0123456789abcdef" * 16)[:KEY_LENGTH_MAX]
PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ('"8e03978e-40d5-43dd-bc93-6894a57f9324"', "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        (r'"quoted \"and\" \\ escaped"', r'quoted "and" \ escaped'),
        ("order of 12 eggs", "order of 12 eggs"),
        ('eggs"of"ada 1', 'eggs"of"ada 1'),
        ("  abcdefgh\t", "abcdefgh"),
        ("abcdefgh", "abcdefgh"),
        (LONG, LONG),
        (f'"{LONG}"', LONG),
    ],
)
def test_a_usable_key(written, key):
    assert parse_key([written]) == key


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("abcdefg", "eight different characters"),
        ("a" * 100, "eight different characters"),
        ("20261123", "eight different characters"),
        (LONG + "x", "1 to 255"),
        (f'"{LONG}x"', "1 to 255"),
        ('""', "1 to 255"),
        ('"never closed-1', "RFC 8941"),
        ('"closed"-too-soon', "RFC 8941"),
        (r'"escapes \n nothing"', "RFC 8941"),
        ('"with";parameters=1', "RFC 8941"),
        ("tab\tinside-1", "printable ASCII"),
        ("ünsafe-key-1", "printable ASCII"),
        ("nul\x00inside-1", "printable ASCII"),
        ("del\x7finside-1", "printable ASCII"),
        ('"quoted ünsafe-1"', "RFC 8941"),
    ],
)
def test_an_unusable_key_says_what_would_be(written, says):
    with pytest.raises(KeyUnusable, match=says):
        parse_key([written])


def test_two_keys_are_none():
    with pytest.raises(KeyUnusable, match="one Idempotency-Key header, not 2"):
        parse_key([LONG, LONG])


@pytest.mark.parametrize("lines", [[], [""], [" \t"]])
def test_no_key_is_missing_where_one_is_required(lines):
    assert parse_key(lines) is None
    with pytest.raises(KeyMissing, match="send an Idempotency-Key"):
        require_key(lines)


def test_what_characters_carry():
    assert bits("abcdefgh") == KEY_BITS_MIN
    assert bits("aaaaaaaa") == 0
    assert bits("8e03978e-40d5-43dd-bc93-6894a57f9324") > 4 * KEY_BITS_MIN


@given(PRINTABLE)
def test_quoted_or_bare_it_is_the_same_key_or_neither_is_one(key):
    quoted = '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
    try:
        named = parse_key([quoted])
    except KeyUnusable:
        return
    assert named == key
    if not key.startswith('"') and key == key.strip():
        assert parse_key([key]) == key


@given(st.lists(st.text(), max_size=3))
def test_any_header_is_a_key_none_or_refused(lines):
    try:
        key = parse_key(lines)
    except KeyUnusable:
        return
    assert key is None or (1 <= len(key) <= KEY_LENGTH_MAX and key.isascii() and key.isprintable())
