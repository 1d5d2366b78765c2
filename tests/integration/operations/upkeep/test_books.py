"""The books as operators see them, and the closing of a period."""

from datetime import UTC, datetime, timedelta

import pytest

from conftest import OPENING
from tradesense import ledger, trail
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.ledger import Transfer
from tradesense.ledger.jobs import follow

BOOKS = "/api/v1/operations/books"
CLEARING, DEFERRED = "clearing:stripe:USD", "deferred-revenue:USD"
DAY = timedelta(days=1)


@pytest.fixture
def post(runtime):
    async def write(name, minor, effective_at=OPENING, debit=CLEARING, credit=DEFERRED):
        made = Transfer(
            id=derive(name), debit=debit, credit=credit, amount=Money(minor, "USD"),
            reason=f"sale {name}", effective_at=effective_at,
        )  # fmt: skip
        await runtime.db.run(lambda tx: ledger.post(tx, made, now=runtime.now()), key=name)

    return write


@pytest.fixture
async def get(api, operator):
    async def read(path, **query):
        answer = await api.get(f"{BOOKS}/{path}", params=query)
        assert answer.status_code == 200, (answer.text, operator)
        return answer.json()

    return read


async def periods(runtime):
    async with runtime.db.reading() as tx:
        return await trail.read_stream(tx, "ledger:periods")


async def test_a_balance_is_shown_as_of_then_and_as_known_then(get, post):
    await post("one", 500, effective_at=OPENING - 2 * DAY)
    await post("two", 700)

    now = await get(f"accounts/{CLEARING}/balance")
    then = await get(f"accounts/{DEFERRED}/balance", as_of=(OPENING - DAY).isoformat())
    unknown = await get(f"accounts/{CLEARING}/balance", known_at=OPENING.isoformat())

    assert (now["balance_minor"], now["currency"]) == (1_200, "USD")
    assert (then["balance_minor"], unknown["balance_minor"]) == (500, 0)


async def test_a_statement_has_pages_and_a_range(get, post, runtime, world):
    for number in range(5):
        await post(f"{number}", 100 + number, effective_at=OPENING + number * DAY)
    await world.record()  # seals what was posted
    await follow(runtime)

    whole = (await get(f"accounts/{CLEARING}/statement"))["lines"]
    first = (await get(f"accounts/{CLEARING}/statement", limit=2))["lines"]
    then = await get(f"accounts/{CLEARING}/statement", limit=2, after=first[-1]["version"])
    since, until = (OPENING + DAY).isoformat(), (OPENING + 3 * DAY).isoformat()
    ranged = (await get(f"accounts/{CLEARING}/statement", since=since, until=until))["lines"]

    assert [line["amount_minor"] for line in whole] == [104, 103, 102, 101, 100]
    assert [first, then["lines"]] == [whole[:2], whole[2:4]]
    assert ranged == whole[2:4]  # from `since` on, before `until`
    assert (whole[0]["balance_minor"], whole[0]["reason"]) == (510, "sale 4")


async def test_the_trial_balance_shows_every_account_and_zero_per_currency(get, post):
    await post("one", 500)

    shown = await get("trial-balance")

    assert (shown["is_balanced"], shown["sums_minor"]) == (True, {"USD": 0})
    assert {line["account"]: line["balance_minor"] for line in shown["accounts"]} == {
        CLEARING: 500, DEFERRED: 500,
    }  # fmt: skip


async def test_what_stands_for_too_long_is_late(get, post, clock):
    await post("one", 500, debit="provider-payouts:stripe:USD")
    clock.set(OPENING + 6 * DAY)
    (in_time,) = (await get("ages"))["ages"]
    clock.set(OPENING + 6 * DAY + timedelta(seconds=1))
    (late,) = (await get("ages"))["ages"]

    assert (in_time["is_late"], late["is_late"], late["age_max_s"]) == (False, True, 6 * 86_400)
    assert late["balance_minor"] == 500


async def test_the_chart_names_the_accounts_there_may_be(get):
    names = [kind["name"] for kind in (await get("chart"))["chart"]]

    assert {"bank:CURRENCY", "clearing:provider:CURRENCY"} < set(names)


async def test_a_period_that_is_over_is_closed_once_with_who_and_why(
    ask, operator, runtime, clock, post
):
    clock.set(datetime(2014, 6, 1, 1, tzinfo=UTC))
    first = await ask("books/closings", period="2014-05", why="reported")
    again = await ask("books/closings", period="2014-05-31", why="reported again")

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json() == {"closed_until": "2014-06-01T00:00:00.000000Z"}
    (told,) = await periods(runtime)
    assert (told.kind, told.by, told.data["why"]) == ("PeriodEnded", operator, "reported")
    with pytest.raises(ledger.PeriodClosed):
        await post("late", 1)
    assert (await ask("books/closings", period="2014-04", why="x")).status_code == 409


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({"period": "2014-05", "why": "x"}, (409, "2014-06-01 01:00 UTC")),  # a second too early
        ({"period": "2014", "why": "x"}, (409, "never reopens")),
        ({"period": "2014-13", "why": "x"}, (422, "is no period")),
        ({"period": "2014-02-30", "why": "x"}, (422, "is no period")),
        ({"period": "9999-12", "why": "x"}, (422, "is no period")),
        ({"period": "0000", "why": "x"}, (422, "is no period")),
        ({"period": "May", "why": "x"}, (422, "is no period")),
        ({"period": "2014-04", "why": " "}, (422, "say why")),
        ({"period": "2014-04", "why": "a\nb"}, (422, "say why")),
        ({"period": "2014-04", "why": "x" * 501}, (422, "500")),
        ({"period": "2014-04"}, (422, "why")),
        ({"period": 2014, "why": "x"}, (422, "period")),
        ({"period": "2014-04", "why": "x", "until": "ever"}, (422, "until")),
    ],
)
@pytest.mark.usefixtures("operator")
async def test_an_unclear_or_early_closing_closes_nothing(ask, runtime, clock, body, refused):
    clock.set(datetime(2014, 6, 1, 0, 59, 59, tzinfo=UTC))

    answer = await ask("books/closings", **body)
    status, says = refused

    assert (answer.status_code, says in answer.text) == (status, True), answer.text
    assert await periods(runtime) == []


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("accounts/bank:XXX/balance", "no account"),
        ("accounts/nonsense/statement", "no account"),
        (f"accounts/{CLEARING}/balance?as_of=2014-05-02T00:00:00", "timezone"),
        (f"accounts/{CLEARING}/statement?limit=501", "500"),
        (f"accounts/{CLEARING}/statement?after=0", "greater than"),
        (f"accounts/{CLEARING}/statement?after={2**63}", "less than"),
        (
            f"accounts/{CLEARING}/statement?since=2014-05-02T00:00:00Z&until=2014-05-02T00:00:00Z",
            "before it begins",
        ),
    ],
)
@pytest.mark.usefixtures("operator")
async def test_an_unclear_question_says_what_to_ask(api, path, says):
    answer = await api.get(f"{BOOKS}/{path}")

    assert (answer.status_code, says in answer.text) == (422, True), answer.text


@pytest.mark.parametrize(
    "path",
    ["chart", "ages", "trial-balance", f"accounts/{CLEARING}/balance",
     f"accounts/{CLEARING}/statement"],
)  # fmt: skip
async def test_books_are_for_operators(api, path):
    assert (await api.get(f"{BOOKS}/{path}")).status_code == 403


async def test_only_operators_close_a_period(ask, runtime):
    answer = await ask("books/closings", period="2014-04", why="I am not one")

    assert (answer.status_code, await periods(runtime)) == (403, [])
