"""Where time, chance and waiting come from: the machine, or a test that drives them."""

import asyncio
import random  # noqa: TID251 -- the one default source of jitter; tests pass their own
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    What the runners take from outside.

    `monotonic` gives seconds from any origin and never goes back: durations and leases know no
    wall clock. It must run at the pace of the event loop. `chance` gives numbers in [0, 1).
    """

    monotonic: Callable[[], float]
    chance: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]


REAL = Surroundings(time.monotonic, random.random, asyncio.sleep)
