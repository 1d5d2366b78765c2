"""The chart of accounts, as data: which book accounts there may be, per currency."""

import re
from datetime import timedelta
from functools import lru_cache

from tradesense.kernel.money import MINOR_DIGITS
from tradesense.ledger.model import BookAccount, Kind, Side

# Only what is paid out of may run dry, so only that is bounded (and therefore locked). The
# others are hot, and stand wherever the world has put them.
CHART: dict[str, Kind] = {
    # What we own.
    "bank": Kind(normal=Side.DEBIT),
    # Taken by a provider, not yet on its way to the bank: some pay out once a month, and hold on
    # for some days more.
    "clearing": Kind(normal=Side.DEBIT, party="provider", age_max=timedelta(days=36)),
    # On the way to our bank: three working days, over a weekend and a holiday.
    "provider-payouts": Kind(normal=Side.DEBIT, party="provider", age_max=timedelta(days=6)),
    "disputes-held": Kind(normal=Side.DEBIT),
    "liquidity": Kind(normal=Side.DEBIT),  # what both legs of a currency exchange pass through
    # What we owe.
    "deferred-revenue": Kind(normal=Side.CREDIT),  # paid for; the challenge has not started
    "unapplied": Kind(normal=Side.CREDIT),  # received, but not what any order asked for
    "trader-payable": Kind(normal=Side.CREDIT, party="trader", bounded=True),
    "payouts-in-transit": Kind(normal=Side.CREDIT),
    "tax-payable": Kind(normal=Side.CREDIT),
    "opening-balance": Kind(normal=Side.CREDIT),  # what stood at the bank before our books began
    # What we earned and spent.
    "challenge-revenue": Kind(normal=Side.CREDIT),
    "refunds": Kind(normal=Side.DEBIT),  # taken back out of revenue, shown apart from it
    "chargebacks": Kind(normal=Side.DEBIT),  # taken back by the buyers' banks
    "fees": Kind(normal=Side.DEBIT, party="provider"),
    "profit-shares": Kind(normal=Side.DEBIT),
    "rounding": Kind(normal=Side.DEBIT),
}

_PARTY = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@lru_cache(maxsize=2**16)  # asked several times per transfer; the answer never changes
def find_account(code: str) -> BookAccount | None:
    """Return the account that `code` names on the chart, or None if the chart has no such one."""
    name, *parties, currency = code.split(":") if code.count(":") else ("", code)
    kind = CHART.get(name)
    if kind is None or currency not in MINOR_DIGITS:
        return None
    if len(parties) != (kind.party is not None) or not all(map(_PARTY.fullmatch, parties)):
        return None
    return BookAccount(
        code=code, kind=name, currency=currency, normal=kind.normal, bounded=kind.bounded
    )
