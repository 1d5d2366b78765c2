"""A block of code under guard, where what is guarded is no function: a transaction, say."""

from types import TracebackType

from tradesense.kernel.errors import Rejected
from tradesense.resilience.breaker.permits import FREE, Permit
from tradesense.resilience.deadline.scope import due
from tradesense.resilience.policy.guards import Guards


class Block:
    """
    One call that is written as a block. Entering raises a Refused as a call does.

    Nothing is repeated, hedged or cut off: a block cannot be run again, and it has begun things
    that only it can end. A deadline that has passed keeps it from beginning.
    """

    __slots__ = ("_guards", "_permit", "_start")

    def __init__(self, guards: Guards) -> None:
        self._guards = guards
        self._permit: Permit = FREE
        self._start = 0.0

    async def __aenter__(self) -> None:
        guards = self._guards
        start = guards.clock()
        if due.get() <= start:
            raise guards.timeout.refusal()
        self._permit = permit = guards.machine.window or guards.machine.admit(start)
        places = guards.places
        if places.free > places.kept_back and guards.limiter is None:
            places.free -= 1
        else:
            start, _ = await guards.wait(permit, start)
        self._start = start

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        guards = self._guards
        now = guards.clock()
        if error is None:
            self._permit.settle(self._start, now, None)
        else:
            # What a rule says no to inside the block is no failure of whom the block is about.
            guards.failures += isinstance(error, Exception) and not isinstance(error, Rejected)
            self._permit.fail(self._start, now, error)
        guards.leave(now - self._start)
