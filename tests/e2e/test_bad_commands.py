"""
Commands that get files, folders and variables they cannot use: one line that says what to do.

No row leaves anything behind but the files it began with.
"""

import os
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from evidence_world import EvidenceWorld
from price_files import lean
from running_platform import clean_environment, free_port

TICKS = ["277,1.38694,1.38705", "2339,1.38692,1.38706", "4000,1.38690,1.38701"]
NOBODY = 65_534
WRONG, YOURS = 1, 2


@dataclass(frozen=True)
class Row:
    """`words` are the command's; `{it}` is the path that `make` returns. `said` is all of it."""

    what: str
    words: tuple[str, ...]
    said: tuple[str, ...]
    make: Callable[[Path], object] = lambda folder: folder / "nothing"
    code: int = YOURS
    variables: dict[str, str] = field(default_factory=dict)
    user: int | None = None


def written(name: str, text: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_text(text)
        return folder / name

    return make


def ticks(*lines: str, cut: int = 0) -> Callable[[Path], Path]:
    """A zip of ticks as OANDA's, its last `cut` bytes lost."""

    def make(folder: Path) -> Path:
        path = lean(folder, list(lines))
        if cut:
            path.write_bytes(path.read_bytes()[:-cut])
        return path

    return make


def story(what: str, make: Callable[[Path], Path], *said: str) -> list[Row]:
    """The same of the command that plays prices and of the one that looks at them."""
    play = ("story", "--quiet", "--prices", "{it}", "--home", "{it}.home")
    return [
        Row(f"a story on {what}", play, ("{it}", *said), make),
        Row(f"a look at {what}", ("prices", "{it}"), ("{it}", *said), make),
    ]


PRICES = [
    *story("a malformed line", ticks(*TICKS[:2], "4000,abc,1.4"), ":3: 'abc' is no price;"),
    *story("a negative price", ticks(TICKS[0], "2339,-1.3,1.4"), ":2: '-1.3' is no price;"),
    *story("a price of zero", ticks(TICKS[0], "2339,0,1.4"), ":2: '0' is no price that something"),
    *story("a line cut short", ticks(*TICKS[:2], "4000,1.38690"), ":3: 2 fields instead of time"),
    *story("a truncated zip", ticks(*TICKS, cut=30), ": cannot be read: "),
    *story("a file of no layout", written("eurusd.csv", "hello\n"), ":1: no known layout; name it"),
    *story("a year of no prices", written("eurusd.csv", "timestamp,bid,ask\n9999-12-31,1,2"),
           ":2: '9999-12-31' is not between 1971 and 2199"),
    *story("an empty file", written("eurusd.csv", ""), ":1: no known layout"),
    Row("a story on a missing file", ("story", "--prices", "{it}"), ("{it}", "does not exist")),
]  # fmt: skip


def up(what: str, *said: str, make: Callable[[Path], object] = Row.make, user: int | None = None,
       **variables: str) -> Row:  # fmt: skip
    return Row(f"up with {what}", ("up",), said, make, variables=variables, user=user)


def unreadable(folder: Path) -> Path:
    """A data folder that belongs to us alone; who asks is somebody else."""
    folder.chmod(0o755)
    home = folder / "private"
    home.mkdir(mode=0o700)
    return home


VARIABLES = [
    up("an unknown variable", "unknown variable TRADESENSE_PROT", "TRADESENSE_PORT", PROT="1"),
    up("a port that is none", "TRADESENSE_PORT='many': write a whole number", PORT="many"),
    up("a port beyond all bounds", "TRADESENSE_PORT=", "write a whole number", PORT="9" * 5_000),
    up("a host that is not ours", "TRADESENSE_HOST=192.0.2.1 is no address", HOST="192.0.2.1"),
    up("a database but no roles", "TRADESENSE_OWNER_URL", "name all three",
       DATABASE_URL="postgresql://127.0.0.1/x"),
    up("a clock that nobody drives", "TRADESENSE_CLOCK=driven", "leave it out", CLOCK="driven"),
    up("prices under the system clock", "TRADESENSE_PRICES", "story --prices", PRICES="{it}",
       make=ticks(*TICKS)),
    up("prices that are not there", "TRADESENSE_PRICES: there is no file", PRICES="/nowhere/x"),
    up("a file as data folder", "{it}", "set TRADESENSE_HOME to", HOME="{it}",
       make=written("home", "a file")),
    up("a data folder that cannot be", "set TRADESENSE_HOME to another", HOME="a" * 300),
    up("somebody else's data folder", "{it}", "Permission denied", "TRADESENSE_HOME", HOME="{it}",
       make=unreadable, user=NOBODY),
    Row("a process alone", ("engine",), ("nothing has been set up in", "start `tradesense up`")),
    Row("an audit of nothing", ("trail", "verify"), ("there is no trail in", "`tradesense up`")),
    Row("evidence of nothing", ("evidence", "00000000-0000-0000-0000-000000000000"),
        ("nothing has been set up in", "start `tradesense up`")),
    Row("evidence of no account", ("evidence", "mine"), ("should be a valid UUID",)),
    Row("a command there is not", ("dance",), ("No such command 'dance'",)),
]  # fmt: skip


def bundle(change: Callable[[dict[str, bytes]], object]) -> Callable[[Path], Path]:
    """Evidence as the platform packs it, its files changed."""

    def make(folder: Path) -> Path:
        world = EvidenceWorld()
        world.clock()
        world.quote(138_000)
        world.start()
        world.trade(10)
        whole = folder / "bundle.zip"
        whole.write_bytes(world.bundle())
        with zipfile.ZipFile(whole) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        change(files)
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        return whole

    return make


def cut(folder: Path) -> Path:
    whole = bundle(lambda _: None)(folder)
    whole.write_bytes(whole.read_bytes()[:-500])
    return whole


def doubled(folder: Path) -> Path:
    whole = bundle(lambda _: None)(folder)
    with warnings.catch_warnings(), zipfile.ZipFile(whole, "a") as archive:
        warnings.simplefilter("ignore", UserWarning)  # it names two members alike, as we want
        archive.writestr("terms.json", "{}")
    return whole


def bomb(folder: Path) -> Path:
    """More than two gigabytes of zeros in ten megabytes."""
    path = folder / "bundle.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("prices/a.csv", "w", force_zip64=True) as member,
    ):
        for _ in range(33):
            member.write(bytes(64 * 1024**2))
    return path


