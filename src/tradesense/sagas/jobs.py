"""
Advance sagas that are due: many per commit where a transaction suffices, calls in between.

    due ── claim ──▶ local or waiting: moved in the claiming transaction, as long as the next
              │      move is local too; each move is told, and is undone alone if it fails
              └────▶ remote: the claim is committed; called; the outcome is committed

A claim is a lease in database time, renewed while the call lasts. A killed worker's claim runs
out, another worker makes the call again under the same key, and the late outcome is dropped by
its token.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import structlog

from tradesense.infra.db import Transaction
from tradesense.infra.runtime import Runtime
from tradesense.kernel.errors import OutcomeUnknown, Unavailable
from tradesense.sagas import moves, rules, service, store
from tradesense.sagas.definition import MOVES_MAX, Definition, Local
from tradesense.sagas.model import Data, Saga, Sort
from tradesense.sagas.moves import Call, Moved
from tradesense.sagas.store import Claimed

# Taken over after 4 s, well inside the 5 s that a trader may notice; renewed four times as often.
LEASE_S = 4.0

# A provider that has not answered by then has hung; the outcome is unknown, the key is repeated.
ASK_TIMEOUT_S = 30.0

BATCH = 100
CALLS_MAX = 16

log = structlog.get_logger()


class Runner:
    """Advances the sagas of some definitions; its calls are tasks of the owner's group."""

    def __init__(
        self,
        runtime: Runtime,
        definitions: Sequence[Definition],
        calls: asyncio.TaskGroup,
        *,
        on_settled: Callable[[], None] | None = None,
        lease_s: float = LEASE_S,
        batch: int = BATCH,
    ) -> None:
        self._runtime = runtime
        self._definitions = {definition.pin: definition for definition in definitions}
        self._calls = calls
        self._calls_free = CALLS_MAX
        self._lease_s = lease_s
        self._batch = batch
        self._on_settled = on_settled  # told whenever a call has come to its end

    async def is_due(self, tx: Transaction) -> bool:
        """Return whether anything could move now; cheap."""
        return await store.has_due(tx, pins=list(self._definitions), now=self._runtime.now())

    async def advance(self) -> int:
        """Move what is due, if anything is, and return how many instances that were."""
        async with self._runtime.db.reading() as tx:
            if not await self.is_due(tx):
                return 0
        return await self.move_due()

    async def move_due(self) -> int:
        """Do the same for whoever knows that something is: where nothing is, a key is spent."""
        now = self._runtime.now()
        try:
            moved = await self._commit(now, has_savepoints=False)
        except moves.Stumbled:
            moved = await self._commit(now, has_savepoints=True)
        for call in (each.call for each in moved):
            if call is not None:
                self._calls_free -= 1
                self._calls.create_task(self._make(call))
        return len(moved)

    async def _commit(self, now: datetime, *, has_savepoints: bool) -> list[Moved]:
        return await self._runtime.db.run(
            lambda tx: self._claim(tx, now, has_savepoints=has_savepoints),
            key=f"sagas:{self._runtime.new_id()}",
        )

    async def _claim(self, tx: Transaction, now: datetime, *, has_savepoints: bool) -> list[Moved]:
        """Hold what is due and move it, each as far as it goes without a call or a wait."""
        claimed = await store.claim(
            tx, pins=list(self._definitions), now=now, batch=self._batch, calls=self._calls_free
        )
        if not claimed:
            return []
        is_alone = len(claimed) == 1 and not has_savepoints
        moved = await self._move(tx, claimed, now, is_alone=is_alone)
        for _ in range(MOVES_MAX - 1):
            going = [
                Claimed(saga=each.save.saga, token=0, asked_s=None)
                for each in moved.values()
                if each.goes_on
            ]
            if not going:
                break
            further = await self._move(tx, going, now, is_alone=is_alone)
            moved |= {saga_id: moved[saga_id].then(later) for saga_id, later in further.items()}
        await _keep(tx, list(moved.values()), now)
        return list(moved.values())

    async def _move(
        self, tx: Transaction, claimed: Sequence[Claimed], now: datetime, *, is_alone: bool
    ) -> dict[UUID, Moved]:
        """Make one move of each instance that `tx` holds."""
        moved = await self._advance_together(tx, claimed, now)
        waiting = [each.saga.id for each in claimed if self._awaits(each.saga)]
        signals = await store.read_signals(tx, waiting) if waiting else {}
        for each in claimed:
            if each.saga.id not in moved:
                moved[each.saga.id] = await moves.advance(
                    tx,
                    self._of(each.saga),
                    each,
                    signals,
                    lease_s=self._lease_s,
                    is_alone=is_alone,
                    now=now,
                )
        return moved

    async def _advance_together(
        self, tx: Transaction, claimed: Sequence[Claimed], now: datetime
    ) -> dict[UUID, Moved]:
        """Make the moves that several instances share and that are made for many at once."""
        sharing: dict[tuple[str, str], list[Saga]] = {}
        for saga in (each.saga for each in claimed):
            move = rules.current(self._of(saga).shape, saga)
            if move is not None and move.sort is Sort.LOCAL:
                sharing.setdefault((self._of(saga).pin, move.name), []).append(saga)
        moved: dict[UUID, Moved] = {}
        for (pin, name), sagas in sharing.items():
            definition = self._definitions[pin]
            step = definition.find_step(name)
            if isinstance(step, Local) and len(sagas) > 1:
                done = await moves.advance_each(tx, definition, step, sagas, now=now)
                moved |= {each.save.saga.id: each for each in done or ()}
        return moved

    def _awaits(self, saga: Saga) -> bool:
        move = rules.current(self._of(saga).shape, saga)
        return move is not None and move.sort is Sort.AWAIT

    def _of(self, saga: Saga) -> Definition:
        return self._definitions[f"{saga.kind}:{saga.version}"]

    async def _make(self, call: Call) -> None:
        """Make a claimed call and commit its outcome, or let the claim run out."""
        try:
            outcome = await self._ask(call)
            now = self._runtime.now()
            await self._runtime.db.run(
                lambda tx: _settle(tx, call, outcome, now),
                key=f"saga:{call.saga.id}:{call.token}",
            )
        except (Unavailable, OutcomeUnknown) as error:
            log.warning("saga outcome not kept", saga=str(call.saga.id), trouble=str(error))
        finally:
            self._calls_free += 1
            if self._on_settled is not None:
                self._on_settled()

    async def _ask(self, call: Call) -> object:
        """Return the provider's answer, or the error that stood in its place."""
        async with asyncio.TaskGroup() as group:
            beat = group.create_task(self._renew(call))
            try:
                async with asyncio.timeout(ASK_TIMEOUT_S):
                    return await call.step.ask(self._runtime, call.saga, call.key)
            except TimeoutError:
                return OutcomeUnknown(f"no answer in {ASK_TIMEOUT_S:.0f} s")
            except Exception as error:  # noqa: BLE001 -- judged when the outcome is committed
                return error
            finally:
                beat.cancel()

    async def _renew(self, call: Call) -> None:
        while True:
            await asyncio.sleep(self._lease_s / 4)
            try:
                await self._runtime.db.repeat(
                    lambda tx: store.renew(
                        tx, call.saga.id, token=call.token, lease_s=self._lease_s
                    ),
                    patience_s=self._lease_s / 4,
                )
            except (Unavailable, OutcomeUnknown) as error:
                log.info("saga claim not renewed", saga=str(call.saga.id), trouble=str(error))


