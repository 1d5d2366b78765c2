"""Which processes run: written by the supervisor, read by `tradesense ps`."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from tradesense.app.supervisor.child import Child

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_START_FIELD = 19  # of /proc/PID/stat after the name in parentheses: start, in ticks since boot
_PARENT_FIELD = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One process as it is now. `pss_bytes` includes its children: PostgreSQL has many."""

    name: str
    pid: int | None
    uptime_s: float | None
    restarts: int
    pss_bytes: int


def write(home: Path, children: Iterable[Child]) -> None:
    """Write `run/NAME.pid` for every process, and all of them to `run/processes.json`."""
    run = home / "run"
    known: dict[str, dict[str, int | None]] = {"supervisor": {"pid": os.getpid(), "restarts": 0}}
    known |= {child.name: {"pid": child.pid, "restarts": child.restarts} for child in children}
    for name, entry in known.items():
        pid = entry["pid"]
        if pid is None:
            (run / f"{name}.pid").unlink(missing_ok=True)
        else:
            _replace(run / f"{name}.pid", f"{pid}\n")
    _replace(run / "processes.json", json.dumps(known))


def clear(home: Path) -> None:
    """Forget every process: none runs any more."""
    for file in (home / "run").iterdir():
        file.unlink(missing_ok=True)


def find_rows(home: Path) -> list[Row]:
    """Return the processes of the supervisor on `home`; none if no supervisor runs there."""
    try:
        known = json.loads((home / "run" / "processes.json").read_text())
    except FileNotFoundError:
        return []
    if not _is_supervisor(known["supervisor"]["pid"], home):
        return []
    families = _children_of_all()
    return [
        Row(
            name=name,
            pid=entry["pid"],
            uptime_s=None if entry["pid"] is None else _uptime_s(entry["pid"]),
            restarts=entry["restarts"],
            pss_bytes=_pss_bytes(entry["pid"], families if name != "supervisor" else {}),
        )
        for name, entry in known.items()
    ]


def as_json(rows: list[Row]) -> str:
    """Return the rows for a machine."""
    total = sum(row.pss_bytes for row in rows)
    return json.dumps({"processes": [asdict(row) for row in rows], "pss_bytes": total}, indent=2)


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}")
    draft.write_text(text)
    draft.replace(path)


def _is_supervisor(pid: int, home: Path) -> bool:
    """Say whether `pid` holds the lock file of `home` open: pids are given to strangers later."""
    try:
        wanted = os.path.realpath(home / "lock")
        return any(os.path.realpath(link) == wanted for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _uptime_s(pid: int) -> float | None:
    try:
        started = int(_stat(pid)[_START_FIELD]) / _TICKS_PER_S
        return round(float(Path("/proc/uptime").read_text().split()[0]) - started, 1)
    except OSError:
        return None


def _children_of_all() -> dict[int, list[int]]:
    families: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            families.setdefault(int(_stat(int(entry.name))[_PARENT_FIELD]), []).append(
                int(entry.name)
            )
        except OSError:
            continue  # it has ended since
    return families


def _pss_bytes(pid: int | None, families: dict[int, list[int]]) -> int:
    """Return the proportional set size of `pid` and all below it: shared pages count once."""
    if pid is None:
        return 0
    own = 0
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                own = int(line.split()[1]) * 1024
    except OSError:
        own = 0  # it has ended since
    return own + sum(_pss_bytes(child, families) for child in families.get(pid, []))


def as_table(rows: list[Row]) -> str:
    """Return the rows for people."""
    lines = [f"{'process':<12}{'pid':>8}{'up':>10}{'restarts':>10}{'memory':>10}"]
    for row in rows:
        age = "-" if row.uptime_s is None else f"{row.uptime_s:.0f} s"
        pid = "-" if row.pid is None else str(row.pid)
        lines.append(f"{row.name:<12}{pid:>8}{age:>10}{row.restarts:>10}{_mb(row.pss_bytes):>10}")
    lines.append(f"{'total':<40}{_mb(sum(row.pss_bytes for row in rows)):>10}")
    return "\n".join(lines)


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / 1_000_000:.1f} MB"
