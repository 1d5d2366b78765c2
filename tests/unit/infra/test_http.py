"""The HTTP client refuses to send while a transaction is open."""

import httpx
import pytest

from tradesense.infra.db import inside_transaction
from tradesense.infra.http import client, refuse_inside_transaction
from tradesense.kernel.errors import InvariantBroken


def answering(sent):
    def answer(request):
        sent.append(str(request.url))
        return httpx.Response(200, json={"ok": True})

    return httpx.MockTransport(answer)


async def test_sends_outside_a_transaction():
    sent = []
    async with client(base_url="http://provider", transport=answering(sent)) as http:
        assert (await http.get("/v1/ping")).json() == {"ok": True}
    assert sent == ["http://provider/v1/ping"]


async def test_sends_nothing_inside_one_and_says_what_to_do():
    sent = []
    async with client(base_url="http://provider", transport=answering(sent)) as http:
        inside_transaction.set(True)
        with pytest.raises(InvariantBroken, match=r"GET http://provider/v1/ping .*commit the"):
            await http.get("/v1/ping", params={"secret": "x"})
    assert sent == []


async def test_other_clients_can_ask_the_same_question():
    refuse_inside_transaction("a mail")
    inside_transaction.set(True)
    with pytest.raises(InvariantBroken, match="a mail inside a transaction"):
        refuse_inside_transaction("a mail")
