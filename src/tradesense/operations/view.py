"""How breakers are shown: what was decided, and what each process of this machine says."""

from collections.abc import Iterable, Sequence
from typing import Any

from tradesense.infra import policies
from tradesense.infra.policies import Report
from tradesense.operations.model import Directive


def show_breakers(
    directives: Iterable[Directive], reports: Iterable[Report]
) -> list[dict[str, Any]]:
    """Return each breaker with its directive, if one stands, and its state in each process."""
    decided = {each.policy: each for each in directives}
    told = list(reports)
    return [
        {
            "name": name,
            "directive": show_directive(decided[name])
            if name in decided and decided[name].is_standing
            else None,
            "processes": _processes(name, told),
        }
        for name in policies.BREAKERS
    ]


def show_directive(decided: Directive) -> dict[str, Any]:
    """Return what was decided."""
    return {
        "policy": decided.policy,
        "state": decided.state.value,
        "why": decided.why,
        "by": decided.by,
        "at": decided.at.isoformat(),
        "left_s": None if decided.left_s is None else round(decided.left_s),
        "version": decided.version,
    }


def _processes(name: str, reports: Sequence[Report]) -> list[dict[str, Any]]:
    return [
        {
            "process": report.process,
            "pid": report.pid,
            "seen_s_ago": round(report.age_s, 1),
            "state": policy["breaker"]["state"],
            "why": policy["breaker"]["why"],
            "rest_left_s": round(policy["breaker"]["rest_left_s"], 1),
            "calls": sum(policy["latency"]["counts"]),
            "window_failures": policy["breaker"]["failures"],
            "refusals": policy["refusals"]["breaker"],
            "times_opened": policy["breaker"]["times_opened"],
        }
        for report in reports
        for policy in report.policies
        if policy["name"] == name and policy["breaker"] is not None
    ]
