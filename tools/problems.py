"""
Writes docs/problems.md: every problem that the API may answer with, from the code that raises it.

    .venv/bin/python tools/problems.py      write the page
    .venv/bin/python tools/problems.py -    print it

A type is as stable as its page: a test compares the two, so neither changes alone.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tradesense.app import api, errors  # `api` imports whatever a route may raise
from tradesense.kernel.errors import (
    Conflict,
    Forbidden,
    Invalid,
    InvariantBroken,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Throttled,
    TradeSenseError,
    Unauthenticated,
    Unavailable,
)

PAGE = Path(__file__).parent.parent / "docs" / "problems.md"

HEAD = """# Problems: what the API answers when it does not do what was asked

Every refusal under `/api/` and `/webhooks/` is `application/problem+json` (RFC 9457):

```json
{"type": "urn:tradesense:payments.over_refund", "title": "Unprocessable Entity", "status": 422,
 "detail": "60000 asked back, but of 54000 received only 54000 can still go back ...",
 "code": "payments.over_refund"}
```

`type` is for programs: it never changes its meaning. It is a name and no address; the same name
without `urn:tradesense:` is an anchor of this page, as in `problems.md#payments.over_refund`.
`detail` is for people: it says what is wrong with this request, and what would be right; its words
may change. `errors` lists single fields (`field`, `detail`) where there are some.

**A refusal with 4xx has changed nothing**, but for what the rules want on the record: a forged
webhook, a failed login. Under `/v2` the same refusals come as clients of Alpaca read them:
`{"code": 42210000, "message": "..."}`, the first three digits being the status.

This page is written by `tools/problems.py` from the code; a test compares the two.
"""

# Who must act, and what to do; in the order in which a caller meets them.
FAMILIES: dict[type[TradeSenseError], tuple[str, str]] = {
    Invalid: (
        "You: the request makes no sense as written",
        "Change the request as `detail` says, and send it under a new Idempotency-Key.",
    ),
    Unauthenticated: (
        "You: we do not know who is asking",
        "Sign in (`POST /api/v1/sessions`), or send an API key; then ask again.",
    ),
    Forbidden: (
        "Somebody else: you may not",
        "Let somebody ask who may; where two people must agree, somebody else than the first.",
    ),
    NotFound: (
        "You: there is no such thing, or not for you",
        "Look the id up in a list; what is another's looks like nothing.",
    ),
    Conflict: (
        "You, after a look: it contradicts what has happened",
        "Read how things stand now and decide again. What was done already is not done twice.",
    ),
    Throttled: (
        "Time: too often",
        "Wait for as many seconds as `Retry-After` says.",
    ),
    Rejected: (
        "You: a rule says no",
        "Change what `detail` names before you ask again.",
    ),
    Unavailable: (
        "Time: it did not happen",
        "Ask again after `Retry-After`, under the same Idempotency-Key.",
    ),
    OutcomeUnknown: (
        "Time: it may have happened",
        "Ask again under the same Idempotency-Key, which finds out; never under another.",
    ),
    InvariantBroken: (
        "Us: our own records disagree",
        "Nothing you can do: it is logged with its cause, and nothing was changed.",
    ),
}
# Said at a command line or in a log, and never in an answer.
NEVER_SENT = {
    "infra.bad_setting", "infra.no_place", "infra.secrets_unreadable", "infra.still_running",
    "infra.too_powerful", "market.bad_prices", "market.bad_reset", "market.tape_moved",
}  # fmt: skip
BY_FRAMEWORK = {
    "invalid": (422, "A field is missing, too much, or of another type; `errors` names each."),
    "bad_request": (400, "The body cannot be read: no UTF-8, or nested or numbered absurdly."),
    "method_not_allowed": (405, "The address takes other methods than this one."),
    "too_large": (413, "The body is larger than any request of ours."),
    "http": (400, "Any other error of HTTP itself; `status` says which."),
    "internal": (500, "A fault of ours that nobody thought of; it is logged with its cause."),
}


def kinds_of(family: type[TradeSenseError]) -> Iterator[type[TradeSenseError]]:
    """Yield `family` and all its kinds, as far as they are imported."""
    yield family
    for kind in family.__subclasses__():
        yield from kinds_of(kind)


def page(kinds: Iterable[type[TradeSenseError]]) -> str:
    """Return the page about `kinds`."""
    told: dict[type[TradeSenseError], dict[str, str]] = {family: {} for family in FAMILIES}
    # Kinds that share a type say it more closely; what the type means, the first one says.
    for kind in kinds:
        family = next((each for each in FAMILIES if issubclass(kind, each)), None)
        if family is not None and "code" in vars(kind) and kind.code not in NEVER_SENT:
            told[family].setdefault(kind.code, _row(kind.code, _status(kind), _meaning(kind)))
    sections = [
        _section(*FAMILIES[family], [rows[code] for code in sorted(rows)])
        for family, rows in told.items()
    ]
    own = [_row(code, *said) for code, said in BY_FRAMEWORK.items() if code != "invalid"]
    words = "Look at `/docs` for what there is; `internal` is ours to mend."
    return "\n".join([HEAD, *sections, _section("HTTP itself", words, own)])


def _section(who: str, what_to_do: str, rows: list[str]) -> str:
    head = f"## {who}\n\n**What to do:** {what_to_do}\n\n| type | status | meaning |\n|---|---|---|"
    return "\n".join([head, *rows, ""])


def _row(code: str, status: int, meaning: str) -> str:
    return f'| <a id="{code}"></a>`urn:tradesense:{code}` | {status} | {meaning} |'


def _status(kind: type[TradeSenseError]) -> int:
    family = next(each for each in errors.STATUS if issubclass(kind, each))
    return getattr(kind, "http_status", errors.STATUS[family])


def _meaning(kind: type[TradeSenseError]) -> str:
    if kind.code in BY_FRAMEWORK:
        return BY_FRAMEWORK[kind.code][1]
    first = (kind.__doc__ or "").strip().partition("\n\n")[0]
    return " ".join(first.split()).replace("|", "\\|")


def main(arguments: list[str]) -> None:
    """Write the page, or print it."""
    assert api.ROUTERS, "without its routes there are no refusals"  # noqa: S101 -- see above
    text = page(kinds_of(TradeSenseError))
    if arguments == ["-"]:
        sys.stdout.write(text)
    else:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
