"""Entries of a stream: canonical, gapless, each naming the one before by its hash."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tradesense_verify.findings import Wrong

LAYOUT = 1
NESTED_MAX = 32  # terms and entries nest five deep
KEYS = {"at", "by", "cause", "data", "kind", "prev", "stream", "v", "version"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One fact as the log holds it; `text` are its exact bytes, `where` its file and line."""

    where: str
    text: bytes
    stream: str
    version: int
    kind: str
    at: str
    prev: str
    data: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.where} ({self.kind})"

    def at_us(self) -> int:
        """Return the entry's date in microseconds since 1970."""
        return moment_us(self.at)


def read_entries(part: str, text: bytes) -> list[Entry]:
    """Return the entries of a .jsonl file. Raises Wrong for the first line that is none."""
    if text and not text.endswith(b"\n"):
        raise Wrong(part, "its last line is cut off")
    return [
        _entry(part, f"{part} line {number}", line)
        for number, line in enumerate(text.split(b"\n")[:-1], start=1)
    ]


def check_links(part: str, entries: list[Entry], *, stream: str, from_start: bool) -> None:
    """
    Check that `entries` follow each other in `stream` without a gap.

    With `from_start` the first is the stream's first. Raises Wrong naming the first bad line.
    """
    before: Entry | None = None
    for entry in entries:
        if entry.stream != stream:
            raise Wrong(part, f"{entry} belongs to {entry.stream}, not to {stream}")
        if before is None:
            if from_start and (entry.version, entry.prev) != (1, ""):
                raise Wrong(part, f"{entry} is version {entry.version}; the beginning is missing")
        elif entry.version != before.version + 1:
            raise Wrong(part, f"{entry} is version {entry.version} after {before.version}: a gap")
        elif entry.prev != hashlib.sha256(before.text).hexdigest():
            raise Wrong(part, f"{entry} names another entry before it than {before}")
        before = entry


def _entry(part: str, where: str, line: bytes) -> Entry:
    try:
        told = parse(line)
    except ValueError:
        raise Wrong(part, f"{where} is not JSON") from None
    if not isinstance(told, dict) or set(told) != KEYS or told["v"] != LAYOUT:
        raise Wrong(part, f"{where} is no entry of layout {LAYOUT}")
    if canonical(told) != line:
        raise Wrong(part, f"{where} is not in canonical form (RFC 8785)")
    if (
        not isinstance(told["data"], dict)
        or not isinstance(told["version"], int)
        or not all(isinstance(told[each], str) for each in ("at", "kind", "prev", "stream"))
        or moment_us(told["at"]) < 0
    ):
        raise Wrong(part, f"{where} has not the fields of an entry")
    return Entry(
        where=where,
        text=line,
        stream=told["stream"],
        version=told["version"],
        kind=told["kind"],
        at=told["at"],
        prev=told["prev"],
        data=told["data"],
    )


def number_of(entry: Entry, name: str) -> int:
    """Return a whole number that the entry states. Raises Wrong if it states none."""
    value = entry.data.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Wrong(entry.where.partition(" ")[0], f"{entry} has no number {name}")
    return value


def moment_us(text: str) -> int:
    """Return microseconds since 1970 of `2014-05-02T12:30:00.123456Z`; -1 if it is none."""
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        return -1
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def parse(text: bytes) -> Any:
    """Return the JSON value in `text`. Raises ValueError if it is none, or nests too deeply."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("it nests too deeply") from None
    if text.count(b"[") + text.count(b"{") > NESTED_MAX and _is_deep(value):
        raise ValueError("it nests too deeply")
    return value


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(NESTED_MAX):
        lists = [each for each in level if isinstance(each, list)]
        objects = [each.values() for each in level if isinstance(each, dict)]
        level = [each for inner in (*lists, *objects) for each in inner]
    return bool(level)


def canonical(value: object) -> bytes:
    """Return canonical JSON (RFC 8785) of what has ASCII keys and no floats."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")
