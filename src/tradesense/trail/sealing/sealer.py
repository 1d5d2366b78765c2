"""
The sealer at work: begin or go on with the log, seal what is new, tell the witness.

Before its first seal, and after every trouble, it makes sure that it is the right sealer of the
right database: known server, own key, a head that is neither behind the witness nor beside it.
Where it is not, it refuses, says why, and looks again: signing on would bury the evidence.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from tradesense.infra.db import Database, Transaction
from tradesense.kernel.errors import InvariantBroken
from tradesense.trail.proof.note import BadNote, Checkpoint, PublicKey, SigningKey
from tradesense.trail.proof.tree import Frontier
from tradesense.trail.sealing import keys, seal, store
from tradesense.trail.sealing.store import Progress
from tradesense.trail.sealing.witness import Witness

KEYS, WITNESS = "keys", "witness"  # folders of an instance
FIRST_EPOCH = 1
# Transaction ids begin at 3, so before this snapshot nothing is visible.
BEFORE_EVERYTHING = "3:3:"

# Between two seals while entries arrive: several commits share one signature and one fsync.
BUSY_S = 0.015
# At rest: the median wait of a first entry is half of it, well below the promised 100 ms.
IDLE_MAX_S = 0.05
WITNESS_EVERY_S = 1.0
CATCH_UP = 100_000  # leaves told to the witness at once: 3 MB

logger = structlog.get_logger()

Confirm = Callable[[Transaction], Awaitable[None]]


class Refused(InvariantBroken):
    """The sealer does not sign: this is not the database, or not the past, that it knows."""

    code = "trail.refused"


@dataclass(slots=True)
class Log:
    """An opened log: who signs, under which name, how far, and who else knows."""

    key: SigningKey
    origin: str
    progress: Progress
    witness: Witness


async def open_log(db: Database, home: Path) -> Log:
    """Return the log of this database, begun if it is new. Raises Refused, NoKey, BadWitness."""
    async with db.reading() as tx:
        progress = await store.find_progress(tx)
        server = await store.get_system_identifier(tx)
        if progress is not None:
            return await _resume(tx, home, progress, server)
    if (home / WITNESS / "checkpoint").exists():
        raise Refused(
            f"the database is empty, but {home / WITNESS} has seen a trail: "
            "restore the database, or start anew in another data folder"
        )
    key = keys.find_key(home / KEYS) or keys.create_key(home / KEYS)
    begun = Progress(epoch=FIRST_EPOCH, frontier=Frontier(), snapshot=BEFORE_EVERYTHING)

    async def begin(tx: Transaction) -> None:
        if await store.find_progress(tx) is None:
            await store.add_epoch(
                tx,
                epoch=FIRST_EPOCH,
                system_identifier=server,
                origin=key.name,
            )
            await store.save_progress(tx, begun)

    await db.repeat(begin)
    return Log(key, key.name, begun, Witness.open(home / WITNESS, key.public))


async def _resume(tx: Transaction, home: Path, progress: Progress, server: int) -> Log:
    epoch = await store.find_epoch(tx, progress.epoch)
    if epoch is None or epoch[0] != server:
        raise Refused(
            f"this is server {server}, the trail was sealed on {epoch and epoch[0]}: "
            "a copy must not be signed beside the original"
        )
    key = keys.find_key(home / KEYS)
    if key is None:
        raise keys.NoKey(
            f"the trail is signed, but {home / KEYS / keys.SECRET} is gone: restore it"
        )
    witness = Witness.open(home / WITNESS, key.public)
    await _require_known_past(tx, progress, witness, key.public)
    return Log(key, epoch[1], progress, witness)


async def _require_known_past(
    tx: Transaction, progress: Progress, witness: Witness, key: PublicKey
) -> None:
    """Refuse a head that its own signature, or the witness, does not bear out."""
    size = progress.frontier.size
    if size < witness.size:
        raise Refused(
            f"the database holds {size} sealed entries, the witness has seen {witness.size}: "
            "the last ones were lost or cut off; restore a later copy"
        )
    try:
        if size and (await _signed(tx, key, size)).root != progress.frontier.root:
            raise Refused(f"the tree of {size} entries is not the one that was signed")
        if witness.size and (await _signed(tx, key, witness.size)).root != witness.root:
            raise Refused(
                f"the first {witness.size} entries are not those the witness has seen; "
                "run `tradesense trail verify`"
            )
    except BadNote as error:
        raise Refused(f"a checkpoint in the database is not ours: {error}") from error


async def _signed(tx: Transaction, key: PublicKey, size: int) -> Checkpoint:
    note = await store.find_note(tx, size)
    if note is None:
        raise Refused(f"there is no checkpoint at {size} entries; it was taken away")
    return key.open(note)


async def keep_sealing(db: Database, log: Log, *, confirm: Confirm, sealed: asyncio.Event) -> None:
    """Seal whatever becomes visible, for ever; set `sealed` after each seal."""

    async def step(tx: Transaction) -> seal.Step:
        await confirm(tx)
        return await seal.seal(tx, key=log.key, origin=log.origin)

    pause_s = 0.0
    while True:
        if log.progress.target is None:
            async with db.reading() as tx:
                new = await store.has_new(tx, log.progress)
            if not new:
                pause_s = min(max(pause_s * 1.5, BUSY_S), IDLE_MAX_S)
                await asyncio.sleep(pause_s)
                continue
        done = await db.repeat(step, isolation="REPEATABLE READ")
        log.progress = done.progress
        sealed.set()
        if not done.is_in_backlog:
            pause_s = BUSY_S
            await asyncio.sleep(pause_s)


async def keep_witness(db: Database, log: Log, *, sealed: asyncio.Event) -> None:
    """Tell the witness of what was sealed, at most once a second, for ever."""
    while True:
        try:
            await tell_witness(db, log)
        except OSError as error:
            # A full disk must not stop sealing; the witness catches up when there is room.
            logger.error("the witness cannot be written", reason=str(error))  # noqa: TRY400 -- ditto
        await asyncio.sleep(WITNESS_EVERY_S)
        await sealed.wait()
        sealed.clear()


async def tell_witness(db: Database, log: Log) -> None:
    """Bring the witness up to the newest checkpoint. Raises BadWitness where they disagree."""
    witness = log.witness
    while True:
        async with db.reading() as tx:
            note = await store.find_note_until(tx, witness.size + CATCH_UP)
            signed = log.key.public.open(note) if note else None
            if note is None or signed is None or signed.size <= witness.size:
                return
            leaves = await store.read_leaves(tx, after=witness.size, until=signed.size)
        await asyncio.to_thread(witness.extend, leaves, note, signed)
