"""
The breakers of all processes of an instance as one fleet, over Redis or Valkey.

Owns     the keys `tradesense:fleet:*` of Redis: one record for each breaker's name.
Promises processes rest together by quorum and probe in turn, by the clock of Redis; no call ever
         waits for it, and while it is away each process goes on by itself.

    async with fleet.joined_as("worker", runtime):
        ...
"""

from tradesense.infra.fleet.node import Node, joined
from tradesense.infra.fleet.platform import fleet_of, joined_as
from tradesense.infra.fleet.store import Contended, RedisFleet

__all__ = ["Contended", "Node", "RedisFleet", "fleet_of", "joined", "joined_as"]
