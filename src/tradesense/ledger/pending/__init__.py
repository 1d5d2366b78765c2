"""
Transfers in two steps: an amount is reserved first, and posted, voided or expired later.

    reserve ──▶ open ──settle──▶ posted     the transfer stands in the books
                  ├───void─────▶ voided     what was held is free again
                  └───time─────▶ expired    the same, by the database's clock
"""

from tradesense.ledger.pending.service import (
    expire_due,
    find_reservation,
    reserve,
    settle,
    void,
)

__all__ = ["expire_due", "find_reservation", "reserve", "settle", "void"]
