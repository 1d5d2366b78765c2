"""
What was found, and who looks after it.

    open -> assigned -> resolved        somebody says why; accepted as it is, or mended
      ^        |           |
      |        +-> auto_resolved        the difference is gone by itself
      +---- comes back ----+            (an accepted one only if it has changed)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.payments.reconciliation.model.kinds import MEANINGS, DifferenceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """
    Two sides that do not say the same about `subject`.

    `story` is what has to be looked at again to see whether it is gone: usually the payment.
    `facts` name what was compared. `at` is since when it is so.
    """

    kind: DifferenceKind
    provider: str
    subject: str
    story: str
    currency: str
    ours_minor: int | None
    theirs_minor: int | None
    at: datetime
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def case_id(self) -> UUID:
        """The same difference is the same case, however often it is found."""
        return derive("reconciliation", self.provider, self.kind, self.subject)

    @property
    def effect_minor(self) -> int:
        """Theirs less ours."""
        return (self.theirs_minor or 0) - (self.ours_minor or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What differs, and how much is merely underway."""

    differences: tuple[Difference, ...]
    pending: int = 0


class CaseState(StrEnum):
    OPEN = "open"
    ASSIGNED = "assigned"
    RESOLVED = "resolved"
    AUTO_RESOLVED = "auto_resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A transfer that mends a case; posted when another operator than its proposer agrees."""

    debit: str
    credit: str
    amount: Money
    reason: str
    proposed_by: str
    proposed_at: datetime
    transfer_id: UUID | None = None

    def facts(self) -> dict[str, object]:
        """Return the correction for a machine."""
        return {
            "debit": self.debit,
            "credit": self.credit,
            "amount_minor": self.amount.minor,
            "currency": self.amount.currency,
            "reason": self.reason,
            "proposed_by": self.proposed_by,
            "proposed_at": self.proposed_at.isoformat(),
            "transfer_id": None if self.transfer_id is None else str(self.transfer_id),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A difference that somebody looks after; `owner` is written as on the trail."""

    case_id: UUID
    difference: Difference
    state: CaseState
    opened_at: datetime
    owner: str | None = None
    resolution: str | None = None
    is_accepted: bool = False
    """Whether it may stay as it is: found again unchanged, it stays resolved."""
    resolved_at: datetime | None = None
    times_opened: int = 1
    correction: Correction | None = None

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do something."""
        return self.state in {CaseState.OPEN, CaseState.ASSIGNED}

    def facts(self, now: datetime) -> dict[str, object]:
        """Return the case for a machine; `age_s` counts to its end, or to `now`."""
        difference, meaning = self.difference, MEANINGS[self.difference.kind]
        age = (self.resolved_at or now) - self.opened_at
        return {
            "case_id": str(self.case_id),
            "provider": difference.provider,
            "kind": difference.kind.value,
            "meaning": meaning.sentence,
            "severity": meaning.severity.value,
            "suggestion": meaning.suggestion,
            "subject": difference.subject,
            "currency": difference.currency,
            "ours_minor": difference.ours_minor,
            "theirs_minor": difference.theirs_minor,
            "since": difference.at.isoformat(),
            "facts": dict(difference.facts),
            "state": self.state.value,
            "owner": self.owner,
            "opened_at": self.opened_at.isoformat(),
            "age_s": max(int(age.total_seconds()), 0),
            "times_opened": self.times_opened,
            "resolution": self.resolution,
            "is_accepted": self.is_accepted,
            "resolved_at": None if self.resolved_at is None else self.resolved_at.isoformat(),
            "correction": None if self.correction is None else self.correction.facts(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One reconciliation of one provider over what moved since `since`."""

    run_id: UUID
    provider: str
    cadence: str
    since: datetime
    until: datetime
    report: str | None = None
    """Canonical JSON, once the run is complete."""
    sha256: str | None = None
    stream_version: int | None = None
    """Which entry of `reconciliation:<provider>` says so."""

    def facts(self) -> dict[str, object]:
        """Return the run for a machine: its report as it was hashed, and where the hash is."""
        return {
            "run_id": str(self.run_id),
            "provider": self.provider,
            "cadence": self.cadence,
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "report": self.report,
            "report_sha256": self.sha256,
            "trail_entry": f"reconciliation:{self.provider}#{self.stream_version}",
        }
