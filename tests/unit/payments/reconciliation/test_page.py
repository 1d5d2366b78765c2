"""docs/differences.md says what the code says: each kind, its meaning, what helps."""

import subprocess
import sys
from pathlib import Path

from tradesense.payments.reconciliation.model import DifferenceKind

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "differences.md").read_text(encoding="utf-8")


def test_the_page_is_what_the_tool_writes_from_the_code():
    written = subprocess.run(
        [sys.executable, ROOT / "tools" / "differences.py", "-"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert written.stdout == PAGE, "run `.venv/bin/python tools/differences.py`"


def test_each_kind_has_one_row():
    assert [PAGE.count(f'<a id="{kind}"></a>') for kind in DifferenceKind] == [1] * len(
        DifferenceKind
    )
