"""The kit stands alone: it imports the kernel and Python, and its decisions not even the clock."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import house_rules
import tradesense.resilience

HOME = Path(tradesense.resilience.__file__).parent
FILES = [f for f in sorted(HOME.rglob("*.py")) if "idempotency" not in f.parts]
# What waits, knows the time or rolls dice. Everything else decides.
RUNNERS = {
    "surroundings", "happenings", "scope", "timers", "timeout", "tries", "hedge", "waiting",
    "bulkhead", "limiter", "priority", "guard", "stale", "rotation", "chain", "dead_letters",
    "policy", "policies", "blocks", "guards", "member", "presets", "__init__", "callables",
}  # fmt: skip
OUTSIDE = {"asyncio", "time", "random", "logging", "os", "threading", "contextvars", "datetime"}


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(HOME)))
def test_a_file_needs_the_kernel_and_python_only(file):
    for name in house_rules.imports(file.read_text()):
        top = name.split(".")[0]
        ours = name.startswith(("tradesense.kernel", "tradesense.resilience"))
        assert ours or top in sys.stdlib_module_names, name


@pytest.mark.parametrize("file", [f for f in FILES if f.stem not in RUNNERS], ids=lambda f: f.stem)
def test_a_decision_knows_no_clock_no_chance_and_does_not_wait(file):
    text = file.read_text()
    assert not {name.split(".")[0] for name in house_rules.imports(text)} & OUTSIDE
    assert not any(
        isinstance(n, ast.AsyncFunctionDef | ast.Await) for n in ast.walk(ast.parse(text))
    )


def test_every_runner_named_here_exists():
    assert {f.stem for f in FILES} >= RUNNERS


def test_it_works_with_nothing_else_installed():
    # -S -s: without site-packages; only this source tree is on the path.
    source = HOME.parent.parent
    code = f"import sys; sys.path.insert(0, {str(source)!r}); import tradesense.resilience.fleet"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)
