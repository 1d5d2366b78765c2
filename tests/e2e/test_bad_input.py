"""
Bad input gets a clear answer and changes nothing: one running instance, one table.

A row says what is asked, how it is answered, and which tables may differ afterwards: every other
table must hold the same, byte for byte. What the rules want on the record (a refused order, a
forged webhook) is recorded and is all that changes.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import httpx
import pytest
import pytest_asyncio

from bad_input_world import CLOSED, PLAN, STALE, World, nonsense_world
from running_platform import clean_environment, run
from table_digests import TRAIL, differing
from tradesense.infra.embedded import ports

pytestmark = pytest.mark.asyncio(loop_scope="module")

# An order the engine refuses stays on the record, for the evidence.
REFUSED = TRAIL | {"trading_commands", "trading_orders", "trading_accounts"}
TIME = {
    "market_tape", "market_blocks", "market_position", "market_latest", "market_sources",
    "market_flushes", "trading_engines", "trading_marks", "trading_days",
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory):
    async with nonsense_world(tmp_path_factory.mktemp("nonsense")) as opened:
        yield opened


Ask = Callable[[World], Awaitable[httpx.Response]]


@dataclass(frozen=True)
class Row:
    """`said` is a pattern that the answer's text contains; `recorded` what may change."""

    what: str
    ask: Ask
    status: int
    said: str
    recorded: frozenset[str] = frozenset()


def order(what: str, said: str, status: int = 422, **fields: object) -> Row:
    return Row(f"an order with {what}", lambda world: world.order(**fields), status, said)


def body(what: str, content: bytes, said: str) -> Row:
    async def ask(world: World) -> httpx.Response:
        return await world.http.post("/v2/orders", content=content, headers=world.keys(world.ada))

    return Row(f"an order with {what}", ask, 422, said)


ORDERS = [
    order("no quantity", "qty is a decimal number", qty=None),
    order("a quantity of zero", "qty is above zero; side says which way", qty="0"),
    order("a negative quantity", "qty is above zero; side says which way", qty="-1000"),
    order("a quantity that is no number", "qty is a decimal number, as in", qty="NaN"),
    order("an infinite quantity", "qty is a decimal number, as in", qty="Infinity"),
    order("words for a quantity", "qty is a decimal number, as in", qty="a lot"),
    order("a quantity of 10^400 as text", "too large or too small to trade", qty="1e400"),
    body("10^400 as a number", b'{"symbol": "EUR/USD", "side": "buy", "qty": 1e400}', "too large"),
    body("NaN as a number", b'{"symbol": "EUR/USD", "side": "buy", "qty": NaN}', "NaN is not a"),
    order("a huge quantity", "qty is above zero and at most", qty="9" * 17),
    order("a part of a unit", "qty has at most 0 digits", qty="1000.5"),
    order("a rounded part of a unit", "qty has at most 0 digits", qty="1000." + "0" * 40 + "1"),
    order("an unknown symbol", "unknown symbol 'XXX/USD'; this account trades", symbol="XXX/USD"),
    order("a limit without a price", "limit_price is a decimal number", type="limit"),
    order("a negative limit", "above zero", type="limit", limit_price="-1"),
    order("a used name", "must be unique; this one was used before", client_order_id="far"),
    order("a name beyond all bounds", "1 to 128 printable ASCII", client_order_id="x" * 100_000),
    body("JSON that nests too deep", b"[" * 100_000, "the body is not JSON"),
]


def get(what: str, path: str, said: str, status: int = 404, **options: object) -> Row:
    """Ask as eve, for what is ada's."""
    return foreign(what, "GET", path, said, status, **options)


def foreign(
    what: str, method: str, path: str, said: str, status: int = 404, *, by_key: bool = False
) -> Row:
    async def ask(world: World) -> httpx.Response:
        where = path.format(
            account=world.account_id,
            order=world.order_id,
            challenge=world.ada.challenge_id,
            purchase=world.ada.purchase_id,
        )
        who = world.keys(world.eve) if by_key else world.eve.bearer()
        return await world.http.request(method, where, headers=who | {"Idempotency-Key": what})

    return Row(what, ask, status, said)


FOREIGN = [
    get("a foreign account", "/api/v1/accounts/{account}", "you have no account"),
    get("foreign evidence", "/api/v1/accounts/{account}/evidence", "you have no account"),
    get("a foreign challenge", "/api/v1/challenges/{challenge}", "no challenge"),
    get("a foreign purchase", "/api/v1/purchases/{purchase}", "you have no purchase"),
    get("a foreign page", "/accounts/{account}", "you have no account"),
    get("a foreign order", "/v2/orders/{order}", "no such order", by_key=True),
    get("a foreign order by name", "/v2/orders:by_client_order_id?client_order_id=far",
        "no such order", by_key=True),
    get("a foreign position", "/v2/positions/EURUSD", "no open position", by_key=True),
    foreign("the cancelling of a foreign order", "DELETE", "/v2/orders/{order}",
            "no such order", by_key=True),
    foreign("a key to a foreign challenge", "POST", "/api/v1/challenges/{challenge}/keys",
            "no challenge"),
    get("an account that is no id", "/api/v1/accounts/ada", "account_id: Input should be a valid",
        status=422),
    get("an order that is no id", "/v2/orders/far", "is no order id", status=422, by_key=True),
]  # fmt: skip


