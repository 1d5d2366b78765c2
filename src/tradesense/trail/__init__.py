"""
Trail: every fact, in one order, sealed.

Owns     the tables `trail_*`, the folders `keys` and `witness` of an instance.
Promises an entry exists if, and only if, the change it tells of is committed; positions and
         the versions of a stream have no gap; nobody can change the sealed past unseen.
Speaks   nothing: it carries what the others say.
"""

from tradesense.trail.model import Entry, Fact
from tradesense.trail.service import (
    BrokenStream,
    read_sealed,
    read_stream,
    record,
    sealed_size,
    stream_version,
)

__all__ = [
    "BrokenStream",
    "Entry",
    "Fact",
    "read_sealed",
    "read_stream",
    "record",
    "sealed_size",
    "stream_version",
]
