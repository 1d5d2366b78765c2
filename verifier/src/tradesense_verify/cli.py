"""`tradesense-verify bundle.zip`: exit 0 same verdict, 1 something is wrong, 2 not readable."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tradesense_verify.bundle import open_bundle
from tradesense_verify.findings import Unreadable
from tradesense_verify.report import harmless, json_of, lines_of
from tradesense_verify.verify import verify

SAME, WRONG, UNREADABLE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the bundle named on the command line and say what was found."""
    parser = argparse.ArgumentParser(
        prog="tradesense-verify",
        description="Judge a TradeSense account again from its evidence bundle.",
        epilog="Exit status: 0 the same verdict, 1 something is wrong, 2 not a readable bundle.",
    )
    parser.add_argument("bundle", type=Path, help="the bundle.zip to check")
    parser.add_argument(
        "--key",
        metavar="VKEY",
        help="the log's published key, or a file of it; without it the bundle's own",
    )
    parser.add_argument("--json", action="store_true", help="write one JSON object")
    given = parser.parse_args(arguments)
    try:
        report = verify(open_bundle(given.bundle), _key(given.key))
    except Unreadable as error:
        if given.json:
            _write(json.dumps({"same": False, "verdict": None, "unreadable": str(error)}))
        else:
            sys.stderr.write(f"tradesense-verify: {harmless(str(error))}\n")
        return UNREADABLE
    _write(json.dumps(json_of(report)) if given.json else "\n".join(lines_of(report)))
    return SAME if report.same else WRONG


def _key(given: str | None) -> str | None:
    if given is None or not Path(given).is_file():
        return given
    try:
        return Path(given).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"cannot read the key in {given}: {error}") from None


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
