"""Finds what reaches out of a process without a named policy; reads the source, runs nothing."""

import ast
from collections.abc import Iterator

# Whatever is called under one of these names opens a way to somebody else.
OPENS = {
    "httpx": {
        "AsyncClient", "Client", "AsyncHTTPTransport", "HTTPTransport", "get", "post", "put",
        "patch", "delete", "head", "options", "request", "stream",
    },
    "urllib.request": {"urlopen", "build_opener", "urlretrieve"},
    "http.client": {"HTTPConnection", "HTTPSConnection"},
    "socket": {"create_connection"},
    "asyncio": {"open_connection", "open_unix_connection"},
    "redis": {"Redis", "StrictRedis", "from_url"},
    "redis.asyncio": {"Redis", "StrictRedis", "from_url", "Sentinel", "RedisCluster"},
    "psycopg": {"connect"},
    "websockets": {"connect"},
}  # fmt: skip
METHODS = {
    "connect", "connect_ex", "sock_connect", "create_connection", "create_datagram_endpoint",
    "open_connection", "from_url", "urlopen",
}  # fmt: skip
NO_NETWORK = {"sqlite3.connect"}
# No client of ours needs these at all.
BANNED = {
    "requests", "aiohttp", "urllib3", "httplib2", "pycurl", "ftplib", "telnetlib", "smtplib",
    "aiosmtplib", "paramiko", "grpc", "boto3",
}  # fmt: skip
OUR_CLIENT = "tradesense.infra.http.client"


def calls_out(text: str) -> Iterator[str]:
    """Say which lines of a file reach out by other ways than `infra.http`, `.redis` and `.db`."""
    tree = ast.parse(text)
    known = _imported(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _banned(node)
        elif isinstance(node, ast.ClassDef):
            for parent in node.bases:
                if _opens(_dotted(parent, known)):
                    yield f"line {node.lineno}: {node.name} is a client without a policy"
        elif isinstance(node, ast.Call):
            yield from _called(node, _dotted(node.func, known))


def _called(node: ast.Call, name: str) -> Iterator[str]:
    last = name.rpartition(".")[2]
    if name in NO_NETWORK or (name.startswith("tradesense.") and name != OUR_CLIENT):
        return  # what is ours is looked at where it is written
    if _opens(name) or ("." in name and last in METHODS):
        yield f"line {node.lineno}: {name} reaches out without a policy"
    elif name == OUR_CLIENT and not node.args:
        yield f"line {node.lineno}: whose policy does this client go through?"
    elif name.startswith("stripe.") and last == "create":
        yield f"line {node.lineno}: {name} goes through the package's own client"
    elif name == "stripe.StripeClient" and "http_client" not in {k.arg for k in node.keywords}:
        yield f"line {node.lineno}: give {name} the http_client that goes through a policy"


def _opens(name: str) -> bool:
    module, _, last = name.rpartition(".")
    return last in OPENS.get(module, set())


def _banned(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    modules = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    for module in modules:
        if module.partition(".")[0] in BANNED:
            yield f"line {node.lineno}: {module} knows no policy; ask infra.http"


def _imported(tree: ast.AST) -> dict[str, str]:
    """Return what each imported name of a file stands for."""
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                first = each.name.partition(".")[0]
                known[each.asname or first] = each.name if each.asname else first
        elif isinstance(node, ast.ImportFrom):
            for each in node.names:
                known[each.asname or each.name] = f"{node.module}.{each.name}"
    return known


def _dotted(node: ast.AST, known: dict[str, str]) -> str:
    """Return the whole name of what is called, "?" for what has none (the result of a call)."""
    match node:
        case ast.Name(id=name):
            return known.get(name, name)
        case ast.Attribute(value=value, attr=last):
            return f"{_dotted(value, known)}.{last}"
        case ast.Subscript(value=value):
            return _dotted(value, known)
        case _:
            return "?"
