"""Price files for tests: small ones made on the spot, real ones where they are at hand."""

import os
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest

_BESIDE_US = Path(__file__).parents[2] / "shared" / "data"
DATA = Path(os.environ.get("TRADESENSE_DATA") or _BESIDE_US)  # noqa: TID251 -- tests only


def real(*names: str) -> list[Path]:
    """Return the sample files of these names, or skip the test, visibly, where there are none."""
    paths = [DATA / name for name in names]
    missing = [path for path in paths if not path.exists()]
    if missing:
        pytest.skip(f"no sample prices at {missing[0]}; set TRADESENSE_DATA")
    return paths


def lean(folder: Path, lines: list[str], *, day: str = "20140502", symbol: str = "eurusd") -> Path:
    """Write a Lean tick file of OANDA's, as its zip."""
    return zipped(
        folder / f"oanda_{symbol}_{day}_quote.zip", f"{day}_{symbol}_tick_quote.csv", lines
    )


def zipped(path: Path, name: str, lines: list[str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, "\n".join(lines))
    return path


def ticks_of(folder: Path, start: datetime, *, count: int, every_ms: int) -> Path:
    """Write `count` quotes of EUR/USD from `start` on: a slow climb of one point each."""
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    first_ms = (start - midnight) // timedelta(milliseconds=1)
    lines = [
        f"{first_ms + n * every_ms},1.{38000 + n % 900:05d},1.{38010 + n % 900:05d}"
        for n in range(count)
    ]
    return lean(folder, lines, day=f"{start:%Y%m%d}")
