"""What reconciliation publishes, on `reconciliation:<provider>`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tradesense.kernel.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceFound(Event):
    """A case is opened; `ours_minor` and `theirs_minor` are None where a side has nothing."""

    case_id: UUID
    kind: str
    subject: str
    currency: str
    ours_minor: int | None
    theirs_minor: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceReopened(Event):
    """A difference that was resolved is there again, or has changed."""

    case_id: UUID
    kind: str
    subject: str
    currency: str
    ours_minor: int | None
    theirs_minor: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceGone(Event):
    """All sides agree again; nobody resolved the case."""

    case_id: UUID
    kind: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAssigned(Event):
    case_id: UUID
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionProposed(Event):
    """A transfer shall mend the case; it is posted when somebody else agrees."""

    case_id: UUID
    debit: str
    credit: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResolved(Event):
    """Somebody says what it was; `transfer_id` is the correcting transfer, if there is one."""

    case_id: UUID
    resolution: str
    is_accepted: bool
    transfer_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationCompleted(Event):
    """All sides were compared; the stored report has this hash. Zero differences are said too."""

    run_id: UUID
    cadence: str
    since: datetime
    until: datetime
    differences: int
    open_cases: int
    by_kind: Mapping[str, int]
    report_sha256: str
