"""
How long things may take.

Owns: the deadline of the running block (a context variable) and limits on calls.
Promises: no call outlives its deadline; a call's own TimeoutError is never replaced.
Speaks: `CutOff` (it may have happened), `NoTimeLeft` (it did not), `RanOutOfTime`.
"""

from tradesense.resilience.deadline.scope import deadline, left_s
from tradesense.resilience.deadline.timeout import Timeout

__all__ = ["Timeout", "deadline", "left_s"]
