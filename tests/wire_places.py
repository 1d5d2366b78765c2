"""Where in an HTTP/1.1 message a byte stands: a partition of its bytes into named places."""

from collections.abc import Iterator
from dataclasses import dataclass

END = b"\r\n"


@dataclass(frozen=True)
class Span:
    """The bytes [start, end) of a message; several spans may have one `place`."""

    place: str
    start: int
    end: int


def spans(message: bytes, side: str) -> list[Span]:
    """Return every byte of a message in exactly one span, in their order; `side` begins names."""
    return [
        Span(f"{side}: {place}", start, end) for place, start, end in _parts(message) if end > start
    ]


def _parts(message: bytes) -> Iterator[tuple[str, int, int]]:
    head = message.index(END + END) + 2 * len(END)
    first = message.index(END)
    yield "first line", 0, first
    yield "end of first line", first, first + len(END)
    start = first + len(END)
    while start < head - len(END):
        end = message.index(END, start)
        colon = message.index(b":", start, end)
        value = colon + 1 + (message[colon + 1 : colon + 2] == b" ")
        yield "header name", start, colon
        yield "header colon", colon, value
        yield "header value", value, end
        yield "end of header", end, end + len(END)
        start = end + len(END)
    yield "blank line", head - len(END), head
    last = max(head, len(message) - 1)
    yield "first byte of body", head, min(head + 1, last)
    yield "middle of body", min(head + 1, last), last
    yield "last byte of body", last, len(message)


def middle_of(message: bytes, side: str, place: str) -> int | None:
    """Return a byte in the middle of a place, the middle one of several; None if it has none."""
    found = [span for span in spans(message, side) if span.place == place]
    if not found:
        return None
    span = found[len(found) // 2]
    return (span.start + span.end) // 2


def place_of(message: bytes, side: str, position: int) -> str:
    """Return the place of one byte; there is exactly one."""
    (place,) = {span.place for span in spans(message, side) if span.start <= position < span.end}
    return place