async def advance_due(runtime: Runtime, definitions: Sequence[Definition]) -> int:
    """Move what is due once, wait for its calls, and return how many instances that were."""
    async with asyncio.TaskGroup() as calls:
        return await Runner(runtime, definitions, calls).advance()


async def _settle(tx: Transaction, call: Call, outcome: object, now: datetime) -> None:
    saga = await store.lock_claimed(tx, call.saga.id, token=call.token)
    if saga is None:
        log.info("saga claim was taken over", saga=str(call.saga.id), key=call.key)
        return
    shape = call.definition.shape
    if isinstance(outcome, Exception):
        after = moves.judge(shape, saga, outcome)
    else:
        kept = await moves.attempt(tx, lambda: call.step.settle(tx, saga, outcome, now))
        after = moves.judge(shape, saga, _unrefusable(kept))
    await _keep(tx, [moves.follow(shape, saga, after, outcome=outcome)], now)


def _unrefusable(kept: Data | Exception) -> Data | Exception:
    """Make an error of keeping one to try again: what has happened outside cannot be refused."""
    if isinstance(kept, Exception):
        return OutcomeUnknown(f"done, but not kept: {moves.trouble(kept)}")
    return kept


async def _keep(tx: Transaction, moved: Sequence[Moved], now: datetime) -> None:
    await service.keep(tx, [(each.save, each.events) for each in moved], now=now)
