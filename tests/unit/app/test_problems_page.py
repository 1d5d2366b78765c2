"""docs/problems.md says what the code says: each type, its status, its meaning, who must act."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from refusal_rows import ROUTES
from tradesense.kernel.errors import Conflict

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "problems.md").read_text(encoding="utf-8")
ROW = re.compile(
    r'^\| <a id="(?P<anchor>\S+)"></a>`urn:tradesense:(?P<code>\S+)` \| (?P<status>\d{3}) '
    r"\| (?P<meaning>.+) \|$",
    re.MULTILINE,
)
ROWS = {row["code"]: row for row in ROW.finditer(PAGE)}


def test_the_page_is_what_the_code_says():
    """In a process of its own: what other tests define is not ours."""
    written = subprocess.run(
        [sys.executable, ROOT / "tools" / "problems.py", "-"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "src")},
    )
    assert written.stdout == PAGE, "run `.venv/bin/python tools/problems.py`"


def test_each_type_is_told_once_under_its_own_anchor_and_means_something():
    codes = [row["code"] for row in ROW.finditer(PAGE)]
    assert len(codes) == len(set(codes)) == PAGE.count("| <a id=")
    assert all(row["anchor"] == row["code"] for row in ROWS.values())
    assert all(len(row["meaning"].split()) > 2 for row in ROWS.values())


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.asked)
def test_whatever_bad_input_is_answered_with_is_on_the_page(route):
    for row in route.rows:
        assert ROWS[row.code]["status"] == str(row.status), row.kind


def test_a_type_that_nobody_wrote_down_changes_the_page():
    class Planted(Conflict):
        """Said by nobody."""

        code = "planted.conflict"

    found = importlib.util.spec_from_file_location("problems", ROOT / "tools" / "problems.py")
    tool = importlib.util.module_from_spec(found)
    found.loader.exec_module(tool)
    assert 'id="planted.conflict"' not in tool.page([Conflict])
    assert 'id="planted.conflict"' in tool.page([Conflict, Planted])
