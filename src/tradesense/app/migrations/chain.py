"""The revisions as a chain: the number in a file's name is its place, nothing else is written."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic import op
from alembic.script import Script, ScriptDirectory

_FOLDER = Path(__file__).parent


class Chain(ScriptDirectory):
    """Alembic's script directory, with order and statements taken from `versions/NNNN_name.py`."""

    def __init__(self) -> None:
        super().__init__(str(_FOLDER))

    def steps_from(self, current: Any) -> Any:
        """Return the steps from revision `current` to the newest."""
        return self._upgrade_revs("head", current)

    def _load_revisions(self) -> Iterator[Script]:
        before = None
        for path in sorted((_FOLDER / "versions").glob("[0-9][0-9][0-9][0-9]_*.py")):
            number = path.stem[:4]
            revision: Any = importlib.import_module(f"{__package__}.versions.{path.stem}")
            revision.revision, revision.down_revision = number, before
            revision.upgrade = _Statements(revision.SQL)
            yield Script(revision, number, str(path))
            before = number


class _Statements:
    """SQL sent to the server as it is written: no colon or percent sign means anything."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __call__(self) -> None:
        connection: Any = op.get_bind().connection.driver_connection
        connection.execute(self._text)
