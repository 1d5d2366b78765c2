"""Which `Idempotency-Key` headers are usable, and what key they name."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from tradesense.kernel.errors import Invalid

KEY_LENGTH_MAX = 255
# What eight different characters carry. A random UUID carries far more; "1", "order" and "test-2"
# carry less, and are what a client sends again tomorrow for something else.
KEY_BITS_MIN = 24.0

_ADVICE = "new for each thing you want done; a random UUID is best"
# RFC 8941, section 3.3.3: printable ASCII between quotes, where a backslash quotes " and \.
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_ESCAPE = re.compile(r"\\(.)")
_BARE = re.compile(r"[!-~](?:[ -~]*[!-~])?")


class KeyMissing(Invalid):
    """The request carries no `Idempotency-Key`."""

    code = "idempotency.key_missing"
    http_status: ClassVar[int] = 400


class KeyUnusable(Invalid):
    """The request carries an `Idempotency-Key` that is malformed, too long or too easily met."""

    code = "idempotency.key_unusable"
    http_status: ClassVar[int] = 400


def parse_key(lines: Sequence[str]) -> str | None:
    """
    Return the key that the header's `lines` name, or None if there is no such header.

    A key comes bare, as most clients send it, or quoted as RFC 8941 and the IETF's draft have
    it; both name the same key. Raises KeyUnusable.
    """
    written = [line.strip(" \t") for line in lines]
    if not any(written):
        return None
    if len(written) > 1:
        raise KeyUnusable(f"send one Idempotency-Key header, not {len(written)}")
    key = _unquoted(written[0])
    if not 1 <= len(key) <= KEY_LENGTH_MAX:
        raise KeyUnusable(f"an Idempotency-Key has 1 to {KEY_LENGTH_MAX} characters")
    if bits(key) < KEY_BITS_MIN:
        raise KeyUnusable(
            "this Idempotency-Key is too easily met again: take at least eight different "
            f"characters, {_ADVICE}"
        )
    return key


def require_key(lines: Sequence[str]) -> str:
    """Return the key that the header's `lines` name. Raises KeyMissing, KeyUnusable."""
    key = parse_key(lines)
    if key is None:
        raise KeyMissing(
            f"send an Idempotency-Key header of up to {KEY_LENGTH_MAX} characters, {_ADVICE}"
        )
    return key


def bits(key: str) -> float:
    """Return the most bits that a text with these characters, so often each, can carry."""
    length = len(key)
    return length * math.log2(length) - sum(n * math.log2(n) for n in Counter(key).values())


def _unquoted(written: str) -> str:
    if written.startswith('"'):
        quoted = _QUOTED.fullmatch(written)
        if quoted is None:
            raise KeyUnusable('a quoted Idempotency-Key is "…" and nothing after it (RFC 8941)')
        return _ESCAPE.sub(r"\1", quoted[1])
    if _BARE.fullmatch(written) is None:
        raise KeyUnusable("an Idempotency-Key consists of printable ASCII characters")
    return written
