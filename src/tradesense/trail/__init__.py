"""
Trail: every fact, in one order, sealed.

Owns     the tables `trail_*`, the folders `keys` and `witness` of an instance.
Promises an entry exists if, and only if, the change it tells of is committed; positions and
         the versions of a stream have no gap; nobody can change the sealed past unseen.
Speaks   nothing: it carries what the others say.
"""

from tradesense.trail.model import FRESH, Entry, Extension, Fact, Head, Status
from tradesense.trail.proof.bundle import Proof
from tradesense.trail.proofs import NotSealed, Unprovable, get_checkpoint, prove
from tradesense.trail.service import (
    APPENDING,
    BrokenStream,
    append,
    extend,
    get_status,
    read_sealed,
    read_stream,
    record,
    sealed_size,
    stream_version,
    told,
)

__all__ = [
    "APPENDING",
    "FRESH",
    "BrokenStream",
    "Entry",
    "Extension",
    "Fact",
    "Head",
    "NotSealed",
    "Proof",
    "Status",
    "Unprovable",
    "append",
    "extend",
    "get_checkpoint",
    "get_status",
    "prove",
    "read_sealed",
    "read_stream",
    "record",
    "sealed_size",
    "stream_version",
    "told",
]
