"""Price files as lines of text: plain, gzipped, or one CSV in a zip. Errors name the line."""

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, cast

from tradesense.kernel.errors import Invalid
from tradesense.market.sources.numbers import Malformed

LINE_MAX = 1_000  # many times the longest of any layout; a file without lines must not fill memory


class BadPrices(Invalid):
    """A price file cannot be used. The message names the file, the line, and what to do."""

    code = "market.bad_prices"


class Lines:
    """The lines of one open file, and how many of them have been read."""

    def __init__(self, stream: IO[str], name: str) -> None:
        self.name = name
        self.read = 0
        self._stream = stream

    def __iter__(self) -> Iterator[str]:
        for line in iter(partial(self._stream.readline, LINE_MAX), ""):
            self.read += 1
            if len(line) == LINE_MAX:
                raise Malformed(f"a line has fewer than {LINE_MAX:,} characters")
            text = line.rstrip("\n")
            if text:
                yield text


@contextmanager
def opened(path: Path) -> Iterator[Lines]:
    """
    Open `path` and give its lines; `name` is that of the text itself, inside an archive too.

    Raises BadPrices, with file and line, for what cannot be read or what the reader calls
    Malformed.
    """
    lines: Lines | None = None
    try:
        with _binary(path) as (name, binary):
            # Bytes that are no ASCII become a mark that no field allows: the line is then named.
            text = io.TextIOWrapper(binary, encoding="ascii", errors="replace")
            lines = Lines(text, name)
            yield lines
    except FileNotFoundError:
        raise BadPrices(f"{path}: there is no such file") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        # zipfile says RuntimeError for a member with a password or an unknown compression.
        after = f":{lines.read + 1}" if lines else ""
        why = (isinstance(error, OSError) and error.strerror) or str(error)
        raise BadPrices(f"{path}{after}: cannot be read: {why}") from error
    except Malformed as error:
        line = lines.read if lines else 0
        raise BadPrices(f"{path}:{line}: {error}; nothing of this file was taken") from error


@contextmanager
def _binary(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    if path.is_dir():
        raise BadPrices(f"{path}: is a folder; name the files in it")
    if path.exists() and not path.is_file():
        raise BadPrices(f"{path}: is a pipe or a device; it is read more than once, so save it")
    with path.open("rb") as start:
        magic = start.read(4)
    if magic.startswith(b"PK"):
        with zipfile.ZipFile(path) as archive:
            name = _only_member(path, archive)
            with archive.open(name) as member:
                yield name, member
    elif magic.startswith(b"\x1f\x8b"):
        with gzip.open(path) as member:
            yield path.name.removesuffix(".gz"), cast("IO[bytes]", member)
    else:
        with path.open("rb") as plain:
            yield path.name, plain


def _only_member(path: Path, archive: zipfile.ZipFile) -> str:
    names = [name for name in archive.namelist() if name.lower().endswith(".csv")]
    if len(names) != 1:
        raise BadPrices(f"{path}: holds {len(names)} CSV files; exactly one is expected")
    return names[0]
