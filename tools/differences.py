"""
Writes docs/differences.md: every kind of difference that reconciliation may find, from the code.

    .venv/bin/python tools/differences.py      write the page
    .venv/bin/python tools/differences.py -    print it
"""

import sys
from pathlib import Path

from tradesense.payments.reconciliation.model import MEANINGS, DifferenceKind, Severity

PAGE = Path(__file__).parent.parent / "docs" / "differences.md"

HEAD = """# Differences: what reconciliation finds, and what to do about it

Every hour, and further back every day, our records, the ledger, each provider's own books and the
bank's statements are compared. Whatever differs for longer than it may be underway is one case,
with an owner, an age and an end: `tradesense cases list`, `show`, `assign`, `propose`, `approve`,
`resolve`. The same difference found again is the same case; gone, it ends by itself; back, it
opens again. A correction of the books takes two people. A run that finds nothing says so on the
trail, with the hash of its report.

**critical**: money is wrong in a book. **warning**: money is where it should be, unexplained.

This page is written by `tools/differences.py` from the code; a test compares the two.
"""
PARTS = {
    Severity.CRITICAL: "## Critical: today",
    Severity.WARNING: "## Warnings: this week",
}


def page() -> str:
    """Return the page: a table for each severity, in the order of the kinds."""
    return "\n".join([HEAD, *(_part(severity, head) for severity, head in PARTS.items())])


def _part(severity: Severity, head: str) -> str:
    rows = [_row(kind) for kind in DifferenceKind if MEANINGS[kind].severity is severity]
    return "\n".join(
        [head, "", "| kind | what it means | what helps |", "|---|---|---|", *rows, ""]
    )


def _row(kind: DifferenceKind) -> str:
    meaning = MEANINGS[kind]
    return f'| <a id="{kind}"></a>`{kind}` | {meaning.sentence} | {meaning.suggestion} |'


if __name__ == "__main__":
    if sys.argv[1:] == ["-"]:
        sys.stdout.write(page())
    else:
        PAGE.write_text(page(), encoding="utf-8")
