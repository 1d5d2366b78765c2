"""
XML from strangers, as a tree that knows its lines.

Ours and not a library's because a refusal must name the line, which the usual trees forget. The
parser is expat; whatever could reach outside the file or swell (document types, and with them
every entity of the file's own) is refused before it is read, and depth and size have an end.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self
from xml.parsers import expat

from tradesense.payments.bank.refusals import MalformedStatement

DEPTH_MAX = 40  # the deepest path of camt.053 has some twenty steps
ELEMENTS_MAX = 2_000_000
TEXT_MAX = 4_000  # of one element; the longest of camt.053 has 2,000


@dataclass(slots=True)
class Element:
    """One element: its local name, the line it begins in, its text without outer spaces."""

    name: str
    line: int
    attributes: Mapping[str, str]
    text: str = ""
    children: list[Self] = field(default_factory=list)

    @property
    def where(self) -> str:
        return f"line {self.line}, {self.name}"

    def each(self, path: str) -> Iterator["Element"]:
        """Yield every element at `path`, e.g. `NtryDtls/TxDtls`."""
        step, _, rest = path.partition("/")
        for child in self.children:
            if child.name == step:
                if rest:
                    yield from child.each(rest)
                else:
                    yield child

    def find(self, *paths: str) -> "Element | None":
        """Return the first element at the first of `paths` that leads anywhere."""
        return next((found for path in paths for found in self.each(path)), None)

    def get(self, *paths: str) -> "Element":
        """Return it. Raises MalformedStatement."""
        found = self.find(*paths)
        if found is None:
            raise MalformedStatement(f"{self.where}: {paths[0]} is missing")
        return found

    def said(self, *paths: str) -> str:
        """Return the text at the first of `paths` that leads anywhere, or nothing."""
        found = self.find(*paths)
        return "" if found is None else found.text


def read_tree(content: bytes) -> tuple[str, Element]:
    """Return the root's namespace, and the root. Raises MalformedStatement."""
    reader = _Reader()
    try:
        reader.parser.Parse(content, True)  # noqa: FBT003 -- expat takes no names
    except expat.ExpatError as error:
        raise MalformedStatement(
            f"line {error.lineno}: no well-formed XML ({expat.ErrorString(error.code)})"
        ) from None
    except (ValueError, LookupError) as error:  # an encoding nobody knows
        raise MalformedStatement(f"the XML cannot be read: {error}") from None
    if reader.root is None:
        raise MalformedStatement("line 1: the file is empty")
    return reader.namespace, reader.root


class _Reader:
    """What expat calls."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self.namespace = ""
        self._open: list[Element] = []
        self._count = 0
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._no_doctype
        self.parser.StartElementHandler = self._begin
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._add

    def _no_doctype(self, *_: object) -> None:
        raise MalformedStatement(
            f"line {self.parser.CurrentLineNumber}: a document type (DTD) is not allowed here: "
            "a statement needs none, and it could read other files or swell"
        )

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        line = self.parser.CurrentLineNumber
        self._count += 1
        if len(self._open) >= DEPTH_MAX or self._count > ELEMENTS_MAX:
            raise MalformedStatement(
                f"line {line}: at most {DEPTH_MAX} levels and {ELEMENTS_MAX} elements"
            )
        namespace, _, local = name.rpartition(" ")
        element = Element(local, line, attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root, self.namespace = element, namespace
        self._open.append(element)

    def _end(self, _: str) -> None:
        closed = self._open.pop()
        closed.text = closed.text.strip()

    def _add(self, text: str) -> None:
        element = self._open[-1]
        element.text += text
        if len(element.text) > TEXT_MAX:
            raise MalformedStatement(f"{element.where}: at most {TEXT_MAX} characters")
