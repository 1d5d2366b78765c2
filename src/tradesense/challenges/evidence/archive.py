"""
The bundle as a file: a zip whose bytes follow from what it holds. Pure.

    terms.json        the sealed terms, exactly
    account.jsonl     every entry of the account, refused orders included; one canonical line each
    challenge.jsonl   the challenge's entries, the verdicts among them
    tape.jsonl        the entries that seal the prices
    prices/…csv       the prices: exactly the texts whose hashes those entries state
    proofs.jsonl      where each entry stands in the log, and its path to the signed root
    checkpoint.txt    the signed root (C2SP signed note); vkey.txt: the key it is signed with
    manifest.json     what is in here, with each file's sha256
"""

import hashlib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

from tradesense.kernel.canonical import canonical
from tradesense.market.model import BlockText
from tradesense.trail.model import Entry

FORMAT = "tradesense-evidence-1"
_NEVER = (1980, 1, 1, 0, 0, 0)  # the zip format's first moment: the files have no date
_READABLE_BY_ALL = 0o644 << 16

README = """\
What you hold
=============
The whole record of one simulated trading account: what was bought (terms.json), every order,
fill, reset and refusal (account.jsonl), the verdict (challenge.jsonl), and every price that
could matter (prices/), as they stand in an append-only log whose root is signed
(checkpoint.txt).

Check it without trusting us
============================
    pip install ./verifier          # a small program of its own, in the source of TradeSense
    tradesense-verify bundle.zip --key "$(cat the-published-vkey)"

It checks the signature, that every entry is in the log, that no entry and no price is missing
in between, that terms and prices are the sealed ones; then it works out every fill, floor and
the verdict again from terms, prices and orders, and compares. Without --key it uses vkey.txt:
compare that with the key published elsewhere.

By hand
=======
A line of a .jsonl file is one entry. sha256 of a line is what the next line of that stream
calls `prev`. sha256(0x00 || line) is its leaf in an RFC 6962 tree; proofs.jsonl leads from
there to the root in checkpoint.txt, a C2SP signed note. sha256 of each file in prices/ stands
in tape.jsonl. sha256 of terms.json stands in the first line of account.jsonl.
A line of prices: price_seq,at_us,kind,bid,ask,status,synthetic,reset,day (microseconds since
1970 UTC; prices in the instrument's smallest unit; only `valid` quotes fill or judge).
Money is in minor units (cents), quantities and prices in the digits terms.json states.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """A sealed entry with the hashes that lead from it to the root."""

    entry: Entry
    position: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that a bundle is made of. Streams are complete and in order."""

    account_id: str
    status: str  # running | passed | failed | closed
    judged_until_seq: int
    terms: bytes
    account: Sequence[Proven]
    challenge: Sequence[Proven]
    tape: Sequence[Proven]
    blocks: Sequence[BlockText]
    checkpoint: str
    vkey: str


def pack(evidence: Evidence) -> bytes:
    """Return the bundle's bytes; the same evidence, the same bytes."""
    files = _files(evidence)
    manifest = {
        "format": FORMAT,
        "account": evidence.account_id,
        "status": evidence.status,
        "judged_until_seq": evidence.judged_until_seq,
        "files": {name: hashlib.sha256(text).hexdigest() for name, text in files.items()},
    }
    files["manifest.json"] = canonical(manifest)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _NEVER)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = _READABLE_BY_ALL
            archive.writestr(info, files[name])
    return packed.getvalue()


def price_file(symbol: str, first_seq: int) -> str:
    """Return the name of a block's file."""
    return f"prices/{symbol.replace('/', '-')}/{first_seq:012d}.csv"


def _files(evidence: Evidence) -> dict[str, bytes]:
    streams = (*evidence.account, *evidence.challenge, *evidence.tape)
    files = {
        "README.txt": README.encode(),
        "terms.json": evidence.terms,
        "account.jsonl": _lines(evidence.account),
        "challenge.jsonl": _lines(evidence.challenge),
        "tape.jsonl": _lines(evidence.tape),
        "proofs.jsonl": b"".join(_proof(each) for each in streams),
        "checkpoint.txt": evidence.checkpoint.encode(),
        "vkey.txt": f"{evidence.vkey}\n".encode(),
    }
    for each in evidence.blocks:
        files[price_file(each.block.symbol, each.block.first_seq)] = each.text
    return files


def _lines(proven: Sequence[Proven]) -> bytes:
    return b"".join(each.entry.canonical + b"\n" for each in proven)


def _proof(proven: Proven) -> bytes:
    told = {
        "stream": proven.entry.stream,
        "version": proven.entry.version,
        "position": proven.position,
        "path": [part.hex() for part in proven.path],
    }
    return canonical(told) + b"\n"
