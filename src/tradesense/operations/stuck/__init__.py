"""
What stands still until a person decides: parked sagas and dead letters of the bus.

Operators look at them, mend what was wrong, and let them go on, with a reason on the trail.
"""

from tradesense.operations.stuck.service import (
    UnclearReplay,
    get_saga,
    replay_dead,
    resume_saga,
)
from tradesense.operations.stuck.view import show_letter, show_parked, show_saga

__all__ = [
    "UnclearReplay",
    "get_saga",
    "replay_dead",
    "resume_saga",
    "show_letter",
    "show_parked",
    "show_saga",
]
