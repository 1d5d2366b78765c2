"""Answers as they are sent, and as they are kept: encrypted, for they may hold an API secret."""

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from fastapi import Response
from pydantic import BaseModel

from tradesense.kernel.canonical import jsonable

Headers = tuple[tuple[str, str], ...]

REPLAYED = ("idempotency-replayed", "true")
# A cookie belongs to the one answer it was sent with; the length follows from the body.
_NOT_KEPT = frozenset({"set-cookie", "content-length", REPLAYED[0]})


class Answer(msgspec.Struct, frozen=True):
    """A rendered answer."""

    status: int
    body: bytes
    headers: Headers = (("content-type", "application/json"),)

    @classmethod
    def of(cls, value: object, *, status: int = 200) -> "Answer":
        """Render a dataclass, a pydantic model or plain JSON; an Answer is one already."""
        if isinstance(value, Answer):
            return value
        plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else jsonable(value)
        return cls(status, msgspec.json.encode(plain))

    @classmethod
    def empty(cls, *, status: int = 204) -> "Answer":
        """Return an answer without a body."""
        return cls(status, b"", ())

    @classmethod
    def from_response(cls, response: Response) -> "Answer":
        """Take a response of the web framework as it was rendered."""
        headers = tuple((name, value) for name, value in response.headers.items())
        return cls(response.status_code, bytes(response.body), headers)

    def kept(self) -> "Answer":
        """Return it without what must not be said twice."""
        headers = tuple(each for each in self.headers if each[0].lower() not in _NOT_KEPT)
        return msgspec.structs.replace(self, headers=headers)

    def response(self, *, is_replayed: bool = False) -> Response:
        """Return it as the web framework wants it, marked if it was given before."""
        response = Response(self.body, self.status)
        for name, value in self.headers:
            if name.lower() != "content-length":
                response.headers.append(name, value)
        if is_replayed:
            response.headers.append(*REPLAYED)
        return response


class Unreadable(Exception):
    """What was sealed is not ours, not for this name, or from under another secret."""


class Cipher:
    """AES-SIV: needs no nonce, so no chance; an answer reads differently under another name."""

    def __init__(self, secret: bytes, name: str) -> None:
        self._siv = AESSIV(secret)
        self._name = [name.encode()]

    def seal(self, answer: Answer) -> bytes:
        """Encrypt what may be kept of `answer`."""
        return self._siv.encrypt(msgspec.msgpack.encode(answer.kept()), self._name)

    def open(self, sealed: bytes) -> Answer:
        """Return the answer. Raises Unreadable."""
        try:
            return msgspec.msgpack.decode(self._siv.decrypt(sealed, self._name), type=Answer)
        except (InvalidTag, ValueError) as error:
            raise Unreadable from error
