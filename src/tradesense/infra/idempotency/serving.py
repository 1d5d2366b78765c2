"""Verbs of ours: claim, effect and rendered answer are one commit, or none of them happened."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tradesense.infra.db import Transaction
from tradesense.infra.idempotency import claims
from tradesense.infra.idempotency.answers import Answer, Cipher, Unreadable
from tradesense.infra.idempotency.claims import Found, Life, Name
from tradesense.kernel.errors import InvariantBroken, Rejected, Throttled, Unauthenticated
from tradesense.resilience.idempotency import Finding, KeyReused, StillServed, judge

Refuse = Callable[[Rejected], Awaitable[Answer]]

# Refusals that say "not now" or "not you, so far": no answers to keep for a day.
PASSING = (Throttled, Unauthenticated)
_LEAST_WAIT_S = 1.0  # Retry-After knows whole seconds; most verbs take a few milliseconds


class AnswerUnreadable(InvariantBroken):
    """A stored answer is not from under this instance's secret; its effect has happened."""

    code = "idempotency.answer_unreadable"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it is known to the store. `secret`: 32 bytes, for the answer."""

    name: Name
    digest: bytes
    secret: bytes = field(repr=False)

    @property
    def cipher(self) -> Cipher:
        """What seals the answers of this name."""
        return Cipher(self.secret, self.name.text)


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, what the request turned out to be, and where and how long the answer is kept."""

    answer: Answer
    finding: Finding
    life: Life


async def once(
    tx: Transaction,
    asked: Asked,
    *,
    verb: Callable[[Transaction], Awaitable[Answer]],
    refuse: Refuse | None = None,
    begin: Callable[[], None] = lambda: None,
) -> Told:
    """
    Return the answer stored for the request, or run `verb` and store its answer.

    What `verb` refuses is undone, rendered by `refuse` and stored; without `refuse`, and for
    refusals that pass, it is raised. `begin` is called before the verb. Raises KeyReused,
    StillServed, AnswerUnreadable.
    """
    finding, found = await look(tx, asked)
    if found is not None and finding is Finding.REPLAY:
        return replay(asked, found)
    if finding is Finding.TAKEOVER:
        raise StillServed  # claimed by an errand, which may have done something elsewhere
    begin()
    if finding is Finding.EXPIRED:
        await claims.discard(tx, asked.name)
    answer = await answered(tx, verb, refuse)
    life = await claims.keep(
        tx,
        asked.name,
        digest=asked.digest,
        status=answer.status,
        sealed=asked.cipher.seal(answer),
    )
    return Told(answer, finding, life)


async def look(tx: Transaction, asked: Asked) -> tuple[Finding, Found | None]:
    """
    Lock the key and return what the request is; never waits for whoever has locked it.

    Raises KeyReused, StillServed.
    """
    is_locked = await claims.lock(tx, asked.name)
    found = await claims.find(tx, asked.name)
    finding = judge(None if found is None else found.claim, asked.digest, is_locked=is_locked)
    if finding is Finding.MISMATCH:
        raise KeyReused("this Idempotency-Key was used for another request; take a new one")
    if finding is Finding.CONFLICT:
        leased_for_s = 0.0 if found is None else found.leased_for_s
        raise StillServed(retry_after_s=max(_LEAST_WAIT_S, leased_for_s))
    return finding, found


def replay(asked: Asked, found: Found) -> Told:
    """Return the stored answer. Raises AnswerUnreadable: to run the verb again would be worse."""
    try:
        answer = asked.cipher.open(found.answer or b"")
    except Unreadable as error:
        raise AnswerUnreadable(
            f"the answer under {asked.name.scope} cannot be opened: has the secret changed?"
        ) from error
    return Told(answer, Finding.REPLAY, found.life)


async def answered(
    tx: Transaction, verb: Callable[[Transaction], Awaitable[Answer]], refuse: Refuse | None
) -> Answer:
    """Run `verb` in a savepoint; what it refuses for good is undone and rendered."""
    try:
        async with tx.transaction():
            return await verb(tx)
    except Rejected as refused:
        if refuse is None or isinstance(refused, PASSING):
            raise
        return await refuse(refused)
