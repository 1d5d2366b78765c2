"""
Leases: at most one process at a time does what only one may do.

A lease is a row (holder, token, beat). The holder raises `beat`; a challenger that has seen it
stand still for the whole TTL, on its own monotonic clock, takes the lease with the next token.
No two clocks are compared. Each transaction of the holder calls `confirm`, which locks the row
by token; a take-over waits for that lock, and afterwards the old token finds nothing: a holder
that was frozen and comes back cannot commit. (An advisory lock would be held by a frozen
process for ever; here its open transaction ends by `idle_in_transaction_session_timeout`.)
"""

import asyncio
import itertools
import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tradesense.infra.db import Database, Transaction
from tradesense.kernel.errors import Conflict, OutcomeUnknown, Unavailable

log = logging.getLogger(__name__)

TTL_S = 2.0
_LOOK_EVERY_S = 0.1
_RELEASE_PATIENCE_S = 1.0


class LeaseLost(Conflict):
    """Somebody else holds the lease now; whatever this process was doing it must not commit."""

    code = "infra.lease_lost"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to do `name`, as long as `token` is the newest."""

    name: str
    token: int

    async def confirm(self, tx: Transaction) -> None:
        """Keep the lease for the length of `tx`. Raises LeaseLost."""
        kept = await tx.execute(
            "SELECT FROM infra_leases WHERE name = %s AND token = %s FOR KEY SHARE",
            (self.name, self.token),
        )
        if not kept.rowcount:
            raise LeaseLost(f"the lease {self.name} (token {self.token}) has been taken over")


@asynccontextmanager
async def hold(
    db: Database, name: str, holder: str | None = None, *, ttl_s: float = TTL_S
) -> AsyncIterator[Lease]:
    """
    Wait for the lease `name`, hold it for the length of the block, then give it back.

    Cancels the block and raises LeaseLost if it is taken over. A database that is away
    takes nothing from anybody: we go on trying to say that we are alive.
    """
    lease = await _wait_for(db, name, f"{holder or this_process()}#{next(_numbers)}", ttl_s)
    log.info("lease %s taken, token %d", name, lease.token)
    try:
        async with asyncio.TaskGroup() as group:
            beating = group.create_task(_beat(db, lease, ttl_s))
            try:
                yield lease
            finally:
                beating.cancel()
    except BaseExceptionGroup as failed:
        # The block's own error, or that it was cut short because the lease is lost.
        lost = [error for error in failed.exceptions if isinstance(error, LeaseLost)]
        raise (*lost, *failed.exceptions)[0] from None
    finally:
        await _give_back(db, lease)


def this_process() -> str:
    """Name this process so that others on this machine can tell when it has died."""
    started = _started(os.getpid())
    if started is None:
        return f"{os.uname().nodename}/{os.getpid()}"
    return f"{_machine()}/{os.getpid()}/{started}"


def is_surely_dead(holder: str) -> bool:
    """Say whether `holder` is a process of this machine that has ended. In doubt, no."""
    machine, _, rest = holder.partition("#")[0].partition("/")
    pid, _, started = rest.partition("/")
    if machine != _machine() or not pid.isdigit() or not started:
        return False
    return _started(int(pid)) != started


_numbers = itertools.count(1)  # a process may hold one name twice in its life


@dataclass(frozen=True, slots=True)
class _Seen:
    holder: str | None
    token: int
    beat: int


async def _wait_for(db: Database, name: str, holder: str, ttl_s: float) -> Lease:
    last: _Seen | None = None
    since = time.monotonic()
    while True:
        try:
            seen = await _look(db, name)
            if seen is not None and seen.holder == holder:
                return Lease(name, seen.token)  # taken by the attempt whose answer was lost
            if seen != last:
                last, since = seen, time.monotonic()
            stood_still = time.monotonic() - since >= ttl_s
            if seen is None or seen.holder is None or stood_still or is_surely_dead(seen.holder):
                token = await db.repeat(partial(_take, name=name, holder=holder, seen=seen))
                if token is not None:
                    return Lease(name, token)
        except (Unavailable, OutcomeUnknown) as error:
            # Nobody could beat either: start to count anew.
            last = None
            log.info("lease %s: %s", name, error)
        await asyncio.sleep(min(_LOOK_EVERY_S, ttl_s / 4))


async def _look(db: Database, name: str) -> _Seen | None:
    async with db.reading() as tx:
        found = await tx.execute(
            "SELECT holder, token, beat FROM infra_leases WHERE name = %s", (name,)
        )
        row = await found.fetchone()
    return None if row is None else _Seen(row["holder"], row["token"], row["beat"])


async def _take(tx: Transaction, *, name: str, holder: str, seen: _Seen | None) -> int | None:
    """Take the lease if it is still as `seen`; return the new token."""
    if seen is None:
        made = await tx.execute(
            "INSERT INTO infra_leases (name, holder, token) VALUES (%s, %s, 1)"
            " ON CONFLICT DO NOTHING",
            (name, holder),
        )
        return 1 if made.rowcount else None
    # FOR UPDATE, which waits for every transaction that has confirmed; a plain UPDATE would not.
    locked = await tx.execute(
        "SELECT FROM infra_leases WHERE name = %s AND token = %s AND beat = %s FOR UPDATE",
        (name, seen.token, seen.beat),
    )
    if not locked.rowcount:
        return None
    await tx.execute(
        "UPDATE infra_leases SET holder = %s, token = token + 1, beat = 0 WHERE name = %s",
        (holder, name),
    )
    return seen.token + 1


async def _beat(db: Database, lease: Lease, ttl_s: float) -> None:
    async def beat(tx: Transaction) -> None:
        done = await tx.execute(
            "UPDATE infra_leases SET beat = beat + 1 WHERE name = %s AND token = %s",
            (lease.name, lease.token),
        )
        if not done.rowcount:
            raise LeaseLost(f"the lease {lease.name} (token {lease.token}) has been taken over")

    while True:
        await asyncio.sleep(ttl_s / 4)
        try:
            await db.repeat(beat, patience_s=ttl_s)
        except (Unavailable, OutcomeUnknown) as error:
            log.info("lease %s: no beat: %s", lease.name, error)


async def _give_back(db: Database, lease: Lease) -> None:
    async def free(tx: Transaction) -> None:
        await tx.execute(
            "UPDATE infra_leases SET holder = NULL WHERE name = %s AND token = %s",
            (lease.name, lease.token),
        )

    try:
        await db.repeat(free, patience_s=_RELEASE_PATIENCE_S)
    except (Unavailable, OutcomeUnknown) as error:
        log.info("lease %s not given back, it will be taken over: %s", lease.name, error)


def _machine() -> str:
    """Name this boot of this machine and this space of pids (containers share the boot)."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}.{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return os.uname().nodename


def _started(pid: int) -> str | None:
    """Return when `pid` started, in clock ticks since boot; None if it has ended."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if after_name[0] in "ZX" else after_name[19]
