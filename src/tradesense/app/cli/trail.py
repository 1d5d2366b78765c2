"""Commands about the trail: is it what was sealed, prove one entry, what does a stream say."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from tradesense.app.cli.platform import Json

if TYPE_CHECKING:  # commands import when they run; see the package
    from tradesense.infra.db import Transaction
    from tradesense.infra.settings import Settings
    from tradesense.trail.jobs import Checkpoint, Proof, PublicKey, Report
    from tradesense.trail.model import Entry

T = TypeVar("T")

app = typer.Typer(help="The trail: every fact, in one order, sealed.", no_args_is_help=True)

Key = Annotated[
    str | None,
    typer.Option("--key", help="The pinned public key, or a file of it [default: our own]."),
]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="Write it to this file.")]

SHOWN_MAX = 10  # findings for people; --json has all


def register(program: typer.Typer) -> None:
    """Add the commands of this file to `program`."""
    program.add_typer(app, name="trail")


@app.command()
def verify(
    *,
    checkpoint: Annotated[
        Path | None, typer.Option(help="A checkpoint somebody kept: the trail must contain it.")
    ] = None,
    witness: Annotated[
        Path | None, typer.Option(help="A witness's folder [default: our own, if there is one].")
    ] = None,
    key: Key = None,
    streams: Annotated[
        bool, typer.Option("--streams", help="Also walk each stream, entry by entry.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check every entry, position, root and signature. Exit code 1 if anything is wrong."""
    from tradesense.trail import jobs  # noqa: PLC0415 -- holds cryptography

    settings = _settings()
    pinned = _key(settings, key)
    folder = witness or settings.home / jobs.WITNESS
    if witness and not (folder / "checkpoint").exists():
        raise typer.BadParameter(f"{folder} holds no checkpoint; name a witness's folder")
    known = jobs.Known(
        key=pinned,
        witness=folder if (folder / "checkpoint").exists() else None,
        checkpoints=(_checkpoint(pinned, checkpoint),) if checkpoint else (),
        walks_streams=streams,
    )
    with _progress() as advance:
        report = jobs.verify(settings.database_url, known, advance)
    typer.echo(json.dumps(report.facts(), indent=2) if as_json else _told(report, known.key))
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def prove(
    entry: Annotated[str, typer.Argument(help="A position (17), or stream#version.")],
    *,
    output: Output = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Prove that one entry is in the sealed trail; anybody can check the file, without us."""
    from tradesense import trail  # noqa: PLC0415 -- holds the database

    settings = _settings()
    pinned = _key(settings, key)

    async def make(tx: "Transaction") -> "Proof":
        return (await trail.prove(tx, [await _position(tx, entry)]))[0]

    proof = _read(settings, make)
    point = proof.check(pinned)
    if output:
        _write(output, proof.written())
    if as_json:
        typer.echo(json.dumps(_facts(proof, point), indent=2))
        return
    typer.echo(f"{proof.canonical.decode()}\n")
    typer.echo(f"is entry {proof.index + 1} of {point.size} in {point.origin},")
    typer.echo(f"{len(proof.path)} hashes away from the signed root {point.root.hex()}")
    typer.echo(f"written to {output}" if output else "-o FILE writes the proof for a stranger")


@app.command("check-proof")
def check_proof(
    file: Annotated[Path, typer.Argument(help="What `trail prove -o` wrote.")],
    *,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Check a proof without database or network. Exit code 1 if it does not hold."""
    from tradesense.infra.settings import Settings  # noqa: PLC0415 -- ditto
    from tradesense.trail import jobs  # noqa: PLC0415 -- holds cryptography

    pinned = _key(Settings.from_environment(), key)  # no instance is needed, if the key is given
    text = _text(file)
    try:
        proof = jobs.Proof.parse(text)
        point = proof.check(pinned)
    except jobs.BadNote as error:
        typer.echo(json.dumps({"ok": False, "says": str(error)}) if as_json else f"✗ {error}")
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps({"ok": True, **_facts(proof, point)}, indent=2))
        return
    typer.echo(f"{proof.canonical.decode()}\n")
    typer.echo(f"✓ entry {proof.index + 1} of {point.size}, signed by {pinned.name}")


@app.command()
def checkpoint(*, output: Output = None) -> None:
    """Print the newest signed checkpoint; who keeps a copy can hold us to it."""
    from tradesense import trail  # noqa: PLC0415 -- holds the database

    note = _read(_settings(), trail.get_checkpoint)
    if output:
        _write(output, note)
    else:
        typer.echo(note, nl=False)


@app.command()
def key() -> None:
    """Print the public key that checkpoints are signed with; pin it where we cannot reach it."""
    from tradesense.infra.settings import Settings  # noqa: PLC0415 -- commands import when run

    typer.echo(str(_key(Settings.from_environment(), None)))


@app.command()
def show(
    stream: Annotated[str, typer.Argument(help="A stream, such as account:7f3c...")],
    *,
    as_json: Json = False,
) -> None:
    """Show what happened to one subject, oldest first."""
    from tradesense import trail  # noqa: PLC0415 -- holds the database

    entries = _read(_settings(), lambda tx: trail.read_stream(tx, stream))
    if not entries:
        raise typer.BadParameter(f"nothing is recorded about {stream!r}")
    if as_json:
        typer.echo(json.dumps([_shown(entry) for entry in entries], indent=2))
        return
    for entry in entries:
        position = "unsealed" if entry.position is None else f"@{entry.position}"
        moment = entry.at.strftime("%Y-%m-%d %H:%M:%S.%f")
        typer.echo(f"{entry.version:>5} {position:>9}  {moment}  {entry.kind:<22} {entry.by}")
        typer.echo(f"{'':17}{json.dumps(entry.data, ensure_ascii=False)}")


