"""
What runs beside the verbs: the sealer of a process, the audit of a command.

The sealer goes on through lost leases, lost databases and refusals:

    wait for the lease -> open the log -> seal and witness -> trouble -> open the log again
"""

import asyncio
from pathlib import Path

import structlog

from tradesense.infra.db import Database
from tradesense.infra.lease import LeaseLost, hold
from tradesense.kernel.errors import OutcomeUnknown, TradeSenseError, Unavailable
from tradesense.trail.audit.findings import Report
from tradesense.trail.audit.verify import Known, verify
from tradesense.trail.proof.bundle import SUFFIX, Proof
from tradesense.trail.proof.note import BadNote, Checkpoint, PublicKey
from tradesense.trail.sealing import sealer
from tradesense.trail.sealing.keys import NoKey, read_public
from tradesense.trail.sealing.sealer import KEYS, WITNESS, Confirm, Log
from tradesense.trail.sealing.witness import find_checkpoint

__all__ = [
    "KEYS",
    "SUFFIX",
    "WITNESS",
    "BadNote",
    "Checkpoint",
    "Known",
    "Proof",
    "PublicKey",
    "Report",
    "read_public",
    "read_witnessed",
    "run_sealer",
    "verify",
]

LEASE = "sealer"
RETRY_S = 0.2  # after the database went away: `Database` itself has waited ten seconds
LOOK_AGAIN_S = 2.0  # after a refusal: until somebody has put it right
LAST_WORD_S = 1.0  # for telling the witness when we are asked to stop

log = structlog.get_logger()


async def run_sealer(db: Database, *, home: Path) -> None:
    """Keep the trail of `db` sealed until cancelled; `home` holds `keys` and `witness`."""
    while True:
        try:
            async with hold(db, LEASE) as lease:
                await _go_on(db, home, lease.confirm)
        except LeaseLost as lost:
            log.warning("another sealer took over", reason=str(lost))


def read_witnessed(home: Path) -> int:
    """Return how many entries the witness of the instance at `home` has seen."""
    try:
        seen = find_checkpoint(home / WITNESS, read_public(home / KEYS))
    except NoKey:
        return 0
    return seen.size if seen else 0


async def _go_on(db: Database, home: Path, confirm: Confirm) -> None:
    """Open the log and seal; after every trouble, again. Raises LeaseLost."""
    refusal = ""
    while True:
        try:
            opened = await sealer.open_log(db, home)
            log.info("sealing", origin=opened.origin, size=opened.progress.frontier.size)
            refusal = ""
            await _seal(db, opened, confirm)
        except LeaseLost:
            raise
        except (Unavailable, OutcomeUnknown) as error:
            log.warning("the database is away", reason=str(error))
            await asyncio.sleep(RETRY_S)
        except TradeSenseError as error:
            if str(error) != refusal:
                log.critical("the trail is not sealed any more", reason=str(error))
            refusal = str(error)
            await asyncio.sleep(LOOK_AGAIN_S)


async def _seal(db: Database, opened: Log, confirm: Confirm) -> None:
    """Seal and witness until something goes wrong, and raise it."""
    try:
        await _seal_and_witness(db, opened, confirm)
    except asyncio.CancelledError:
        try:
            async with asyncio.timeout(LAST_WORD_S):
                await sealer.tell_witness(db, opened)
        except (TradeSenseError, TimeoutError, OSError) as error:
            log.warning("the witness is behind until the next start", reason=str(error))
        raise


async def _seal_and_witness(db: Database, opened: Log, confirm: Confirm) -> None:
    sealed = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(sealer.keep_sealing(db, opened, confirm=confirm, sealed=sealed))
            group.create_task(sealer.keep_witness(db, opened, sealed=sealed))
    except* TradeSenseError as troubles:
        raise min(_leaves(troubles), key=_weight) from None


def _leaves(group: BaseExceptionGroup[TradeSenseError]) -> list[TradeSenseError]:
    return [
        leaf
        for each in group.exceptions
        for leaf in (_leaves(each) if isinstance(each, BaseExceptionGroup) else [each])
    ]


def _weight(trouble: TradeSenseError) -> int:
    """Order troubles: a lost lease ends us, a refusal is said, the rest is waited for."""
    if isinstance(trouble, LeaseLost):
        return 0
    return 2 if isinstance(trouble, Unavailable | OutcomeUnknown) else 1
