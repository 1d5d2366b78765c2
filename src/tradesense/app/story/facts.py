"""What the story left behind: read from the database and judged by the independent verifier."""

import asyncio
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tradesense import ledger, trail
from tradesense.app.invariants import check_in
from tradesense.app.story.driver import Play
from tradesense.app.story.kills import Death
from tradesense.app.story.plot.script import Outcome
from tradesense.app.story.trader import Trader, insist
from tradesense.kernel.errors import InvariantBroken
from tradesense.trail.model import Entry

PAGE = 5_000  # entries read at a time
STORY_STREAMS = {"user", "purchase", "payment", "challenge", "account"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One account's bundle, and what the verifier said of it."""

    account_id: str
    phase: str
    agrees: bool
    says: str
    bundle: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How it ended for one trader. `decisions` are the challenge's entries that judged."""

    trader: str
    expected: Outcome
    outcome: Outcome
    decisions: tuple[Entry, ...]
    accounts: tuple[Judged, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """
    Everything the report shows. `streams` maps each stream to the hash of its entries.

    `who` names the trader of a stream; `sealed` is what `tradesense trail verify --json` said.
    """

    ends: tuple[End, ...]
    timeline: tuple[Entry, ...]
    who: Mapping[str, str]
    trial_balance: Sequence[ledger.TrialLine]
    invariants: Mapping[str, list[str]]
    sealed: Mapping[str, Any]
    prices: int
    crossed: int
    streams: Mapping[str, str]
    deaths: Sequence[Death] = field(default_factory=tuple)

    def wrongs(self) -> list[str]:
        """Return what is off, in words; nothing is the only good answer."""
        found = [
            f"{end.trader}: expected {end.expected}, but {end.outcome}"
            for end in self.ends
            if end.outcome != end.expected
        ]
        found += [
            f"{end.trader}, {judged.phase}: the verifier does not agree: {judged.says}"
            for end in self.ends
            for judged in end.accounts
            if not judged.agrees
        ]
        found += [f"broken: {name}: {rows[0]}" for name, rows in self.invariants.items() if rows]
        for currency in {line.debit.currency for line in self.trial_balance}:
            lines = [line for line in self.trial_balance if line.debit.currency == currency]
            if sum(line.debit.minor - line.credit.minor for line in lines):
                found.append(f"the trial balance in {currency} does not come to zero")
        if not self.sealed["ok"]:
            found.append(f"the trail does not verify: {self.sealed}")
        return found


async def gather(play: Play, bundles: Path) -> Facts:
    """Read all facts of a finished play; its bundles are written to the folder `bundles`."""
    entries = await _all_entries(play)
    ends = [
        await _end(play.traders[script.trader], script.expected, entries, bundles)
        for script in play.scripts
    ]
    db = play.instance.db
    async with db.reading() as tx:
        balance = await ledger.trial_balance(tx)
        cursor = await tx.execute(
            "SELECT count(*) FILTER (WHERE kind = 'quote') AS prices,"
            " count(*) FILTER (WHERE status = 'crossed') AS crossed FROM market_tape"
        )
        tape = await cursor.fetchone()
    if tape is None:
        raise InvariantBroken("the tape cannot be counted")
    return Facts(
        ends=tuple(ends),
        timeline=tuple(e for e in entries if e.stream.partition(":")[0] in STORY_STREAMS),
        who=_who(play, entries),
        trial_balance=balance,
        invariants=await check_in(db),
        sealed=json.loads((await play.instance.command("trail", "verify", "--json")).said),
        prices=tape["prices"],
        crossed=tape["crossed"],
        streams=_streams(entries),
        deaths=tuple(play.deaths),
    )


def _who(play: Play, entries: Sequence[Entry]) -> dict[str, str]:
    """Return stream -> trader: a trader's challenge, its accounts, the purchase and payment."""
    owners = {trader.challenge_id: trader.name for trader in play.traders.values()}
    owners |= {trader.purchase_id: trader.name for trader in play.traders.values()}
    who: dict[str, str] = {}
    for entry in entries:
        named = (entry.data.get("challenge_id"), entry.data.get("purchase_id"))
        owner = next((owners[str(each)] for each in named if str(each) in owners), None)
        if owner is not None:
            who.setdefault(entry.stream, owner)
    return who


async def _all_entries(play: Play) -> list[Entry]:
    entries: list[Entry] = []
    async with play.instance.db.reading() as tx:
        while page := await trail.read_sealed(tx, after=len(entries), limit=PAGE):
            entries += page
    return entries


def _streams(entries: Sequence[Entry]) -> dict[str, str]:
    """Return stream -> SHA-256 (hex) of its entries' canonical bytes, one line each."""
    hashes: dict[str, Any] = {}
    for entry in entries:
        hashes.setdefault(entry.stream, hashlib.sha256()).update(entry.canonical + b"\n")
    return {stream: hashes[stream].hexdigest() for stream in sorted(hashes)}


async def _end(trader: Trader, expected: Outcome, entries: Sequence[Entry], bundles: Path) -> End:
    stream = f"challenge:{trader.challenge_id}"
    own = [entry for entry in entries if entry.stream == stream]
    accounts = [
        (str(entry.data["account_id"]), str(entry.data["phase"]))
        for entry in entries
        if entry.kind == "AccountOpened" and entry.data["challenge_id"] == trader.challenge_id
    ]
    return End(
        trader=trader.name,
        expected=expected,
        outcome=_outcome(own),
        decisions=tuple(e for e in own if e.kind in {"ChallengeFailed", "PhasePassed"}),
        accounts=tuple(
            [await _judge(trader, account, phase, bundles) for account, phase in accounts]
        ),
    )


def _outcome(own: Sequence[Entry]) -> Outcome:
    for entry in own:
        if entry.kind == "ChallengeFailed":
            daily = entry.data["rule"] == "daily loss"
            return Outcome.DAILY_LOSS if daily else Outcome.OVERALL_LOSS
        if entry.kind == "ChallengeFunded":
            return Outcome.FUNDED
    return Outcome.RUNNING


async def _judge(trader: Trader, account_id: str, phase: str, bundles: Path) -> Judged:
    """Download the account's evidence as the trader would, and let a stranger judge it again."""
    bundle = bundles / f"{trader.name}-{phase}.zip"
    answer = await insist(
        trader.platform,
        "GET",
        f"/api/v1/accounts/{account_id}/evidence",
        headers=trader.bearer(),
    )
    if not answer.is_success:
        raise InvariantBroken(f"no evidence of {account_id}: {answer.status_code} {answer.text}")
    bundle.write_bytes(answer.content)
    verifier = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tradesense_verify", str(bundle),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await verifier.communicate()
    return Judged(
        account_id=account_id,
        phase=phase,
        agrees=verifier.returncode == 0,
        says=said.decode(errors="replace").strip(),
        bundle=bundle,
    )
