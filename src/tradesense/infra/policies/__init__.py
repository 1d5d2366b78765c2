"""
What guards our calls to others: one named policy per dependency, the same names in each process.

Owns     the names and settings of the policies; what they say in logs, metrics and reports.
Promises there is no way to a client of the outside world but through one of them.
Speaks   `platform_policies`, `own_policy` for what only one process calls.
"""

from tradesense.infra.policies.plan import (
    BREAKERS,
    DATABASE,
    REDIS,
    STRIPE,
    own_policy,
    patient,
    platform_policies,
    shedding,
)
from tradesense.infra.policies.reports import Report, read, report, watching

__all__ = [
    "BREAKERS",
    "DATABASE",
    "REDIS",
    "STRIPE",
    "Report",
    "own_policy",
    "patient",
    "platform_policies",
    "read",
    "report",
    "shedding",
    "watching",
]
