"""Record facts in the transaction that made them true; read them back."""

from collections import Counter
from collections.abc import Mapping, Sequence

from tradesense.infra.db import Transaction
from tradesense.kernel.errors import InvariantBroken
from tradesense.trail import rules, store
from tradesense.trail.model import Entry, Extension, Fact, Head, Status

APPENDING = store.APPENDING
LIMIT_MAX = 10_000  # entries per read: a few megabytes


class BrokenStream(InvariantBroken):
    """A stream's head counts an entry that is not there."""

    code = "trail.broken_stream"


async def record(tx: Transaction, *facts: Fact) -> None:
    """
    Append `facts`, in their order; they are sealed and delivered if, and only if, `tx` commits.

    Each takes the next version of its stream and names the stream's entry before by its hash.
    The streams' heads are held until `tx` ends. Two or three statements, whatever the number
    of facts. Raises ValueError or TypeError for a fact that cannot be written, before any is.
    """
    if not facts:
        return
    told = [rules.head(fact) for fact in facts]
    versions = await store.advance(tx, Counter(fact.stream for fact in facts))
    old = {stream: version for stream, version in versions.items() if version}
    links = await store.find_links(tx, old) if old else {}
    if missing := old.keys() - links.keys():
        raise BrokenStream(f"no last entry in {', '.join(sorted(missing))}; run `trail verify`")
    heads = {stream: Head(version, links[stream]) for stream, version in old.items()}
    await store.append(tx, rules.extend(heads, facts, told).lines)


def extend(heads: Mapping[str, Head], *facts: Fact) -> Extension:
    """
    Return the entries that `facts` become in streams whose ends the caller keeps itself.

    Such a stream is its owner's from the first entry to the last, and `record` never writes to
    it. `heads` says where it ends, read under a lock of the owner's that lasts until the commit;
    a stream that it does not name begins now. Raises what `record` raises.
    """
    return rules.extend(heads, facts, [rules.head(fact) for fact in facts])


async def append(tx: Transaction, extension: Extension) -> None:
    """
    Write what `extend` made: one statement, no head.

    Of two that would go on from the same entry, the table refuses the second.
    """
    await store.append(tx, extension.lines)


def told(extension: Extension) -> dict[str, object]:
    """
    Return the parameters with which `APPENDING` writes what `extend` made.

    For a store whose own statement makes it true: that one is then told, or not, with it.
    """
    return store.told(extension.lines)


async def read_stream(
    tx: Transaction, stream: str, *, after: int = 0, limit: int | None = None
) -> list[Entry]:
    """Return the entries of `stream` with a version beyond `after`, oldest first, sealed or not."""
    return await store.list_stream(tx, stream, after=after, limit=limit)


async def stream_version(tx: Transaction, stream: str) -> int:
    """Return the version of the last entry of `stream`, 0 if it has none."""
    return await store.get_version(tx, stream)


async def read_sealed(
    tx: Transaction, *, after: int, limit: int, kinds: Sequence[str] | None = None
) -> list[Entry]:
    """
    Return at most `limit` sealed entries with a position beyond `after` (0: from the first).

    With `kinds`, only those. Fewer than `limit` means that nothing is left up to the
    `sealed_size` asked for *before* this call in the same transaction.
    """
    return await store.list_sealed(tx, after=after, limit=min(limit, LIMIT_MAX), kinds=kinds)


async def sealed_size(tx: Transaction) -> int:
    """Return how many entries are sealed, which is the last one's position."""
    return await store.get_size(tx)


async def get_status(tx: Transaction) -> Status:
    """Return where the trail stands."""
    return await store.get_status(tx)
