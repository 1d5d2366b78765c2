"""What a consumer wants to be told, and what it does then."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from tradesense.infra.db import Transaction
from tradesense.trail.model import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """
    A consumer: its lasting `name`, the `kinds` it takes, and its effect.

    `apply(tx, entry, now)` runs in the transaction that moves the consumer's head: its effect
    happens once per entry, in the order of the entry's stream. It raises Unavailable if something
    it needs is away (asked again until it is back); any other error counts as a try.
    """

    name: str
    kinds: tuple[str, ...]
    apply: Callable[[Transaction, Entry, datetime], Awaitable[None]]
