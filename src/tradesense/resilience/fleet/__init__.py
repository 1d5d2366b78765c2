"""
Breakers of many processes that rest together, probe one at a time, and need nobody to go on.

Owns: the fleet's record and what messages do to it; who keeps the record implements `FleetStore`.
Promises: a quorum opens, one bad node does not; a dead prober's lease expires by the store's
clock; with the store away each process goes on with its own state. Speaks: `Beat`, `View`.
"""

from tradesense.resilience.fleet.decisions import Beat, View, step
from tradesense.resilience.fleet.member import FleetStore, Member
from tradesense.resilience.fleet.record import Fleet, FleetSettings, Phase, dump, load

__all__ = [
    "Beat",
    "Fleet",
    "FleetSettings",
    "FleetStore",
    "Member",
    "Phase",
    "View",
    "dump",
    "load",
    "step",
]
