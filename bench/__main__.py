"""Runs every benchmark: `python -m bench [--json]`."""

from importlib import import_module
from pkgutil import iter_modules
from typing import cast

import bench
from bench.harness import Row, show

NOT_ONE = {"harness", "__main__"}


def measure_all() -> list[Row]:
    """Return the rows of every benchmark, in order of their names."""
    rows: list[Row] = []
    for found in sorted(iter_modules(bench.__path__), key=lambda each: each.name):
        if found.name not in NOT_ONE and not found.ispkg:
            rows += cast(list[Row], import_module(f"bench.{found.name}").measure())
    return rows


show(measure_all())
