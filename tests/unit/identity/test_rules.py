"""What an address and a password may look like, on each side of every boundary."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesense.identity.rules import (
    BadEmail,
    BadPassword,
    likely_name,
    normalise_email,
    normalise_password,
)


@pytest.mark.parametrize(
    ("written", "known_as"),
    [
        ("ada@example.com", "ada@example.com"),
        ("  Ada.Lovelace@Example.COM ", "ada.lovelace@example.com"),
        ("a+b@sub.example.co.uk", "a+b@sub.example.co.uk"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("x" * 64 + "@example.com", "x" * 64 + "@example.com"),
    ],
)
def test_an_address_has_one_spelling(written, known_as):
    assert normalise_email(written) == known_as
    assert normalise_email(known_as) == known_as


@pytest.mark.parametrize(
    "written",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@localhost",
        "ada@-example.com",
        "ada@example..com",
        "ada@exam ple.com",
        "ada..b@example.com",
        ".ada@example.com",
        "a da@example.com",
        'ada"@example.com',
        "ada@example.com\nbcc: eve@example.com",
        "ada@[127.0.0.1]",
        "ädä@example.com",
        "x" * 65 + "@example.com",
        "ada@" + "x" * 64 + ".com",
        "ada@" + ".".join(["x" * 60] * 5),
    ],
)
def test_what_cannot_receive_mail_is_refused(written):
    with pytest.raises(BadEmail):
        normalise_email(written)


@given(st.text())
def test_any_text_is_an_address_or_refused(written):
    try:
        address = normalise_email(written)
    except BadEmail:
        return
    assert address.isascii()
    assert normalise_email(address) == address


@pytest.mark.parametrize(
    ("password", "is_allowed"),
    [
        ("x" * 9, False),
        ("x" * 10, True),
        ("x" * 256, True),
        ("x" * 257, False),
        ("correct horse battery staple", True),
        ("пароль-длинный", True),
        ("ten\x00chars.", False),
        ("two\nlines..", False),
    ],
)
def test_passwords_are_long_enough_and_text(password, is_allowed):
    if is_allowed:
        assert normalise_password(password)
    else:
        with pytest.raises(BadPassword):
            normalise_password(password)


def test_a_password_typed_on_another_keyboard_is_the_same():
    composed, decomposed = "caf\u00e9-caf\u00e9-caf\u00e9", "cafe\u0301-cafe\u0301-cafe\u0301"
    assert normalise_password(composed) == normalise_password(decomposed)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("ada.lovelace@example.com", "ada lovelace"),
        ("ada_lovelace2+shop@example.com", "ada lovelace"),
        ("j.r.hartley@example.com", "hartley"),
        ("trader@example.com", "trader"),
        ("007@example.com", ""),
    ],
)
def test_the_words_of_an_address_may_be_a_name(address, name):
    assert likely_name(address) == name
