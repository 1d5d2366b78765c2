"""
Verbs of others: what we intend, what they do, and the answer are three steps.

    claim + intent ─commit─▶ call ─▶ outcome + answer ─commit─▶
          │                    │ did not happen: the claim is let go, the intent stays
          │                    │ nobody knows, or we died: the lease runs out
          └──── the next request under the key takes over: it asks the provider what it
                knows under our key, and only if that is nothing calls again, with that key

The claim is leased by the database's clock and fenced by a token: who comes back late finds
another token and changes nothing.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from tradesense.infra.db import Database, Transaction
from tradesense.infra.idempotency import claims
from tradesense.infra.idempotency.answers import Answer
from tradesense.infra.idempotency.claims import Held
from tradesense.infra.idempotency.serving import (
    PASSING,
    Asked,
    Refuse,
    Told,
    answered,
    look,
    replay,
)
from tradesense.kernel.errors import OutcomeUnknown, Rejected, Unavailable
from tradesense.kernel.ids import derive
from tradesense.resilience.idempotency import Finding, StillServed

log = logging.getLogger(__name__)

T = TypeVar("T")

# As long as a saga's: a killed process is succeeded before its client gives up; renewed four
# times as often while the call lasts.
LEASE_S = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand(Generic[T]):
    """
    One thing to have done elsewhere. `call` and `look` get the key to send along.

    `intend` may refuse; then nothing is called. `call` raises Rejected if they refused for good
    and Unavailable if it surely did not happen; whatever else it raises may have happened.
    `look` returns what they did under the key, or None if they never heard of it. `forgo`
    undoes the intent when they refuse. `keep` and `forgo` may run again, before a commit.
    """

    intend: Callable[[Transaction], Awaitable[None]]
    call: Callable[[str], Awaitable[T]]
    look: Callable[[str], Awaitable[T | None]]
    keep: Callable[[Transaction, T], Awaitable[Answer]]
    forgo: Callable[[Transaction, Rejected], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner(Generic[T]):
    """Runs one errand for one request."""

    db: Database
    asked: Asked
    errand: Errand[T]
    refuse: Refuse
    new_key: Callable[[], str]  # for commits
    patience_s: float
    lease_s: float = LEASE_S

    async def run(self, begin: Callable[[], None]) -> Told:
        """
        Return the stored answer, or have it done and store the answer.

        Raises KeyReused, StillServed, Unavailable if it did not happen, OutcomeUnknown if
        nobody can say; ask again under the same key.
        """
        claimed = await self.db.run(
            lambda tx: self._claim(tx, begin), key=self.new_key(), patience_s=self.patience_s
        )
        if isinstance(claimed, Told):
            return claimed
        finding, held = claimed
        outcome = await self._ask(held, is_takeover=finding is Finding.TAKEOVER)
        if isinstance(outcome, (Unavailable, *PASSING)):
            await self._let_go(held)
            raise outcome
        if isinstance(outcome, Exception) and not isinstance(outcome, Rejected):
            raise outcome
        return await self.db.run(
            lambda tx: self._settle(tx, held, outcome, finding),
            key=self.new_key(),
            patience_s=self.patience_s,
        )

    async def _claim(
        self, tx: Transaction, begin: Callable[[], None]
    ) -> Told | tuple[Finding, Held]:
        asked = self.asked
        finding, found = await look(tx, asked)
        if found is not None and finding is Finding.REPLAY:
            return replay(asked, found)
        begin()
        if finding is Finding.TAKEOVER:
            return finding, await claims.take_over(tx, asked.name, lease_s=self.lease_s)
        if finding is Finding.EXPIRED:
            await claims.discard(tx, asked.name)
        refusal: list[Answer] = []

        async def refuse(refused: Rejected) -> Answer:
            refusal.append(await self.refuse(refused))
            return refusal[0]

        await answered(tx, self._intend, refuse)
        if refusal:
            return await self._keep_refusal(tx, refusal[0], finding)
        return finding, await claims.claim(
            tx, asked.name, digest=asked.digest, lease_s=self.lease_s
        )

    async def _intend(self, tx: Transaction) -> Answer:
        await self.errand.intend(tx)
        return Answer.empty()

    async def _keep_refusal(self, tx: Transaction, answer: Answer, finding: Finding) -> Told:
        asked = self.asked
        life = await claims.keep(
            tx,
            asked.name,
            digest=asked.digest,
            status=answer.status,
            sealed=asked.cipher.seal(answer),
        )
        return Told(answer, finding, life)

    async def _ask(self, held: Held, *, is_takeover: bool) -> T | Exception:
        """Return what they did, or the error that stood in its place."""
        key = str(derive("errand", self.asked.name.text, held.birth))
        async with asyncio.TaskGroup() as group:
            beat = group.create_task(self._renew(held))
            try:
                known = await self.errand.look(key) if is_takeover else None
                return await self.errand.call(key) if known is None else known
            except Exception as error:  # noqa: BLE001 -- returned, and raised by the caller
                return error
            finally:
                beat.cancel()

    async def _renew(self, held: Held) -> None:
        while True:
            await asyncio.sleep(self.lease_s / 4)
            await self._extend(held, self.lease_s)

    async def _let_go(self, held: Held) -> None:
        await self._extend(held, 0.0)

    async def _extend(self, held: Held, lease_s: float) -> None:
        try:
            await self.db.repeat(
                lambda tx: claims.renew(tx, self.asked.name, token=held.token, lease_s=lease_s),
                patience_s=self.lease_s / 4,
            )
        except (Unavailable, OutcomeUnknown) as error:
            log.info("claim not renewed, it may be taken over: %s", error)

    async def _settle(
        self, tx: Transaction, held: Held, outcome: T | Rejected, finding: Finding
    ) -> Told:
        asked = self.asked
        if not await claims.lock_held(tx, asked.name, token=held.token):
            raise StillServed  # or answered meanwhile, by whoever took over
        if isinstance(outcome, Rejected):
            await self.errand.forgo(tx, outcome)
            answer = await self.refuse(outcome)
        else:
            answer = await self._keep(tx, outcome)
        life = await claims.settle(
            tx, asked.name, status=answer.status, sealed=asked.cipher.seal(answer)
        )
        return Told(answer, finding, life)

    async def _keep(self, tx: Transaction, outcome: T) -> Answer:
        try:
            return await self.errand.keep(tx, outcome)
        except Rejected as refused:
            # What has happened elsewhere cannot be refused here.
            raise OutcomeUnknown(f"done, but not kept: {refused}") from refused
