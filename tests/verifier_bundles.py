"""Bundles as the verifier reads them, without a file; and how a forger would change them."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

from tradesense.challenges.evidence.archive import Evidence, pack
from tradesense_verify.bundle import Bundle, open_bundle


def bundle_of(evidence: Evidence) -> Bundle:
    """Return the packed evidence as the verifier reads it."""
    return read(pack(evidence))


def read(packed: bytes) -> Bundle:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return Bundle(files, json.loads(files["manifest.json"]))


def changed(packed: bytes, path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Write the bundle to `path` with its files changed, and return `path`."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


__all__ = ["bundle_of", "changed", "open_bundle", "read"]
