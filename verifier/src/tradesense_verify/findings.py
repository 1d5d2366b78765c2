"""What can be said about a bundle: it cannot be read, or a named part of it is wrong."""

from dataclasses import dataclass


class Unreadable(Exception):
    """The file is no evidence bundle, or a damaged one; nothing can be said about its content."""


class Wrong(Exception):
    """One part of the bundle contradicts another; `part` names it in the stranger's words."""

    def __init__(self, part: str, text: str) -> None:
        super().__init__(f"{part}: {text}")
        self.finding = Finding(part, text)


@dataclass(frozen=True, slots=True)
class Finding:
    """A part of the bundle that is wrong, and how we know."""

    part: str
    text: str

    def __str__(self) -> str:
        return f"{self.part}: {self.text}"
