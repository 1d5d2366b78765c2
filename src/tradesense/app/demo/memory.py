"""What the demo trader must not forget: a restart goes on where it was, and buys nothing twice."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tradesense.infra.files import write_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One challenge of the demo trader; `round` counts them, `orders` the orders of this one."""

    round: int = 1
    purchase_id: str = ""
    challenge_id: str = ""
    key_id: str = ""
    secret: str = ""
    orders: int = 0

    def key(self, what: str) -> str:
        """Return the Idempotency-Key under which this round does `what`."""
        return f"demo-{self.round}-{what}"


class Memory:
    """A note in a file that a crash leaves whole, old or new."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.note = Note(**json.loads(path.read_bytes())) if path.exists() else Note()

    def write(self, **changes: Any) -> Note:
        """Change the note, on disk first, and return it."""
        changed = replace(self.note, **changes)
        write_whole(self._path, json.dumps(asdict(changed)).encode(), mode=0o600)
        self.note = changed
        return changed