@app.command()
def status(*, as_json: Json = False) -> None:
    """Show how far the trail is sealed, and how much the witness has seen."""
    from tradesense import trail  # noqa: PLC0415 -- holds the database
    from tradesense.trail import jobs  # noqa: PLC0415 -- holds cryptography

    settings = _settings()
    stands = _read(settings, trail.get_status)
    witnessed = jobs.read_witnessed(settings.home)
    facts = {
        "sealed": stands.size,
        "waiting": stands.waiting,
        "checkpoints": stands.checkpoints,
        "sealed_at": stands.sealed_at.isoformat() if stands.sealed_at else None,
        "witnessed": witnessed,
    }
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    for name, fact in facts.items():
        typer.echo(f"{name.replace('_', ' '):<12} {'-' if fact is None else fact}")


def _settings() -> "Settings":
    from tradesense.infra.settings import Settings  # noqa: PLC0415 -- commands import when they run
    from tradesense.kernel.errors import NotFound  # noqa: PLC0415 -- ditto

    settings = Settings.from_environment()
    if not settings.database_url:
        raise NotFound(f"there is no trail in {settings.home} yet; `tradesense up` begins one")
    return settings


def _read(settings: "Settings", verb: Callable[["Transaction"], Awaitable[T]]) -> T:
    from tradesense.infra.db import Database  # noqa: PLC0415 -- commands import when they run

    async def read() -> T:
        async with (
            Database.open(settings.database_url, max_size=1, name="trail") as db,
            db.reading() as tx,
        ):
            return await verb(tx)

    return asyncio.run(read())


async def _position(tx: "Transaction", entry: str) -> int:
    """Return the position that `17` or `account:7f3c#4` names."""
    from tradesense import trail  # noqa: PLC0415 -- commands import when they run

    stream, hash_sign, version = entry.rpartition("#")
    if not version.isdecimal() or (hash_sign and not stream):
        raise typer.BadParameter(f"{entry!r}: name a position (17) or stream#version")
    if not hash_sign:
        return int(version)
    found = await trail.read_stream(tx, stream, after=int(version) - 1, limit=1)
    if not found or found[0].version != int(version):
        raise typer.BadParameter(f"{stream} has no version {version}; see `trail show {stream}`")
    if found[0].position is None:
        raise trail.NotSealed(f"{entry} is not sealed yet; try again in a moment")
    return found[0].position


def _key(settings: "Settings", given: str | None) -> "PublicKey":
    from tradesense.trail import jobs  # noqa: PLC0415 -- holds cryptography

    if given is None:
        return jobs.read_public(settings.home / jobs.KEYS)
    return jobs.PublicKey.parse(given if "+" in given else _text(Path(given)))


def _checkpoint(pinned: "PublicKey", file: Path) -> "Checkpoint":
    return pinned.open(_text(file))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"cannot read {file}: {error}") from None


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"cannot write {file}: {error}") from None


def _facts(proof: "Proof", point: "Checkpoint") -> dict[str, object]:
    return {
        "position": proof.index + 1,
        "size": point.size,
        "origin": point.origin,
        "root": point.root.hex(),
        "path": [part.hex() for part in proof.path],
        "entry": json.loads(proof.canonical),
        "canonical": proof.canonical.decode(),
        "checkpoint": proof.note,
    }


def _shown(entry: "Entry") -> dict[str, object]:
    return {
        "position": entry.position,
        "stream": entry.stream,
        "version": entry.version,
        "kind": entry.kind,
        "at": entry.at.isoformat(),
        "by": entry.by,
        "cause": entry.cause,
        "data": entry.data,
    }


def _told(report: "Report", pinned: "PublicKey") -> str:
    """Return the outcome for people: what was checked, or what is wrong and where it begins."""
    rate = f"{report.seconds:.1f} s, {report.entries_per_s:,.0f} entries/s"
    if report.ok:
        return "\n".join(
            [
                f"✓ {report.size:,} entries, without a gap, each as it was sealed",
                f"✓ {report.checkpoints:,} checkpoints, each root recomputed, each signed by",
                f"  {pinned}",
                f"✓ {report.witnessed:,} entries as the witness has seen them"
                if report.witnessed
                else "- no witness: nothing outside the database bears this out",
                f"  {report.waiting:,} more wait to be sealed",
                f"  root {report.root}",
                f"  {rate}",
            ]
        )
    first, *others = report.findings
    where = f"position {first.position}" if first.position else "the trail as a whole"
    lines = [f"✗ the trail is not what was sealed. First wrong: {where}", f"  {first.says}"]
    lines += [f"  also at {other.position}: {other.says}" for other in others[: SHOWN_MAX - 1]]
    if len(others) >= SHOWN_MAX:
        lines.append(f"  and {len(others) - SHOWN_MAX + 1} more; --json names them")
    return "\n".join([*lines, f"  {report.size:,} entries in {rate}"])


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None] | None]:
    """Show a bar where somebody is watching."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich import progress  # noqa: PLC0415 -- only who watches needs it
    from rich.console import Console  # noqa: PLC0415 -- ditto

    with progress.Progress(
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
