"""The bank over HTTP, by command, and as the buyer sees it."""

import json
import subprocess
import sys
from uuid import UUID

import pytest

from bank_statements import Entry, Paper
from people import environment_of
from table_digests import differing
from tradesense.payments import PaymentStatus

BANK = "/api/v1/operations/bank"
NAMES = {UUID(int=1): "jane", UUID(int=2): "john", UUID(int=3): "trader"}


@pytest.fixture
async def api(visitor, sign_in):
    for user_id, name in NAMES.items():
        await sign_in(user_id, name, is_operator=name != "trader")
    return visitor


def headers(who, key):
    return {"Authorization": f"Bearer token-{who}", "Idempotency-Key": f"{key}-{who}-0123456789"}


async def test_two_operators_settle_a_payment(api, firm):
    seen = await firm.ask()
    paper = Paper(entries=(Entry(amount="540.00", text="my challenge", ref="B1"),))
    sent = {"content": paper.xml(), "headers": headers("jane", "import")}
    for _ in range(2):  # the same request again is the same answer
        answer = await api.post(f"{BANK}/statements", **sent)
        assert answer.status_code == 201, answer.text
        assert answer.json()["statements"][0]["is_new"]
    again = await api.post(f"{BANK}/statements", content=paper.xml(), headers=headers("jane", "2"))
    assert not again.json()["statements"][0]["is_new"]
    found = await api.get(f"{BANK}/lines?only_unmatched=true", headers=headers("jane", "read"))
    (line,) = found.json()["lines"]
    assert (line["amount_minor"], line["counterparty"]) == (54_000, "Ada Lovelace")

    proposal = {
        "kind": "payment",
        "line_ids": [line["line_id"]],
        "payment_ids": [str(seen.payment_id)],
        "reason": "the buyer called",
    }
    made = await api.post(f"{BANK}/matches", json=proposal, headers=headers("jane", "propose"))
    match_id = made.json()["match_id"]
    own = await api.post(f"{BANK}/matches/{match_id}/approve", headers=headers("jane", "approve"))
    assert (own.status_code, own.json()["code"]) == (403, "payments.same_person")
    other = await api.post(f"{BANK}/matches/{match_id}/approve", headers=headers("john", "approve"))
    assert other.status_code == 200, other.text
    late = {"json": {"reason": "no"}, "headers": headers("jane", "reject")}
    refused = await api.post(f"{BANK}/matches/{match_id}/reject", **late)

    assert (refused.status_code, refused.json()["code"]) == (409, "payments.already_decided")
    assert (await firm.payment(seen)).status is PaymentStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "payments.malformed_statement"),
        (b"<!DOCTYPE x []><Document/>", 422, "payments.malformed_statement"),
        (Paper(account="GB33BUKB20201555555555").xml(), 422, "payments.foreign_account"),
        (Paper(currency="XTS").xml(), 422, "payments.malformed_statement"),
        (Paper(closing="1.00").xml(), 422, "payments.unbalanced_statement"),
        (b"x" * (1024 * 1024 + 1), 413, "too_large"),
    ],
)
@pytest.mark.usefixtures("firm")
async def test_a_bad_statement_is_a_clear_problem(api, tables, content, status, code):
    before = tables()
    sent = {"content": content, "headers": headers("jane", "bad")}
    answer = await api.post(f"{BANK}/statements", **sent)

    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert differing(before, tables()) == set()


async def test_only_operators_may_look(api, firm):
    await firm.ask()
    for path in ("lines", "matches", "suggestions", "outgoing"):
        answer = await api.get(f"{BANK}/{path}", headers=headers("trader", "look"))
        assert answer.status_code == 403


async def test_what_waits_is_written_for_the_bank_once(api, firm):
    seen = await firm.ask()
    lines = await firm.bank_says(Entry(amount="1.00", text=seen.ref, name="Ada & Söhne"))
    await firm.approve(await firm.propose(lines, [seen]))
    await firm.send_refunds(seen)
    asked = {"json": {"currency": "EUR"}, "headers": headers("jane", "export")}

    first, again = [await api.post(f"{BANK}/outgoing/export", **asked) for _ in range(2)]
    other = {"json": {"currency": "EUR"}, "headers": headers("john", "export")}
    rest = await api.post(f"{BANK}/outgoing/export", **other)

    assert (first.status_code, again.content) == (200, first.content)
    assert first.text.count("<CdtTrfTxInf>") == 1
    assert '<InstdAmt Ccy="EUR">1.00</InstdAmt>' in first.text
    assert "Ada &amp; Söhne" in first.text
    assert rest.status_code == 204


async def test_the_buyer_sees_what_to_send(api, firm):
    seen = await firm.ask()
    path = seen.pay_url.removeprefix(firm.runtime.settings.public_url)

    page = await api.get(path)
    wrong = await api.get(path[:-1] + ("0" if path[-1] != "0" else "1"))

    assert page.status_code == 200
    for shown in ("540.00 EUR", "DE89 3704 0044 0532 0130 00", seen.ref[:4]):
        assert shown in page.text
    assert wrong.status_code == 404
    await firm.provider.cancel(seen.ref)
    assert "was given up" in (await api.get(path)).text


def command(firm, *arguments, expect=0):
    done = subprocess.run(
        [sys.executable, "-m", "tradesense.app.cli", "bank", *map(str, arguments)],
        env=environment_of(firm.runtime.settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done


@pytest.mark.usefixtures("api")
async def test_commands_do_the_same(firm, tmp_path):
    seen = await firm.ask()
    paper, tokens = tmp_path / "statement.csv", {}
    for who in ("jane", "john", "trader"):
        tokens[who] = tmp_path / who
        tokens[who].write_text(f"token-{who}\n")
    told = Paper(entries=(Entry(amount="540.00", text=seen.ref),))
    paper.write_bytes(told.table(decimal="comma"))

    assert "line 1: the columns are" in command(firm, "import", paper, expect=2).stderr
    imported = command(firm, "import", paper, "--decimal", "comma", "--json")
    assert json.loads(imported.stdout)[0]["is_new"]
    again = command(firm, "import", paper, "--decimal", "comma")
    assert "imported before, nothing changed" in again.stdout
    assert "540.00 EUR" in command(firm, "lines", "--unmatched").stdout
    (match,) = json.loads(command(firm, "matches", "--json").stdout)
    approve = ("approve", match["match_id"], "--token-file")
    assert "for the firm's operators" in command(firm, *approve, tokens["trader"], expect=2).stderr
    command(firm, *approve, tokens["john"])

    assert (await firm.payment(seen)).status is PaymentStatus.SUCCEEDED
    assert "nothing" not in command(firm, "accounts").stdout
