"""
One timer for many calls of equal patience.

Calls that are given the same time run out of it in the order in which they began. So they wait
in a queue, and one timer looks at its head when that is due: beginning and ending a call is one
entry in a dictionary, and the limit is kept exactly. A call whose deadline is nearer than that,
or which is inside another one of the same queue and task, gets a timer of its own.
"""

import asyncio
from asyncio import current_task, get_running_loop
from collections.abc import Callable
from typing import Any

Task = asyncio.Task[Any]


class Alarm:
    """A timer of one call's own."""

    __slots__ = ("cancelling", "handle", "rang", "task")

    def __init__(self, task: Task, after_s: float) -> None:
        self.task = task
        self.rang = False
        self.cancelling = task.cancelling()
        self.handle = task.get_loop().call_later(after_s, self._ring)

    def end(self, error: BaseException | None) -> bool:
        """End the call; return whether `error` is our doing, and only ours."""
        self.handle.cancel()
        if not self.rang:
            return False
        left = self.task.uncancel()
        return left <= self.cancelling and isinstance(error, asyncio.CancelledError)

    def _ring(self) -> None:
        self.rang = True
        self.task.cancel()


class Timers:
    """
    Cancels the task of each call that takes longer than `patience_s`.

    Belongs to one event loop at a time; a new loop finds it empty.
    """

    __slots__ = ("_clock", "_handle", "_loop", "_rang", "_waiting", "patience_s")

    def __init__(self, patience_s: float, clock: Callable[[], float]) -> None:
        self.patience_s = patience_s
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._waiting: dict[Task, float] = {}  # when each call began, oldest first
        self._rang: set[Task] = set()

    def begin(self, now: float, left_s: float) -> Task | Alarm:
        """Begin a call in the current task, which has `left_s` until its deadline."""
        # Asking for the task of a known loop is quick; asking which loop runs is a system call.
        task = (self._loop and current_task(self._loop)) or self._move()
        if left_s < self.patience_s or task in self._waiting or task.cancelling():
            return Alarm(task, min(left_s, self.patience_s))
        self._waiting[task] = now
        if self._handle is None:
            self._handle = task.get_loop().call_later(self.patience_s, self._look)
        return task

    def end(self, begun: Task | Alarm, error: BaseException | None) -> bool:
        """End what `begin` began; return whether `error` is our doing, and only ours."""
        if self._waiting.pop(begun, None) is not None:  # type: ignore[arg-type] # alarms never are
            return False
        if isinstance(begun, Alarm):
            return begun.end(error)
        if begun not in self._rang:
            return False
        self._rang.discard(begun)
        return begun.uncancel() == 0 and isinstance(error, asyncio.CancelledError)

    def _look(self) -> None:
        """Cancel what is overdue, and look again when the next is."""
        self._handle = None
        now = self._clock()
        overdue = []
        for task, began in self._waiting.items():
            left_s = began + self.patience_s - now
            if left_s > 0:
                self._handle = task.get_loop().call_later(left_s, self._look)
                break
            overdue.append(task)
        for task in overdue:
            del self._waiting[task]
            self._rang.add(task)
            task.cancel()

    def _move(self) -> Task:
        """Move to the running loop, and return its task: what waited on another ended with it."""
        self._loop = get_running_loop()
        self._handle = None
        self._waiting.clear()
        self._rang.clear()
        task = current_task(self._loop)
        if task is None:
            raise RuntimeError("only a call inside a task can be given a time limit")
        return task
