"""How a fact becomes bytes, and how entries are linked. Pure: no I/O, no clock, no chance."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import sha256

from tradesense.kernel.canonical import canonical
from tradesense.trail.model import FRESH, Extension, Fact, Head, Line

LAYOUT = 1  # the `v` of every entry; a change of layout is a new number, never a new meaning

# No quotes, no backslashes: so a name is written in JSON as it is, and can be found in it.
_STREAM = re.compile(r"[a-z][a-z0-9-]{0,30}:[A-Za-z0-9._:/@+-]{1,160}")
_KIND = re.compile(r"[A-Z][A-Za-z0-9]{0,60}")
_BY = re.compile(r"[a-z]{1,20}:[A-Za-z0-9._:/@+-]{1,160}")


def head(fact: Fact) -> bytes:
    """
    Return how the canonical bytes (RFC 8785) of `fact` begin; `tail` says how they end.

    Keys are sorted, so what depends on the stream comes last. Raises ValueError for names that
    are not names, TypeError for data without exact JSON.
    """
    _require(_STREAM, fact.stream, "a stream is named like account:7f3c")
    _require(_KIND, fact.kind, "an event is named like OrderFilled")
    _require(_BY, fact.by, "whoever did it is named like user:7f3c or system:engine")
    data = canonical(fact.event) if fact.written is None else fact.written
    return b'%s,"data":%s,' % (_circumstances(fact.at, fact.by, fact.cause), data)


@lru_cache(maxsize=256)  # facts come in batches that share them
def _circumstances(at: datetime, by: str, cause: str | None) -> bytes:
    return canonical({"at": at, "by": by, "cause": cause})[:-1]


def tail(*, stream: str, version: int, kind: str, prev: str) -> bytes:
    """
    Return how the canonical bytes of such an entry end.

    `prev` is `link` of the stream's entry before, "" for the first. No name can hold a quote,
    so an entry ends like this if, and only if, it says exactly this about itself.
    """
    text = f'"kind":"{kind}","prev":"{prev}","stream":"{stream}","v":{LAYOUT},"version":{version}}}'
    return text.encode("ascii")


def extend(heads: Mapping[str, Head], facts: Sequence[Fact], told: Sequence[bytes]) -> Extension:
    """
    Return the entries that `facts` become, in their order, in streams that end as `heads` say.

    A stream that `heads` does not name begins now. `told` is `head` of each fact.
    """
    lines, ends = [], dict(heads)
    for fact, begin in zip(facts, told, strict=True):
        stream, kind = fact.stream, fact.kind
        before = ends.get(stream, FRESH)
        version = before.version + 1
        end = tail(stream=stream, version=version, kind=kind, prev=before.link)
        canonical_bytes = begin + end
        lines.append(Line(stream, version, kind, canonical_bytes))
        ends[stream] = Head(version, link(canonical_bytes))
    return Extension(lines, ends)


def link(canonical_bytes: bytes) -> str:
    """Return what the next entry of the stream names as `prev`: SHA-256, in hex."""
    return sha256(canonical_bytes).hexdigest()


def _require(pattern: re.Pattern[str], text: str, example: str) -> None:
    if not pattern.fullmatch(text):
        raise ValueError(f"{text!r}: {example}")
