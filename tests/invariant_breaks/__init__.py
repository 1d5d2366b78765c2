"""
The table of broken promises: for each invariant of each module, damage that it alone reports.

A world is a handful of rows that keeps every promise; its damage is a row or a statement. Both are
planted where only primary keys are left in the way (no trigger, reference, check or unique index),
and rolled back.
"""

from invariant_breaks import challenges, ledger, payments, people, purchases, trail
from invariant_breaks.nouns import Break, Row

__all__ = ["BREAKS", "Break", "Row"]

BREAKS = (
    *ledger.BREAKS,
    *(*trail.TRAIL, *trail.BUS, *trail.MARKET),
    *(*people.IDENTITY, *people.OPERATIONS, *people.RELIABILITY, *people.SAGAS),
    *(*payments.BREAKS, *purchases.PURCHASES, *purchases.NOTIFICATIONS, *challenges.BREAKS),
)
