"""What the demo trader must not forget: a restart goes on where it was, and buys nothing twice."""

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any


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
        draft = self._path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(changed), file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        self.note = changed
        return changed
