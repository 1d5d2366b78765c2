"""How a fact becomes bytes: canonical, and recognisable by its end."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesense.kernel.canonical import canonical
from tradesense.kernel.events import Event
from tradesense.trail import Fact
from tradesense.trail.model import Entry
from tradesense.trail.rules import head, link, tail

MOMENT = datetime(2014, 5, 2, 12, 30, 0, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Noted(Event):
    text: str
    number: int


def fact(**changes):
    told = {"event": Noted("x", 1), "stream": "account:1", "at": MOMENT, "by": "user:7"}
    return Fact(**told | changes)


names = st.from_regex(r"[A-Za-z0-9._:/@+-]{1,20}", fullmatch=True)


@given(st.text(), st.integers(), names, st.integers(1, 2**53 - 1), st.none() | st.text())
def test_head_and_tail_make_canonical_json(text, number, name, version, cause):
    stream = f"account:{name}"
    prev = link(text.encode("utf-8", "surrogatepass")) if number % 2 else ""
    said = fact(event=Noted(text, number), stream=stream, cause=cause)
    try:
        whole = canonical(
            {
                "at": MOMENT, "by": "user:7", "cause": cause, "data": said.event, "kind": "Noted",
                "prev": prev, "stream": stream, "v": 1, "version": version,
            }
        )  # fmt: skip
    except UnicodeEncodeError:
        return  # lone surrogates are no text

    made = head(said) + tail(stream=stream, version=version, kind="Noted", prev=prev)

    assert made == whole
    entry = Entry.read(made, entry_id=3, position=None)
    assert (entry.stream, entry.version, entry.kind, entry.cause) == (
        stream, version, "Noted", cause,
    )  # fmt: skip
    assert entry.at == MOMENT
    assert entry.data["text"] == text


@given(st.text())
def test_nothing_that_is_said_can_pass_for_the_end_of_an_entry(text):
    end = tail(stream="account:2", version=9, kind="Paid", prev="")
    try:
        made = head(fact(event=Noted(text + end.decode(), 1)))
    except UnicodeEncodeError:
        return

    made += tail(stream="account:1", version=1, kind="Noted", prev="")

    assert not made.endswith(end)
    assert json.loads(made)["stream"] == "account:1"


@pytest.mark.parametrize(
    "changes",
    [
        {"stream": "account"},
        {"stream": "account:"},
        {"stream": "account:1\n"},
        {"stream": 'account:"1"'},
        {"stream": "account:1\\"},
        {"stream": "Account:1"},
        {"stream": "account:é"},
        {"by": ""},
        {"by": "jane"},
        {"by": 'user:"'},
    ],
)
def test_what_is_no_name_is_refused(changes):
    with pytest.raises(ValueError, match="named like"):
        head(fact(**changes))


def test_a_float_is_refused():
    with pytest.raises(TypeError, match="no exact JSON"):
        head(fact(event=Noted("x", 0.5)))
