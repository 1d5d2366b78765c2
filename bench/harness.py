"""
What every benchmark shares: interleaved rounds, medians, one table.

A benchmark is a module with `measure() -> list[Row]` and, at its end,
`if __name__ == "__main__": show(measure())`. It compares in one run, so that a slow machine or a
busy hour changes both sides alike: trust ratios before values.
"""

import json
import os
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

ROUNDS = 5  # a median of five forgives two that were disturbed


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. `against` says what it is held against; `ratio` how it compares, 1 = equal."""

    name: str
    value: float
    unit: str
    against: str | None = None
    ratio: float | None = None


def interleaved(
    candidates: Mapping[str, Callable[[], float]], *, rounds: int = ROUNDS
) -> dict[str, float]:
    """Return the median figure of each candidate over rounds in which each ran once."""
    seen: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, run in candidates.items():
            seen[name].append(run())
    return {name: statistics.median(figures) for name, figures in seen.items()}


def show(rows: Sequence[Row], argv: Sequence[str] | None = None) -> None:
    """Print the rows for people, or with `--json` for a machine."""
    if "--json" in (sys.argv[1:] if argv is None else argv):
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return
    print("load average", *(f"{load:.1f}" for load in os.getloadavg()))
    width = max((len(row.name) for row in rows), default=0)
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:8.2f} x {row.against}"
        print(f"{row.name:<{width}}  {row.value:>14,.1f} {row.unit:<12}{ratio}")