def purchase(what: str, said: str, **fields: object) -> Row:
    ask = partial(World.buy, key=what, **fields)
    return Row(f"a purchase of {what}", ask, 422, said)


def raw(what: str, content: bytes, said: str, status: int = 422) -> Row:
    async def ask(world: World) -> httpx.Response:
        headers = {"Content-Type": "application/json", "Idempotency-Key": f"raw: {what}"}
        headers |= world.ada.bearer()
        return await world.http.post("/api/v1/purchases", content=content, headers=headers)

    return Row(f"a purchase of {what}", ask, status, said)


PURCHASES = [
    purchase("an unknown plan", f"no plan 'gold'; on sale: {PLAN}", plan="gold"),
    purchase("a plan at another price", "costs 54000 USD", plan=PLAN, amount_minor=1),
    purchase("a plan in another currency", "costs 54000 USD", plan=PLAN, currency="EUR"),
    purchase("half a cent's worth", "amount_minor: Input should be", plan=PLAN, amount_minor=0.5),
    purchase("a plan with a wish", "Extra inputs are not permitted", plan=PLAN, discount=100),
    purchase("a plan with a NUL", "plan holds a NUL character", plan="a\0b"),
    raw("a plan said twice", b'{"plan": "%s", "plan": "%s"}' % (PLAN.encode(), PLAN.encode()),
        "says plan twice; say it once"),
    raw("half a character", rb'{"plan": "a\ud800"}', "half a character"),
    raw("lists in lists", b"[" * 100_000, "the body cannot be read", 400),
    raw("not a number", b'{"plan": "gold", "amount_minor": NaN}', "NaN is not a number"),
    get("a purchase that is no id", "/api/v1/purchases/a%00b", "purchase_id holds a NUL",
        status=422),
    Row("a purchase without a key", lambda world: world.http.post(
        "/api/v1/purchases", json={"plan": PLAN}, headers=world.ada.bearer()
    ), 400, "send an Idempotency-Key header"),
    Row("a purchase by a stranger", lambda world: world.http.post(
        "/api/v1/purchases", json={"plan": PLAN}, headers={"Idempotency-Key": "a stranger's order"}
    ), 401, "sign in first"),
    Row("a purchase that is sent as a form", lambda world: world.http.post(
        "/api/v1/purchases", data={"plan": PLAN},
        headers=world.ada.bearer() | {"Idempotency-Key": "an order by form"},
    ), 422, "send a JSON object, as Content-Type: application/json"),
]  # fmt: skip

EVENT = b'{"object": "event", "id": "evt_x", "type": "payment_intent.succeeded"}'
RECORDED = TRAIL
WEBHOOKS = [
    Row("a webhook that nobody signed", lambda world: world.http.post(
        "/webhooks/stripe", content=EVENT), 400, "Stripe-Signature header is missing", RECORDED),
    Row("a webhook signed by another", lambda world: world.webhook(EVENT, secret="whsec_mine"),
        400, "no signature matches the body", RECORDED),
    Row("a webhook whose body was changed", lambda world: world.webhook(
        EVENT, sent=EVENT.replace(b"evt_x", b"evt_y")), 400, "no signature matches the body",
        RECORDED),
    Row("an old webhook played again", lambda world: world.webhook(
        world.known_webhook(), age_s=301), 400, "more than 300 s old", RECORDED),
    Row("a settled webhook sent again", lambda world: world.webhook(world.known_webhook()),
        200, "", RECORDED),
    Row("a signed body that is no event", lambda world: world.webhook(b"[]"), 400, "no event",
        RECORDED),
]  # fmt: skip


def login(what: str, said: str, **fields: object) -> Row:
    fields = {"email": "new@example.com", "password": "a long password"} | fields
    return Row(f"a sign-up with {what}", lambda world: world.http.post(
        "/api/v1/signup", json=fields, headers={"Idempotency-Key": f"sign-up with {what}"}
    ), 422, said)  # fmt: skip


PEOPLE = [
    login("a NUL in the address", "email holds a NUL character; leave it out",
          email="a\0b@example.com"),
    login("a second header in the address", "the part before the @",
          email="a\r\nBcc: all@example.com"),
    login("no domain", "no domain name", email="ada@\N{SNOWMAN}\N{SNOWMAN}"),
    login("a short password", "at least 10 characters", password="short"),
    login("a control character in the address", "the part before the @",
          email="a\x01b@example.com"),
    login("a control character in the password", "no control characters",
          password="a" * 20 + "\x01"),
    Row("a sign-up of a megabyte", lambda world: world.http.post(
        "/api/v1/signup", content=b"a" * 1_048_577, headers={"Idempotency-Key": "a megabyte"}
    ), 413, "a body has at most 1048576 bytes"),
    Row("a key that is no key", lambda world: world.http.delete(
        "/api/v1/keys/a%01b", headers=world.ada.bearer()), 404, "no key"),
    Row("a key with a NUL", lambda world: world.http.delete(
        "/api/v1/keys/a%00b", headers=world.ada.bearer()), 422, "key_id holds a NUL character"),
    Row("a form from a site that is none", lambda world: world.http.post(
        "/login", data={"email": "a", "password": "b"}, headers={"Origin": "http://["}
    ), 403, "sent from another site"),
]  # fmt: skip


