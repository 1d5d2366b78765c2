"""The house rules no linter knows: each takes one file's text and says what is wrong with it."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

FUNCTION_LINES_MAX = 50
FILE_LINES_MAX = 400
POSITIONAL_MAX = 5
FILES_MAX = 8  # per folder; what Python itself names does not count

SHARED = {"kernel", "resilience", "infra"}
WIRED_BY_APP = {"http", "jobs", "invariants"}
PUBLIC = {"model", "caller"}  # nouns serve other modules' rules; `caller` serves every edge
SAYS_NOTHING = {"utils", "util", "helpers", "common", "base", "manager", "core", "misc", "shared"}
VERB_OF_NO_DOMAIN = re.compile(r"_?(process|handle|manage)_")
EXCUSE = re.compile(
    r"# (noqa|type: ignore)(?P<codes>[:\[][\w\-, :\]]+?)?(?P<why> -- \S.*| # \S.*)?$"
)
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|NotImplementedError)\b")
# Written apart, so that this file does not break its own rule.
ADDRESSES = re.compile(
    "|".join(
        [r"--(extra-)?index-" + "url", r'"resol' + r'ved": *"http', r"regis" + r"try *= *\S*http"]
        + [re.escape(name + ".org") for name in ("pypi", "files.pythonhosted", "registry.npmjs")]
    )
)
EVERYTHING = {"Exception", "BaseException"}


def file_too_long(text: str) -> Iterator[str]:
    lines = len(text.splitlines())
    if lines > FILE_LINES_MAX:
        yield f"{lines} lines: split by subject"


def function_too_long(text: str) -> Iterator[str]:
    for node in functions(text):
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield f"{node.name}: {lines} lines; keep the ifs, move the rest out"


def too_many_positional_arguments(text: str) -> Iterator[str]:
    for node in functions(text):
        count = len(node.args.posonlyargs) + len(node.args.args)
        own = [a.arg for a in node.args.args[:1] if a.arg in {"self", "cls"}]
        if count - len(own) > POSITIONAL_MAX:
            yield f"{node.name}: name its arguments, put them after `*`"


def does_not_say_what_it_is_for(text: str) -> Iterator[str]:
    if not ast.get_docstring(ast.parse(text)):
        yield "start the file with one sentence"


def function_named_for_no_domain(text: str) -> Iterator[str]:
    for node in functions(text):
        if VERB_OF_NO_DOMAIN.match(node.name):
            yield f"{node.name}: name what it does, in the domain's words"


def excuse_without_reason(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        excuse = EXCUSE.search(line)
        if excuse and not (excuse["codes"] and excuse["why"]):
            yield f"line {number}: name the rule, and the reason after ` -- `"


def unfinished(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if UNFINISHED.search(line):
            yield f"line {number}: finish it, or open an issue"


def swallows_everything(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.ExceptHandler(type=kind, body=[ast.Pass()]) if kind is None or any(
                isinstance(n, ast.Name) and n.id in EVERYTHING for n in ast.walk(kind)
            ):
                yield f"line {node.lineno}: an error that nobody will hear of"
            case ast.Call(func=ast.Name("suppress") | ast.Attribute(attr="suppress")) if any(
                isinstance(a, ast.Name) and a.id in EVERYTHING for a in node.args
            ):
                yield f"line {node.lineno}: an error that nobody will hear of"


def reads_the_environment(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Attribute(value=ast.Name("os"), attr="environ" | "environb" | "getenv"):
                yield f"line {node.lineno}: take it from infra.settings.Settings"
            case ast.ImportFrom(module="os") if any(
                a.name in {"environ", "environb", "getenv"} for a in node.names
            ):
                yield f"line {node.lineno}: take it from infra.settings.Settings"


def patches_what_it_tests(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.arg(arg="monkeypatch" | "mocker"):
                yield f"line {node.lineno}: what varies arrives through arguments"
            case (
                ast.ImportFrom(module="unittest" | "unittest.mock")
                | ast.Import(names=[ast.alias("unittest.mock" | "mock")])
            ):
                yield f"line {node.lineno}: what varies arrives through arguments"


def names_a_registry(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if ADDRESSES.search(line):
            yield f"line {number}: a machine's own configuration says where packages come from"


def kernel_needs_more_than_python(text: str) -> Iterator[str]:
    for name in imports(text):
        top, _, rest = name.partition(".")
        if top not in sys.stdlib_module_names and not (
            top == "tradesense" and rest.startswith("kernel")
        ):
            yield f"{name}: the kernel imports the standard library only"


def looks_behind_a_face(text: str, *, home: str, inner_parts: dict[str, set[str]]) -> Iterator[str]:
    """`tradesense.ledger` and its `model` are public; its `store` is the ledger's own business."""
    for name in imports(text):
        match name.split("."):
            case ["tradesense", module, inner, *_] if module not in {home, *SHARED}:
                wired = home in {"app", "gameday"} and inner in WIRED_BY_APP
                known = inner in inner_parts.get(module, set())
                if known and inner not in PUBLIC and not wired:
                    yield f"{name}: ask {module} at its face"


def crowded(folder: Path) -> Iterator[str]:
    names = {f.stem for f in folder.glob("*.py")} - {"__init__", "__main__", "conftest"}
    if len(names) > FILES_MAX:
        yield f"{len(names)} files: split by subject"


def file_named_for_no_subject(file: Path) -> Iterator[str]:
    if file.stem in SAYS_NOTHING:
        yield f"{file.name} can hold anything; name the subject"


def broken_links(file: Path) -> Iterator[str]:
    """Links of a Markdown file that lead nowhere in this tree; an anchor `#L` is not looked at."""
    for target in re.findall(r"\]\(([^)\s]+)\)", file.read_text()):
        if not re.match(r"[a-z]+:|#", target):
            path = file.parent / target.partition("#")[0]
            if not path.exists():
                yield f"{target} leads nowhere"


def functions(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imports(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
