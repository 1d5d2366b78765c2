"""
Gathers an account's evidence: asks for the last prices to be sealed, waits, reads, packs.

    ask for a flush ──> all sealed? ──no──> look again, for at most PATIENCE_S
                            └─yes─> read everything in one snapshot, pack

Nothing is held open while it waits. The entries of an account that has ended never change; they
are proven under the newest checkpoint, so its bundle's bytes change only when the log has grown.
"""

import asyncio
import time
from pathlib import Path
from uuid import UUID

from tradesense import market, trading, trail
from tradesense.challenges import store
from tradesense.challenges.evidence import choice, tape
from tradesense.challenges.evidence.archive import Evidence, Proven, pack
from tradesense.challenges.service import UnknownAccount
from tradesense.infra.db import Transaction
from tradesense.infra.runtime import Runtime
from tradesense.kernel.errors import InvariantBroken, Unavailable
from tradesense.market import BlockText
from tradesense.trading.model import AccountStatus
from tradesense.trail import Entry

# Sealing takes tens of milliseconds, a flush the feed's next look; more means that one of them
# rests, and the caller should not wait for it.
PATIENCE_S = 10.0
LOOK_EVERY_S = 0.05


class NotYetSealed(Unavailable):
    """The last prices or entries are not sealed yet; nothing is wrong, ask again."""

    code = "challenges.not_yet_sealed"


async def evidence_of(
    runtime: Runtime, account_id: UUID, *, patience_s: float = PATIENCE_S
) -> bytes:
    """
    Return the evidence bundle of an account, running or ended.

    Raises UnknownAccount if there is none or the engine has not opened it, NotYetSealed if
    what it needs is not sealed within `patience_s`.
    """
    until_seq = await runtime.db.repeat(lambda tx: _ask_for_flush(tx, account_id))
    vkey = _read_vkey(runtime.settings.home)
    give_up = time.monotonic() + patience_s
    while True:
        async with runtime.db.reading() as tx:
            evidence = await _find(tx, account_id, until_seq=until_seq, vkey=vkey)
        if evidence is not None:
            return await asyncio.to_thread(pack, evidence)
        if time.monotonic() > give_up:
            raise NotYetSealed(
                "the last prices of this account are not sealed yet; try again in a few seconds"
            )
        await asyncio.sleep(LOOK_EVERY_S)


async def _ask_for_flush(tx: Transaction, account_id: UUID) -> int:
    """Ask that every price up to where the account was judged be sealed; return that number."""
    if await store.find_by_account(tx, account_id) is None:
        raise UnknownAccount(f"there is no account {account_id}")
    view = await trading.find_account(tx, account_id)
    if view is None:
        raise UnknownAccount(f"account {account_id} is not open yet; ask again in a moment")
    until_seq = view.price_seq
    if view.status is AccountStatus.CLOSED:
        told = await trail.read_stream(tx, f"account:{account_id}")
        until_seq = choice.whole(told[-1], "price_seq")
    return await market.request_flush(tx, up_to=until_seq)


async def _find(tx: Transaction, account_id: UUID, *, until_seq: int, vkey: str) -> Evidence | None:
    """Return the evidence if all of it is sealed, else None."""
    challenge = await store.find_by_account(tx, account_id)
    if challenge is None:
        raise InvariantBroken(f"account {account_id} belongs to no challenge")
    if not await market.is_flushed(tx, until_seq):
        return None
    told = await trail.read_stream(tx, f"account:{account_id}")
    account = choice.until_seq_of(told, until_seq)
    told = await trail.read_stream(tx, f"challenge:{challenge.id}")
    decided = choice.until_decided(told, account_id, until_seq)
    sealing: list[Entry] = []
    blocks: list[BlockText] = []
    opened_seq = choice.whole(account[0], "price_seq")
    for symbol in choice.symbols_of(challenge.terms, account):
        part = await tape.read_part(tx, symbol, since=opened_seq, until=until_seq)
        sealing += part.entries
        blocks += part.blocks
    entries = [*account, *decided, *sealing]
    if any(entry.position is None for entry in entries):
        return None
    proofs = await trail.prove(tx, [entry.position or 0 for entry in entries])
    proven = [
        Proven(entry=entry, position=proof.index + 1, path=proof.path)
        for entry, proof in zip(entries, proofs, strict=True)
    ]
    return Evidence(
        account_id=str(account_id),
        status=choice.status_by(account, decided),
        judged_until_seq=until_seq,
        terms=challenge.terms.text,
        account=proven[: len(account)],
        challenge=proven[len(account) : len(account) + len(decided)],
        tape=proven[len(account) + len(decided) :],
        blocks=blocks,
        checkpoint=proofs[0].note,
        vkey=vkey,
    )


def _read_vkey(home: Path) -> str:
    """Return the log's public key, as the sealer wrote it. Raises NotYetSealed before that."""
    try:
        return (home / "keys" / "trail.vkey").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise NotYetSealed("nothing is sealed yet; start the sealer, then try again") from None
