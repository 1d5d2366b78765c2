"""What an instance must remember to reach its own servers: passwords, ports, its master secret."""

import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from tradesense.infra.files import write_whole
from tradesense.kernel.errors import Invalid


class SecretsUnreadable(Invalid):
    """The file of secrets is there, and cannot be used."""

    code = "infra.secrets_unreadable"


def _password() -> str:
    return secrets.token_urlsafe(24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """Made once per data folder, kept in `secrets/instance.json`, readable by its owner only."""

    superuser: str = field(default_factory=_password, repr=False)
    owner: str = field(default_factory=_password, repr=False)
    app: str = field(default_factory=_password, repr=False)
    sealer: str = field(default_factory=_password, repr=False)
    valkey: str = field(default_factory=_password, repr=False)
    master: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    postgres_port: int = 0  # 0: not chosen yet
    valkey_port: int = 0

    @classmethod
    def find(cls, home: Path) -> Self | None:
        """Return the secrets of `home`, None before the first start. Raises SecretsUnreadable."""
        path = _path(home)
        try:
            return cls(**json.loads(path.read_bytes()))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, TypeError) as error:
            why = (isinstance(error, OSError) and error.strerror) or str(error)
            raise SecretsUnreadable(
                f"cannot read {path}: {why}; restore it, or set TRADESENSE_HOME to another folder"
            ) from error

    @classmethod
    def make(cls, home: Path) -> Self:
        """Return the secrets of `home`, made now if there are none."""
        found = cls.find(home)
        if found is None:
            found = cls()
            found.save(home)
        return found

    def save(self, home: Path) -> None:
        """Write them so that a crash leaves either the old file or the new one."""
        path = _path(home)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, json.dumps(asdict(self), indent=1).encode(), mode=0o600)


def _path(home: Path) -> Path:
    return home / "secrets" / "instance.json"
