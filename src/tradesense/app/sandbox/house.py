"""What the requests of the sandbox share, and how each of them becomes a call."""

import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass

from tradesense.app.sandbox.store import Store
from tradesense.app.sandbox.stripe.answers import make_id
from tradesense.app.sandbox.stripe.call import Call
from tradesense.app.sandbox.stripe.forms import Params
from tradesense.app.sandbox.world.faults import strike
from tradesense.infra.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """`base` is where we are reached, `home` where a buyer goes back to."""

    store: Store
    clock: Clock
    api_key: str
    mollie_key: str
    base: str
    home: str
    wake: Callable[[], None]

    def call(self, params: Params, *, key: str | None = None) -> Call:
        """Return a request that happens now; without a `key` its ids follow from chance."""
        return Call(
            store=self.store,
            params=params,
            now=int(self.clock.now().timestamp()),
            seed=key or os.urandom(16).hex(),
            idempotency_key=key,
            request_id=make_id("req", os.urandom(16).hex()),
            signing_key=self.api_key.encode(),
            pay_base=self.base,
            declines=self.decline_of,
        )

    def decline_of(self, payment_ref: str) -> str | None:
        """Return why a payment's card is declined by a planted fault, if one strikes."""
        fault = strike(self.store, ("decline",), payment_ref)
        return None if fault is None else fault.code

    def is_key(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.api_key.encode())

    def is_mollie_key(self, given: str) -> bool:
        is_right = hmac.compare_digest(given.encode(), self.mollie_key.encode())
        return is_right and bool(self.mollie_key)
