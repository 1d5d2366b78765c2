"""
What a message does to the fleet's record. Pure; the time is the store's.

A store applies `step` atomically: by a transaction, a lock, or compare-and-set and again.
"""

from dataclasses import dataclass, replace

from tradesense.resilience.fleet.record import Fleet, FleetSettings, Loan, Phase, Report


@dataclass(frozen=True, slots=True)
class Beat:
    """One member's news: what it counts now, what its probe found, whether it wants another."""

    member: str
    era: int  # the last it was told: counts from before the present one are old news
    calls: int
    failures: int
    wants_probe: bool = False
    probed: str | None = None  # the loan whose probe is decided
    probed_well: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """What the store answers a member: durations, not moments, so that no two clocks meet."""

    phase: Phase
    era: int
    rest_left_s: float
    loan: str | None  # the member may make one probe under it
    loan_left_s: float


def step(fleet: Fleet, beat: Beat, now_s: float, settings: FleetSettings) -> tuple[Fleet, View]:
    """Return the record after `beat`, and what its sender is told."""
    fleet = _forget(fleet, now_s, settings)
    fleet = _hear(fleet, beat, now_s)
    if beat.probed is not None:
        fleet = _judge(fleet, beat, now_s, settings)
    if fleet.phase is Phase.CLOSED and _is_failing(fleet, now_s, settings):
        fleet = _open(fleet, now_s, settings)
    loan = _loan_of(fleet, beat.member)
    if beat.wants_probe and loan is None and _may_lend(fleet, now_s, settings):
        fleet, loan = _lend(fleet, beat.member, now_s, settings)
    view = View(
        fleet.phase,
        fleet.era,
        max(0.0, fleet.rest_until_s - now_s) if fleet.phase is Phase.OPEN else 0.0,
        loan,
        fleet.loans[loan].until_s - now_s if loan is not None else 0.0,
    )
    return fleet, view


def _forget(fleet: Fleet, now_s: float, settings: FleetSettings) -> Fleet:
    """Let go of members that are silent and of leases that ran out; their clock is the store's."""
    oldest_s = now_s - settings.report_life_s
    return replace(
        fleet,
        since_s=now_s if fleet.since_s is None else fleet.since_s,
        reports={name: r for name, r in fleet.reports.items() if r.at_s > oldest_s},
        loans={name: loan for name, loan in fleet.loans.items() if loan.until_s > now_s},
    )


def _hear(fleet: Fleet, beat: Beat, now_s: float) -> Fleet:
    if beat.era != fleet.era:
        return fleet  # it does not know yet that the fleet closed, or that the record is new
    report = Report(beat.calls, beat.failures, now_s)
    return replace(fleet, reports={**fleet.reports, beat.member: report})


def _judge(fleet: Fleet, beat: Beat, now_s: float, settings: FleetSettings) -> Fleet:
    loan = fleet.loans.get(beat.probed or "")
    if fleet.phase is not Phase.OPEN or loan is None or loan.member != beat.member:
        return fleet  # too late: the lease ran out, or the fleet has decided without it
    if beat.probed_well:
        return Fleet(era=fleet.era + 1, since_s=now_s, lent=fleet.lent)
    return _open(fleet, now_s, settings)


def _is_failing(fleet: Fleet, now_s: float, settings: FleetSettings) -> bool:
    if fleet.since_s is None or now_s - fleet.since_s < settings.hearing_s:
        return False
    heard = [report for report in fleet.reports.values() if report.calls]
    calls = sum(report.calls for report in heard)
    failures = sum(report.failures for report in heard)
    ill = sum(report.failures >= settings.failure_rate * report.calls for report in heard)
    return (
        ill >= settings.quorum_min
        and ill > settings.quorum_share * len(heard)
        and calls >= settings.calls_min
        and failures >= settings.failure_rate * calls
    )


def _open(fleet: Fleet, now_s: float, settings: FleetSettings) -> Fleet:
    grown_s = fleet.rest_s * settings.rest_growth if fleet.rest_s else settings.rest_s
    rest_s = min(grown_s, settings.rest_max_s)
    return replace(
        fleet,
        phase=Phase.OPEN,
        era=fleet.era + 1,
        since_s=now_s,
        rest_s=rest_s,
        rest_until_s=now_s + rest_s,
        loans={},
    )


def _loan_of(fleet: Fleet, member: str) -> str | None:
    return next((name for name, loan in fleet.loans.items() if loan.member == member), None)


def _may_lend(fleet: Fleet, now_s: float, settings: FleetSettings) -> bool:
    rested = fleet.phase is Phase.OPEN and now_s >= fleet.rest_until_s
    return rested and len(fleet.loans) < settings.probes


def _lend(fleet: Fleet, member: str, now_s: float, settings: FleetSettings) -> tuple[Fleet, str]:
    name = f"{fleet.era}:{fleet.lent}"
    loans = {**fleet.loans, name: Loan(member, now_s + settings.probe_lease_s)}
    return replace(fleet, loans=loans, lent=fleet.lent + 1), name
