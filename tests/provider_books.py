"""A provider's books as they stand in the sandbox's file, and what strangers do by its client."""

import asyncio
import json
import sqlite3
from abc import ABC, abstractmethod
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from mollie.api.client import Client

from payment_sandbox import MOLLIE_KEY, SandboxProcess
from tradesense.payments.model import Way


@dataclass
class ProviderBooks(ABC):
    """
    Lines are dicts with at least id, created (seconds), amount, fee, net and currency.

    `words` are the provider's own for a charge, a refund and a dispute.
    """

    sandbox: SandboxProcess

    name: ClassVar[str]
    way: ClassVar[Way]
    line_kind: ClassVar[str]
    type_field: ClassVar[str]
    words: ClassVar[dict[str, str]]

    @abstractmethod
    def names_of(self, line, source):
        """Return every reference that a line belongs to; `source` is the object it names."""

    @abstractmethod
    def without_cause(self):
        """Return what makes a line a change of the balance that no object explains."""

    @abstractmethod
    def reference_of(self, payout):
        """Return under which reference a payout arrives at the bank."""

    @abstractmethod
    async def take_money(self, payment_id: UUID | None):
        """Take 310 USD as somebody with our key can, for an id of ours or for none."""

    @abstractmethod
    async def refund_by_hand(self, ref):
        """Send 20 USD of a payment back as in the provider's dashboard."""

    @abstractmethod
    def settle_refund(self, ref):
        """Let the days pass in which a refund is underway."""

    @contextmanager
    def file(self):
        """Open the sandbox's own file, to change it as no API would."""
        path = self.sandbox.home / "sandbox" / "stripe.sqlite3"
        with closing(sqlite3.connect(path)) as file, file:
            yield file

    def line_of(self, ref, what):
        """Return the line of the charge, refund or dispute that `ref` names, as it stands."""
        with self.file() as file:
            bodies = dict(file.execute("SELECT id, body FROM objects").fetchall())
        objects = {key: json.loads(body) for key, body in bodies.items()}
        for line in objects.values():
            is_line = line["object"] == self.line_kind
            if (
                is_line
                and line[self.type_field] == self.words[what]
                and ref in self.names_of(line, objects.get(line.get("source"), {}))
            ):
                return line
        raise AssertionError(f"no {what} of {ref}")

    def change_line(self, line, **changes):
        changed = line | changes
        with self.file() as file:
            done = file.execute(
                "UPDATE objects SET body = ?, created = ? WHERE id = ?",
                (json.dumps(changed), changed["created"], line["id"]),
            )
            assert done.rowcount == 1

    def copy_line(self, line, **changes):
        """Let the provider show a line again, under a name of its own."""
        copied = line | {"id": f"{line['id']}again"} | changes
        with self.file() as file:
            file.execute(
                "INSERT INTO objects (id, kind, created, body) VALUES (?, ?, ?, ?)",
                (copied["id"], self.line_kind, copied["created"], json.dumps(copied)),
            )

    def drop_line(self, line):
        with self.file() as file:
            assert file.execute("DELETE FROM objects WHERE id = ?", (line["id"],)).rowcount == 1


class StripeBooks(ProviderBooks):
    name = "stripe"
    way = Way.DIRECT
    line_kind = "balance_transaction"
    type_field = "type"
    words: ClassVar = {"charge": "charge", "refund": "refund", "dispute": "adjustment"}

    def names_of(self, line, source):  # noqa: ARG002 -- Mollie's lines say it all
        return {source.get("id"), source.get("payment_intent")}

    def without_cause(self):
        return {"type": "adjustment", "source": None}

    def reference_of(self, payout):
        return payout["trace_id"]["value"]

    async def take_money(self, payment_id):
        metadata = {} if payment_id is None else {"tradesense_payment": str(payment_id)}
        await asyncio.to_thread(
            self.sandbox.client().v1.payment_intents.create,
            {
                "amount": 31_000,
                "currency": "usd",
                "payment_method": "pm_card_visa",
                "confirm": True,
                "metadata": metadata,
            },
        )

    async def refund_by_hand(self, ref):
        refunds = self.sandbox.client().v1.refunds
        await asyncio.to_thread(refunds.create, {"payment_intent": ref, "amount": 2_000})

    def settle_refund(self, ref):
        """A card's refund is done at once."""


class MollieBooks(ProviderBooks):
    name = "mollie"
    way = Way.PAGE
    line_kind = "mollie_transaction"
    type_field = "kind"
    words: ClassVar = {"charge": "payment", "refund": "refund", "dispute": "chargeback"}

    def names_of(self, line, source):  # noqa: ARG002 -- its lines say it all
        return set(line["context"].values())

    def without_cause(self):
        return {"kind": "balance-reserve", "context": {}}

    def reference_of(self, payout):
        return payout["reference"]

    async def take_money(self, payment_id):
        order = {
            "amount": {"currency": "USD", "value": "310.00"},
            "description": "not from here",
            "redirectUrl": "https://elsewhere.example",
            "metadata": None if payment_id is None else {"tradesense_payment": str(payment_id)},
        }
        made = await asyncio.to_thread(self.client().payments.create, order)
        await asyncio.to_thread(self.sandbox.pay, made.id)

    async def refund_by_hand(self, ref):
        payment = await asyncio.to_thread(self.client().payments.get, ref)
        some = {"amount": {"currency": "USD", "value": "20.00"}}
        await asyncio.to_thread(payment.refunds.create, some)

    def settle_refund(self, ref):
        with self.file() as file:
            done = file.execute(
                "UPDATE objects SET body ="
                " json_set(body, '$.created', json_extract(body, '$.created') - 86400)"
                " WHERE id = ? AND kind = 'mollie_refund'",
                (ref,),
            )
            assert done.rowcount == 1

    def client(self):
        """Return Mollie's official client."""
        client = Client(api_endpoint=self.sandbox.base)
        client.set_api_key(MOLLIE_KEY)
        return client
