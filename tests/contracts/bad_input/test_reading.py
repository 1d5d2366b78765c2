"""
Whatever a reading route is asked, it answers, or says what is wrong: never a fault of ours.

Its path and query parameters come from the OpenAPI document; their values from Hypothesis: what
their schema means, what it nearly means, ids of the world, and text of any kind. The seed is
printed; `--seed N` asks the same again. Nothing that is read changes a table.
"""

from urllib.parse import quote, urlencode

import pytest
import pytest_asyncio
from hypothesis import Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from refusal_document import DOCUMENT
from refusal_judging import MISTAKE, faults
from spoilt_requests import resolved
from table_digests import differing

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVER_ERRORS = 500
EXAMPLES = 60  # per route; more are asked with --seed on a quiet evening
EDGES = {
    "integer": ["0", "-1", "1", "500", "10001", str(2**63 - 1), str(2**63), "9" * 400, "1.5"],
    "boolean": ["true", "0", "maybe"],
    "date": ["0001-01-01", "9999-12-31", "2014-02-29", "2014-05-02", "20140502", "0"],
    "date-time": [
        "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59", "2014-05-02T08:00:00Z",
        "2014-05-02T08:00:00", "2014-05-02T24:00:00Z", "2014-06-30T23:59:60Z", "0", "99999999999",
        "-1e12", "-0001-01-01T00:00:00Z",
    ],
    "string": [
        "", " ", "\0", "a\0b", "\ufffe", "\N{RIGHT-TO-LEFT OVERRIDE}", "%00", "%", "'", "\\", "*",
        "x" * 5_000, "stripe", "bank", "FILL", "USD", "EUR/USD", "clearing:stripe:USD", "bank:USD",
        "trader-payable:a:USD", "purchases", "evt_1", "a:b:c:d", ":", "é:USD", "far",
    ],
}  # fmt: skip
THERE = {
    "account": "bank:USD", "provider": "stripe", "event_id": "evt_1", "written": "EURUSD",
    "case_id": "case-open", "payout_id": "payout-frozen", "incident_id": "incident-open",
    "purchase_id": "purchase-open", "challenge_id": "challenge", "saga_id": "saga",
}  # fmt: skip
ANYTHING = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.integers().map(str),
    st.uuids().map(str),
    st.floats().map(str),
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
)
READ = [
    (path, resolved(methods["get"], DOCUMENT)["parameters"])
    for path, methods in DOCUMENT["paths"].items()
    if methods.get("get", {}).get("parameters")
]
PAGES = [  # for people, and in no document
    (path, [{"in": "path", "name": name, "schema": {"type": "string"}} for name in names])
    for path, names in (
        ("/accounts/{account_id}", ["account_id"]),
        ("/accounts/{account_id}/live", ["account_id"]),
        ("/pay/bank/{payment_id}/{secret}", ["payment_id", "secret"]),
    )
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def keys(world):
    """The headers of a program that trades ada's challenge."""
    issued = f"/api/v1/challenges/{world.names['challenge']}/keys"
    key = (await world.ask("POST", issued, who="ada")).json()
    return {"APCA-API-KEY-ID": key["key_id"], "APCA-API-SECRET-KEY": key["secret"]}


@pytest.mark.parametrize(
    ("path", "parameters"), READ + PAGES, ids=[path for path, _ in READ + PAGES]
)
async def test_whatever_is_asked_is_answered_or_refused_in_clear_words(
    world, keys, seed, path, parameters
):
    before = world.tables()
    who = "jane" if "/operations/" in path else "ada"
    key = keys if path.startswith("/v2") else {}
    drawn = drawn_addresses(world, seed, path, parameters)
    for asked in [*edge_addresses(world, path, parameters), *drawn]:
        answer = await world.ask("GET", asked, who=None if key else who, headers=key)

        assert answer.status_code < SERVER_ERRORS, (asked, answer.text)
        assert answer.status_code not in {401, 403}, "ask as somebody who may"
        assert MISTAKE not in answer.text, asked
        if path.startswith("/api/") and answer.is_client_error:
            assert list(faults(answer)) == [], (asked, answer.text)
    assert differing(before, world.tables()) == set()


def edge_addresses(world, path, parameters):
    """Each edge of each parameter by itself; what the path names is there."""
    there = {
        each["name"]: (world.names.get(THERE.get(each["name"], ""), THERE.get(each["name"], "x")),)
        for each in parameters
        if each["in"] == "path"
    }
    for each in parameters:
        kind, _ = kind_of(each)
        for edge in EDGES.get(kind, EDGES["string"]):
            yield address(path, parameters, there | {each["name"]: (edge,)})


def drawn_addresses(world, seed, path, parameters):
    """So many addresses of a route, drawn from `seed`."""
    found = []

    @seeded(seed)
    @settings(max_examples=EXAMPLES, phases=[Phase.generate], database=None, deadline=None)
    @given(st.fixed_dictionaries({each["name"]: values(world, each) for each in parameters}))
    def draw(drawn):
        found.append(address(path, parameters, drawn))

    draw()
    return found


def values(world, parameter):
    """Lists of values of a parameter: none, one, or several where only one is meant."""
    kind, choices = kind_of(parameter)
    meant = choices + EDGES.get(kind, EDGES["string"]) + [*world.names.values()]
    one = st.one_of(st.sampled_from(meant), ANYTHING)
    if parameter["in"] == "path":
        return st.tuples(one)
    return st.one_of(st.just(()), st.tuples(one), st.lists(one, max_size=4))


def kind_of(parameter):
    """The format or type of a parameter, or of each of several; and its choices, if it has some."""
    shape = parameter["schema"]
    shapes = [each for each in shape.get("anyOf", [shape]) if each.get("type") != "null"]
    inner = shapes[0].get("items", shapes[0])
    return inner.get("format", inner.get("type")), inner.get("enum", [])


def address(path, parameters, drawn):
    query = []
    for each in parameters:
        name, given_values = each["name"], drawn.get(each["name"], ())
        if each["in"] == "path":
            path = path.replace("{%s}" % name, quote(given_values[0], safe=""))  # noqa: UP031 -- braces
        elif each["in"] == "query":
            query += [(name, value) for value in given_values]
    return f"{path}?{urlencode(query)}"