def verify(what: str, make: Callable[[Path], Path], *said: str, code: int = YOURS) -> Row:
    return Row(f"evidence that is {what}", ("verify", "{it}"), said, make, code)


EVIDENCE = [
    verify("no zip", written("bundle.zip", "hello"), "damaged or no zip file"),
    verify("cut short", cut, "damaged or no zip file"),
    verify("incomplete", bundle(lambda files: files.pop("terms.json")), "terms.json missing"),
    verify("twice there", doubled, "holds two files of one name"),
    verify("a bomb", bomb, "would unpack to more than 2147483648 bytes"),
    verify("nested too deep", bundle(lambda files: files.update({"manifest.json": b"[" * 99_999})),
           "manifest.json is not JSON"),
    verify("leading out of its folder", bundle(lambda files: files.update({"../../escaped": b"x"})),
           "WRONG:", "../../escaped: is not the file that the manifest lists", code=WRONG),
    verify("changed in one digit", bundle(lambda files: files.update(
        {name: text.replace(b"138010", b"138011") for name, text in files.items()})),
           "WRONG:", code=WRONG),
]  # fmt: skip


@pytest.mark.parametrize("row", [*PRICES, *VARIABLES, *EVIDENCE], ids=lambda row: row.what)
def test_a_command_says_what_is_wrong_in_one_line_and_leaves_nothing(row):
    if row.user is not None and os.geteuid() != 0:
        pytest.skip("only root can ask as somebody else")
    # Not pytest's folder: some rows are somebody else's, who must be able to come this far.
    with tempfile.TemporaryDirectory(prefix="tradesense-bad-", dir="/var/tmp") as name:
        folder = Path(name)
        it = str(row.make(folder))
        before = contents(folder)

        done = run(row, folder, it)

        assert done.returncode == row.code, done.stderr
        told = done.stdout + done.stderr
        assert "Traceback" not in told
        for said in row.said:
            assert said.replace("{it}", it) in told
        if row.code == YOURS and "Usage:" not in told:
            assert (done.stdout, len(done.stderr.splitlines())) == ("", 1)
        assert contents(folder) == before


def run(row: Row, folder: Path, it: str) -> subprocess.CompletedProcess:
    words = [word.replace("{it}", it) for word in row.words]
    module = "tradesense.app.cli"
    if words[0] == "verify":
        words, module = words[1:], "tradesense_verify"
    given = {"HOME": f"{folder}/home", "PORT": str(free_port()), "SANDBOX_PORT": str(free_port())}
    given |= {each: text.replace("{it}", it) for each, text in row.variables.items()}
    named = {f"TRADESENSE_{each}": text for each, text in given.items()}
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        env={**clean_environment(), **named}, cwd=folder, user=row.user,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    """Every file and folder below `folder`, but for an empty data folder and its lock."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_relative_to(folder / "home") or path.is_file():
            found[str(path)] = path.read_bytes() if path.is_file() else b"/"
    found.pop(f"{folder}/home/lock", None)
    return found
