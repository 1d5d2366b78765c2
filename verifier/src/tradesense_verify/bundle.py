"""The evidence bundle as a file: opened with suspicion, read whole, its pieces named."""

import lzma
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tradesense_verify.findings import Unreadable
from tradesense_verify.log.entries import parse

FORMAT = "tradesense-evidence-1"
NEEDED = (
    "manifest.json",
    "terms.json",
    "account.jsonl",
    "challenge.jsonl",
    "tape.jsonl",
    "proofs.jsonl",
    "checkpoint.txt",
    "vkey.txt",
)
PRICES = "prices/"
# A year of ticks of five symbols stays below a gigabyte; more is a bomb, not evidence.
BYTES_MAX = 2 * 1024**3
# What zipfile says of bytes that are no zip, or not one of its own making.
DAMAGED = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OverflowError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files of a bundle by name, and what its manifest says."""

    files: Mapping[str, bytes]
    manifest: Mapping[str, Any]

    def prices(self) -> list[str]:
        """Return the names of the price files, sorted."""
        return sorted(name for name in self.files if name.startswith(PRICES))


def open_bundle(path: Path) -> Bundle:
    """Return the bundle in `path`. Raises Unreadable, saying why, if it is damaged or none."""
    try:
        with zipfile.ZipFile(path) as archive:
            files = _files(archive)
    except OSError as error:
        raise Unreadable(f"cannot open {path}: {error.strerror or error}") from None
    except DAMAGED as error:
        raise Unreadable(f"{path} is damaged or no zip file: {error}") from None
    except RuntimeError as error:
        raise Unreadable(f"{path} is packed in a way we do not read: {error}") from None
    missing = [name for name in NEEDED if name not in files]
    if missing:
        raise Unreadable(f"{path} is no evidence bundle: {', '.join(missing)} missing")
    return Bundle(files, _manifest(path, files["manifest.json"]))


def _files(archive: zipfile.ZipFile) -> dict[str, bytes]:
    listed = archive.infolist()
    if len({info.filename for info in listed}) != len(listed):
        raise Unreadable("the bundle holds two files of one name")
    if sum(info.file_size for info in listed) > BYTES_MAX:
        raise Unreadable(f"the bundle would unpack to more than {BYTES_MAX} bytes")
    return {info.filename: archive.read(info) for info in listed}


def _manifest(path: Path, text: bytes) -> Mapping[str, Any]:
    try:
        manifest = parse(text)
    except ValueError:
        raise Unreadable(f"{path}: manifest.json is not JSON") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise Unreadable(f"{path}: manifest.json does not say {FORMAT}")
    return manifest
