"""What a finding means for the case that may be open already, and the report of a run. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from tradesense.kernel.canonical import canonical
from tradesense.kernel.events import Event
from tradesense.payments.reconciliation import model
from tradesense.payments.reconciliation.model import (
    MEANINGS,
    Case,
    CaseState,
    Difference,
    Findings,
    Run,
)


@dataclass(frozen=True, slots=True)
class Change:
    """A case as it stands now, and the fact that it came to this."""

    case: Case
    event: Event


def after_finding(
    cases: Mapping[UUID, Case], found: Sequence[Difference], *, now: datetime
) -> list[Change]:
    """
    Return what `found` changes in `cases`, which are all of one provider that may be open.

    A difference that is found for the first time opens a case; one that came back, or was not
    really mended, opens it again; an open case whose difference is gone ends by itself.
    """
    changes = [
        change
        for difference in found
        if (change := _seen(cases.get(difference.case_id), difference, now)) is not None
    ]
    still_there = {difference.case_id for difference in found}
    for case_id, case in cases.items():
        if case.is_open and case_id not in still_there:
            changes.append(_gone(case, now))
    return changes


def _seen(case: Case | None, difference: Difference, now: datetime) -> Change | None:
    told = {
        "case_id": difference.case_id,
        "kind": difference.kind.value,
        "subject": difference.subject,
        "currency": difference.currency,
        "ours_minor": difference.ours_minor,
        "theirs_minor": difference.theirs_minor,
    }
    if case is None:
        opened = Case(
            case_id=difference.case_id, difference=difference, state=CaseState.OPEN, opened_at=now
        )
        return Change(opened, model.DifferenceFound(**told))  # type: ignore[arg-type] # by name
    is_same = _content(case.difference) == _content(difference)
    if is_same and (case.is_open or (case.state is CaseState.RESOLVED and case.is_accepted)):
        return None
    if case.is_open:
        return Change(replace(case, difference=difference), model.DifferenceFound(**told))  # type: ignore[arg-type] # ditto
    reopened = replace(
        case,
        difference=difference,
        state=CaseState.OPEN if case.owner is None else CaseState.ASSIGNED,
        opened_at=now,
        resolution=None,
        is_accepted=False,
        resolved_at=None,
        times_opened=case.times_opened + 1,
    )
    return Change(reopened, model.DifferenceReopened(**told))  # type: ignore[arg-type] # ditto


def _gone(case: Case, now: datetime) -> Change:
    ended = replace(
        case,
        state=CaseState.AUTO_RESOLVED,
        resolution="all sides agree again",
        resolved_at=now,
    )
    difference = case.difference
    event = model.DifferenceGone(
        case_id=case.case_id, kind=difference.kind, subject=difference.subject
    )
    return Change(ended, event)


def _content(difference: Difference) -> tuple[object, ...]:
    return difference.currency, difference.ours_minor, difference.theirs_minor


def count_kinds(findings: Findings) -> dict[str, int]:
    """Return how many differences there are of each kind that was found."""
    return dict(Counter(difference.kind.value for difference in findings.differences))


def report_of(
    run: Run,
    findings: Findings,
    *,
    cases: Iterable[Case],
    totals: Mapping[str, Mapping[str, int]],
    trail_size: int,
) -> str:
    """
    Return a run's report as canonical JSON; the same comparison gives the same bytes.

    `cases` are the provider's after the run, `totals` what each side holds by currency, and
    `trail_size` how much of the trail was sealed when both were read.
    """
    effects: Counter[str] = Counter()
    for difference in findings.differences:
        effects[difference.currency] += difference.effect_minor
    known = {case.case_id: case for case in cases}
    return canonical(
        {
            "run_id": run.run_id,
            "provider": run.provider,
            "cadence": run.cadence,
            "since": run.since,
            "until": run.until,
            "differences": len(findings.differences),
            "pending": findings.pending,
            "open_cases": sum(case.is_open for case in known.values()),
            "accepted_cases": sum(case.is_accepted for case in known.values()),
            "by_kind": count_kinds(findings),
            "theirs_less_ours_minor": effects,
            "totals_minor": totals,
            "trail_size": trail_size,
            "cases": [
                {
                    "case_id": difference.case_id,
                    "kind": difference.kind,
                    "severity": MEANINGS[difference.kind].severity,
                    "subject": difference.subject,
                    "currency": difference.currency,
                    "ours_minor": difference.ours_minor,
                    "theirs_minor": difference.theirs_minor,
                }
                for difference in findings.differences
            ],
        }
    ).decode()