@pytest.mark.parametrize(
    "row", [*ORDERS, *FOREIGN, *PURCHASES, *WEBHOOKS, *PEOPLE], ids=lambda row: row.what
)
async def test_bad_input_gets_a_clear_answer_and_changes_nothing(world, row):
    await world.instance.settle()
    before = world.state()

    answer = await row.ask(world)

    assert answer.status_code == row.status, answer.text
    assert re.search(re.escape(row.said), answer.text), answer.text
    assert "our mistake" not in answer.text
    await world.instance.settle()
    assert differing(before, world.state()) <= row.recorded


@pytest.mark.parametrize("method", ["pm_sandbox_underpay", "pm_sandbox_wrong_currency"])
async def test_a_wrong_amount_or_currency_is_sent_back_and_the_books_are_as_before(world, method):
    buyer = type(world.ada)(f"buyer-{method[11:]}", world.http, 1)
    await buyer.sign_up()
    await buyer.buy(PLAN)
    await world.instance.settle()
    before = books(world)
    started = world.ask("SELECT count(*) FROM challenges_challenges")

    payment = (await buyer.purchase())["payment"]
    async with httpx.AsyncClient() as provider:
        await provider.post(
            payment["pay_url"],
            data={"client_secret": payment["client_secret"], "payment_method": method},
        )
    purchase = await refunded(buyer)

    assert purchase["reason"] == "purchases.payment_mismatched"
    assert purchase["challenge_id"] is None
    await world.instance.settle()
    assert books(world) == before
    assert world.ask("SELECT count(*) FROM challenges_challenges") == started


def books(world: World) -> list[tuple]:
    """Every account of the ledger and its balance, those of nothing left out."""
    return world.ask("""
        SELECT account, sum(minor)::bigint FROM (
          SELECT debit AS account, amount_minor AS minor FROM ledger_transfers
          UNION ALL SELECT credit, -amount_minor FROM ledger_transfers) AS sides
        GROUP BY 1 HAVING sum(minor) <> 0 ORDER BY 1
    """)


async def refunded(buyer) -> dict:
    async with asyncio.timeout(20):
        while (purchase := await buyer.purchase())["status"] != "refunded":
            await asyncio.sleep(0.02)
    return purchase


async def test_a_stale_price_fills_nothing(world):
    await world.at(STALE)
    before = world.state()

    order = (await world.order(client_order_id="stale")).json()
    await world.at(STALE + timedelta(seconds=11))

    shown = await world.http.get(f"/v2/orders/{order['id']}", headers=world.keys(world.ada))
    assert (shown.json()["status"], shown.json()["reason"]) == ("rejected", "stale_price")
    assert differing(before, world.state()) <= REFUSED | TIME


async def test_a_closed_market_takes_no_order(world):
    await world.at(CLOSED)
    before = world.state()

    answer = await world.order(client_order_id="closed")

    await world.instance.settle()
    if answer.status_code == 403:  # else a slow machine: the order was pending for 50 ms
        assert "the market is closed; GET /v2/clock says when it opens" in answer.text
    shown = await world.http.get(
        "/v2/orders:by_client_order_id",
        params={"client_order_id": "closed"},
        headers=world.keys(world.ada),
    )
    assert (shown.json()["status"], shown.json()["reason"]) == ("rejected", "market_closed")
    assert differing(before, world.state()) <= REFUSED


async def test_a_second_instance_on_the_same_folder_or_port_is_told_what_to_do(world, tmp_path):
    before = world.state()

    same_folder = await command(world.instance.variables)
    other = dict(world.instance.variables, HOME=str(tmp_path / "other"), CLOCK="", PRICES="")
    same_port = await command(other)
    same_sandbox_port = await command({**other, "PORT": str(ports.choose())})

    assert "another instance (process " in same_folder
    assert "set TRADESENSE_HOME to another folder" in same_folder
    assert "set TRADESENSE_PORT to another port" in same_port
    assert "set TRADESENSE_SANDBOX_PORT to another port" in same_sandbox_port
    assert not (tmp_path / "other" / "postgres").exists()
    await world.instance.settle()
    assert differing(before, world.state()) == set()


async def command(variables) -> str:
    """Run `tradesense up`, which must refuse; return the one line it says."""
    given = {f"TRADESENSE_{name}": text for name, text in variables.items() if text}
    refused = await asyncio.to_thread(run, clean_environment() | given, "up")
    assert (refused.returncode, refused.stdout) == (2, ""), refused
    assert len(refused.stderr.splitlines()) == 1
    return refused.stderr


async def test_after_all_that_every_promise_holds(world):
    told = await world.instance.command("invariants")
    assert told.code == 0, told.said
    assert (await world.instance.command("trail", "verify")).code == 0
