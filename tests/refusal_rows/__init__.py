"""
The table of bad input: each unsafe route with a request that is fine, and rows that are not.

Paths and bodies name things as `refusal_world` does: `{payment-active}`. What can be spoilt in any
request (types, texts, names, ids, who asks) follows from the OpenAPI document; rows are what only
the domain knows: amounts, currencies, states, files.
"""

from refusal_rows.bank import BANK, RECONCILING
from refusal_rows.desk import WATCHING
from refusal_rows.edge import PEOPLE, WEBHOOKS
from refusal_rows.money import BUYING, PAYING_OUT
from refusal_rows.nouns import Route, Row

__all__ = ["ROUTES", "Route", "Row"]

ROUTES = (*BUYING, *PAYING_OUT, *BANK, *RECONCILING, *WATCHING, *WEBHOOKS, *PEOPLE)
