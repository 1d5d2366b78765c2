"""
`Idempotency-Key`: a request sent again gets the answer of the first, and has no second effect.

Owns     the table `infra_idempotency`.
Promises one effect per principal, method, route and key, for a day of the database's time, over
         any number of processes, deaths and copies. Under one key the same request gets the
         stored answer, byte for byte; another request 422; one still being served 409, at once.
Speaks   `OnceFromRequest` for endpoints: `answer` for verbs of ours, `run` for a provider's.
"""

from tradesense.infra.idempotency.answers import Answer
from tradesense.infra.idempotency.claims import forget_answers, list_unanswered
from tradesense.infra.idempotency.edge import Once, OnceFromRequest
from tradesense.infra.idempotency.errand import Errand
from tradesense.infra.idempotency.policy import Policy, StoreDown
from tradesense.infra.idempotency.serving import AnswerUnreadable, Asked, Told, once

__all__ = [
    "Answer",
    "AnswerUnreadable",
    "Asked",
    "Errand",
    "Once",
    "OnceFromRequest",
    "Policy",
    "StoreDown",
    "Told",
    "forget_answers",
    "list_unanswered",
    "once",
]
