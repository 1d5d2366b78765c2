"""
The follower: gives accounts that nobody locks their lines, versions and balances.

It walks the sealed trail, so every account's lines come in the trail's order. One statement
per step, whatever the number of transfers: taking them through Python would cost more than
posting them did.
"""

from tradesense.ledger.following.store import follow

__all__ = ["follow"]
