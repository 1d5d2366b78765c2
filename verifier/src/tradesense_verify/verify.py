"""Everything that can be checked about a bundle, in order; what is wrong is collected."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from tradesense_verify import prices, verdict
from tradesense_verify.bundle import Bundle
from tradesense_verify.findings import Finding, Unreadable, Wrong
from tradesense_verify.log.entries import Entry, check_links, number_of, read_entries
from tradesense_verify.log.note import Checkpoint, Key, read_checkpoint, read_key
from tradesense_verify.log.proofs import check_proofs, read_proofs
from tradesense_verify.prices import Block, Item
from tradesense_verify.replay import Replay
from tradesense_verify.rules.terms import Terms, read_terms

T = TypeVar("T")
# What Python says where a bundle states a word for a number, or a number beyond all bounds.
NONSENSE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@dataclass(slots=True)
class Report:
    """What was found. `same` tells whether everything holds and the verdict is the same."""

    findings: list[Finding] = field(default_factory=list)
    key: Key | None = None
    is_key_pinned: bool = False
    checkpoint: Checkpoint | None = None
    blocks: list[Block] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    account: list[Entry] = field(default_factory=list)
    challenge: list[Entry] = field(default_factory=list)
    tape: list[Entry] = field(default_factory=list)
    terms: Terms | None = None
    terms_sha256: str = ""
    replay: Replay | None = None
    verdict: str | None = None
    until_seq: int = 0

    @property
    def same(self) -> bool:
        return not self.findings and self.verdict is not None

    def attempt(self, check: Callable[[], T]) -> T | None:
        """Return what `check` returns; a part that is wrong becomes a finding, and None."""
        try:
            return check()
        except Wrong as wrong:
            self.findings.append(wrong.finding)
        except NONSENSE as error:
            self.findings.append(Finding("bundle", f"states what makes no sense: {error!r}"))
        return None


def verify(bundle: Bundle, pinned: str | None) -> Report:
    """Check `bundle`, signed by the key that `pinned` names (or else by the one it carries)."""
    report = Report(is_key_pinned=pinned is not None)
    _check_files(bundle, report)
    _check_signature(bundle, report, pinned)
    _read_streams(bundle, report)
    _check_streams(report)
    _check_log(bundle, report)
    _read_terms(bundle, report)
    _read_prices(bundle, report)
    _judge_again(report)
    return report


def _check_files(bundle: Bundle, report: Report) -> None:
    until_seq = bundle.manifest.get("judged_until_seq")
    if isinstance(until_seq, int):
        report.until_seq = until_seq
    else:
        report.findings.append(Finding("manifest.json", "does not say how far it was judged"))
    listed = bundle.manifest.get("files")
    if not isinstance(listed, dict):
        report.findings.append(Finding("manifest.json", "lists no files"))
        return
    for name in sorted(bundle.files.keys() - {"manifest.json"} | listed.keys()):
        text = bundle.files.get(name)
        if text is None:
            report.findings.append(Finding(name, "is missing, though the manifest lists it"))
        elif hashlib.sha256(text).hexdigest() != listed.get(name):
            report.findings.append(Finding(name, "is not the file that the manifest lists"))


def _check_signature(bundle: Bundle, report: Report, pinned: str | None) -> None:
    if pinned is None:
        text = bundle.files["vkey.txt"].decode("utf-8", "replace")
        report.key = report.attempt(lambda: read_key(text, "vkey.txt"))
    else:
        report.key = report.attempt(lambda: read_key(pinned, "the key given"))
    key = report.key
    if key is not None:
        note = bundle.files["checkpoint.txt"]
        report.checkpoint = report.attempt(lambda: read_checkpoint(note, key))


def _read_streams(bundle: Bundle, report: Report) -> None:
    def read(name: str) -> list[Entry]:
        return report.attempt(lambda: read_entries(name, bundle.files[name])) or []

    report.account = read("account.jsonl")
    report.challenge = read("challenge.jsonl")
    report.tape = read("tape.jsonl")


def _check_streams(report: Report) -> None:
    account, challenge = report.account, report.challenge
    if account and account[0].kind == "AccountOpened":
        stream = f"account:{account[0].data.get('account_id')}"
        report.attempt(
            lambda: check_links("account.jsonl", account, stream=stream, from_start=True)
        )
        stream = f"challenge:{account[0].data.get('challenge_id')}"
        report.attempt(
            lambda: check_links("challenge.jsonl", challenge, stream=stream, from_start=True)
        )
    elif account:
        report.findings.append(Finding("account.jsonl", f"{account[0]} opens no account"))
    for tape in sorted({entry.stream for entry in report.tape}):
        part = [entry for entry in report.tape if entry.stream == tape]
        report.attempt(partial(check_links, "tape.jsonl", part, stream=tape, from_start=False))


def _check_log(bundle: Bundle, report: Report) -> None:
    proofs = report.attempt(lambda: read_proofs(bundle.files["proofs.jsonl"]))
    checkpoint = report.checkpoint
    if proofs is None or checkpoint is None:
        return
    for part, entries in (
        ("account.jsonl", report.account),
        ("challenge.jsonl", report.challenge),
        ("tape.jsonl", report.tape),
    ):
        report.findings += check_proofs(part, entries, proofs, checkpoint)


def _read_terms(bundle: Bundle, report: Report) -> None:
    text = bundle.files["terms.json"]
    report.terms_sha256 = hashlib.sha256(text).hexdigest()
    if report.account:
        opened = report.account[0].data
        phase = str(opened.get("phase"))
        try:
            report.terms = report.attempt(lambda: read_terms(text, phase))
        except Unreadable:
            # Rules of another version are beyond us, unless somebody changed just their name.
            if report.terms_sha256 == opened.get("terms_sha256"):
                raise
            report.findings.append(Finding("terms.json", "is not what the account was opened with"))


def _read_prices(bundle: Bundle, report: Report) -> None:
    before = len(report.findings)
    sealed = [entry for entry in report.tape if entry.kind == "PriceBlockSealed"]
    for entry in sealed:
        block = report.attempt(partial(prices.read_block, entry, bundle.files))
        if block is not None:
            report.blocks.append(block)
    named = {block.name for block in report.blocks}
    stray = [name for name in bundle.prices() if name not in named]
    if len(report.findings) == before and stray:
        report.findings.append(Finding("prices", f"{stray[0]} is sealed by no entry"))
    if len(report.findings) == before and report.account:
        opened = report.attempt(lambda: number_of(report.account[0], "price_seq")) or 0
        report.items = report.attempt(lambda: prices.join(report.blocks, opened)) or []
        if report.until_seq < opened:
            report.findings.append(Finding("manifest.json", "ends before the account opens"))


def _judge_again(report: Report) -> None:
    terms, account, challenge = report.terms, report.account, report.challenge
    if terms is None or not account or not challenge or not report.items:
        report.findings.append(
            Finding("recomputation", "not possible, because of what is wrong above")
        )
        return
    report.attempt(lambda: prices.check_statuses(report.items, terms.instruments))
    report.replay = report.attempt(lambda: _live(terms, report))
    replay = report.replay
    if replay is None:
        return
    report.attempt(lambda: verdict.check_start(challenge, replay.account, report.terms_sha256))
    report.verdict = report.attempt(
        lambda: verdict.check_verdict(challenge, replay.account, replay.outcome)
    )


def _live(terms: Terms, report: Report) -> Replay:
    try:
        replay = Replay(terms, report.account, report.terms_sha256)
        replay.run([item for item in report.items if item.seq <= report.until_seq])
    except NONSENSE as error:
        # Entries can state anything, a word for a number among it; no rule speaks of that.
        raise Wrong("recomputation", f"the entries make no sense: {error!r}") from error
    return replay
