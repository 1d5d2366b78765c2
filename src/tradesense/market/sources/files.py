"""
Price files as one source: checked as a whole first, then played in order of time.

`open_files` reads every file to its end before anything is played, so that a bad line in the
last file is found before the first price is taken. Playing reads the files again, each only
when its time comes, so that memory holds the overlapping files and not the year.
"""

import hashlib
import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path

from tradesense.market.model import Quote
from tradesense.market.sources import rows
from tradesense.market.sources.archives import BadPrices, opened
from tradesense.market.sources.layouts import Recognised, Wish, recognise
from tradesense.market.sources.rows import Ticks

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceFile:
    """One file (or a pair of bids and asks) that has been read to its end without fault."""

    paths: tuple[Path, ...]
    sha256: tuple[str, ...]
    what: Recognised
    first_us: int
    last_us: int
    quotes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceFiles:
    """Price files in the order in which they are played."""

    files: tuple[PriceFile, ...]
    seed: int

    @property
    def name(self) -> str:
        """Return what identifies these prices: the same files and seed have the same name."""
        told = "\n".join([f"seed {self.seed}", *self.listing])
        return f"files:{hashlib.sha256(told.encode()).hexdigest()}"

    @property
    def listing(self) -> tuple[str, ...]:
        """Return `sha256 name layout symbol` of each file, without its folder."""
        return tuple(
            f"{sha256} {path.name} {file.what.layout} {file.what.instrument.symbol}"
            for file in self.files
            for path, sha256 in zip(file.paths, file.sha256, strict=True)
        )

    def quotes(self, *, skip: int = 0) -> Iterator[Quote]:
        """
        Yield every quote in order of time but for the first `skip`, always in the same order.

        A line stamped before the line above it is yielded in its place: the sequencer calls
        it late. Raises BadPrices if a file has changed since it was opened.
        """
        return islice(self._all(), skip, None)

    def _all(self) -> Iterator[Quote]:
        for overlapping in _clusters(self.files):
            streams = [_quotes(_load(file, self.seed)) for file in overlapping]
            # Quotes compare by time first, and a merge keeps each stream's own order.
            yield from streams[0] if len(streams) == 1 else heapq.merge(*streams)


def open_files(paths: Sequence[Path], *, layout: str | None = None, seed: int = 1) -> PriceFiles:
    """
    Recognise and check `paths`, in any order. Raises BadPrices or UnknownSymbol.

    `layout` is what `--layout` says: `LAYOUT` or `LAYOUT:SYMBOL`, for every file; without it
    each file's layout is detected. `seed` draws the paths within bars.
    """
    wish = Wish.of(layout)
    files = [_check(group, what, seed) for group, what in _groups(paths, wish)]
    if not files:
        raise BadPrices("no price file was named")
    return PriceFiles(files=tuple(sorted(files, key=_order)), seed=seed)


def read_prices(
    paths: Sequence[Path], layout: str | None = None, *, seed: int = 1
) -> Iterator[Quote]:
    """Yield the quotes of `paths` in order of time, once all are checked. As `open_files`."""
    return open_files(paths, layout=layout, seed=seed).quotes()


def _order(file: PriceFile) -> tuple[int, str, tuple[str, ...]]:
    return file.first_us, file.what.instrument.symbol, file.sha256


def _groups(paths: Iterable[Path], wish: Wish) -> Iterator[tuple[tuple[Path, ...], Recognised]]:
    """Yield each file with what it holds; a file of bids together with its file of asks."""
    waiting: dict[tuple[str, str], tuple[Path, Recognised]] = {}
    for path in paths:
        with opened(path) as lines:
            what = recognise(path, lines.name, next(iter(lines), ""), wish)
        if what.side is None:
            yield (path,), what
            continue
        other = "ask" if what.side == "bid" else "bid"
        found = waiting.pop((other, _without_side(path)), None)
        if found is None:
            waiting[what.side, _without_side(path)] = path, what
        else:
            yield (path, found[0]) if what.side == "bid" else (found[0], path), what
    for (side, _), (path, _) in waiting.items():
        other = "ask" if side == "bid" else "bid"
        raise BadPrices(f"{path}: holds only the {side}; name the file of the {other} as well")


def _without_side(path: Path) -> str:
    return path.name.lower().replace("bid", "*").replace("ask", "*")


def _check(paths: tuple[Path, ...], what: Recognised, seed: int) -> PriceFile:
    sha256 = tuple(map(_sha256, paths))
    ticks = read_file(paths, what, seed)
    if not ticks.rows:
        raise BadPrices(f"{paths[0]}:1: holds no prices")
    return PriceFile(
        paths=paths,
        sha256=sha256,
        what=what,
        first_us=min(ticks.at_us),
        last_us=max(ticks.at_us),
        quotes=len(ticks.at_us),
    )


def _load(file: PriceFile, seed: int) -> Ticks:
    if tuple(map(_sha256, file.paths)) != file.sha256:
        raise BadPrices(f"{file.paths[0]}: has changed while it was being played; start again")
    return read_file(file.paths, file.what, seed)


def read_file(paths: tuple[Path, ...], what: Recognised, seed: int) -> Ticks:
    """Read one file, or one pair, to its end. Raises BadPrices with the line that does not fit."""
    with opened(paths[0]) as lines:
        if what.side is None:
            return rows.read(what, lines, seed)
        with opened(paths[1]) as asks:
            return rows.read_pair(what, lines, asks, seed)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _clusters(files: Sequence[PriceFile]) -> Iterator[list[PriceFile]]:
    """Yield runs of files that overlap in time; each run ends before the next begins."""
    cluster: list[PriceFile] = []
    for file in files:
        if cluster and file.first_us > max(one.last_us for one in cluster):
            yield cluster
            cluster = []
        cluster.append(file)
    yield cluster


def _quotes(ticks: Ticks) -> Iterator[Quote]:
    return map(
        Quote,
        ticks.at_us,
        repeat(ticks.symbol),
        ticks.bid,
        ticks.ask,
        repeat(ticks.synthetic),
    )
