"""
PostgreSQL. A `Transaction` is the right to write; only an edge opens one, by `Database.run`.

Owns     the table `infra_commits`.
Promises a verb commits once per key, or not at all, or says that nobody can know.
Speaks   `run`, `repeat`, `reading`; the network is never awaited inside any of them.
"""

from tradesense.infra.db.gate import AlreadyCommitted, Database, forget_commits
from tradesense.infra.db.gathering import Check, LeftUndone, gathered, leave
from tradesense.infra.db.pool import TooPowerful, Transaction, inside_transaction

__all__ = [
    "AlreadyCommitted",
    "Check",
    "Database",
    "LeftUndone",
    "TooPowerful",
    "Transaction",
    "forget_commits",
    "gathered",
    "inside_transaction",
    "leave",
]
