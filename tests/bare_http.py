"""
HTTP with as little of ours as possible: a connection each, so that copies really meet.

A client library's pool looks through all its connections at each request; two hundred of them
keep it busier than they keep the server.
"""

import asyncio
import json
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Bare:
    """An answer, as httpx would show it."""

    status_code: int
    headers: dict[str, str]
    content: bytes


class Connection:
    """One open connection to the server at `base`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, base: str) -> "Connection":
        parts = urlsplit(base)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port))

    async def post(self, path: str, body: object, headers: dict[str, str]) -> Bare:
        content = json.dumps(body).encode()
        said = {
            "Host": "test",
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            **headers,
        }
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items())]
        self._writer.write("\r\n".join([*lines, "", ""]).encode() + content)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *rest = head.strip().split("\r\n")
        heard = dict(line.lower().split(": ", 1) for line in rest)
        answer = await self._reader.readexactly(int(heard.get("content-length", 0)))
        return Bare(int(first.split()[1]), heard, answer)

    def close(self) -> None:
        self._writer.close()
