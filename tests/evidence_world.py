"""A challenge lived in memory: the real sequencer, engine book and log; no database, no clock."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from tradesense import challenges
from tradesense.challenges import rules
from tradesense.challenges.evidence import choice
from tradesense.challenges.evidence.archive import Evidence, Proven, pack
from tradesense.challenges.model import (
    Challenge,
    ChallengeRevoked,
    ChallengeStarted,
    ChallengeStatus,
    RevokedFor,
    Terms,
)
from tradesense.kernel.events import Event
from tradesense.kernel.ids import derive
from tradesense.kernel.instants import from_us, to_us
from tradesense.market.model import (
    CLOCK,
    Batch,
    BlockText,
    Position,
    PriceBlockSealed,
    Quote,
    TapeItem,
)
from tradesense.market.rules import text
from tradesense.market.tape.sequencer import Sequencer
from tradesense.trading.engine.book import Book
from tradesense.trading.engine.state import (
    Ask,
    Cancel,
    Close,
    CloseAccount,
    Command,
    Halt,
    Market,
    Open,
    Output,
    Place,
    Restore,
    Resume,
    Withdraw,
)
from tradesense.trading.model import (
    CloseRequest,
    GuardBreached,
    OrderRequest,
    OrderType,
    Reason,
    Side,
    TargetReached,
    TimeInForce,
)
from tradesense.trail import rules as trail_rules
from tradesense.trail.model import Entry, Fact
from tradesense.trail.proof import tree
from tradesense.trail.proof.note import Checkpoint, SigningKey

WEDNESDAY = datetime(2014, 4, 30, 8, 0, tzinfo=UTC)
EURUSD, USDJPY, DAX = "EUR/USD", "USD/JPY", "DE30/EUR"
KEY = SigningKey("example.org/trail", bytes(range(32)))
CHALLENGE = UUID(int=7)


@dataclass(frozen=True)
class Line:
    """One entry of the log as a test may change it."""

    stream: str
    version: int
    canonical: bytes


class Log:
    """An append-only list of entries, and the tree over them."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._heads: dict[str, tuple[int, str]] = {}

    def record(self, event: Event, *, stream: str, at: datetime, by: str) -> None:
        version, prev = self._heads.get(stream, (0, ""))
        fact = Fact(event=event, stream=stream, at=at, by=by)
        canonical = trail_rules.head(fact) + trail_rules.tail(
            stream=stream, version=version + 1, kind=fact.kind, prev=prev
        )
        self._heads[stream] = (version + 1, trail_rules.link(canonical))
        self.lines.append(Line(stream, version + 1, canonical))

    def proven(self, stream: str, first: int = 1) -> list[Proven]:
        size = len(self.lines)
        leaves = [tree.leaf_hash(line.canonical) for line in self.lines]
        return [
            Proven(
                entry=read(line.canonical),
                position=index + 1,
                path=tuple(root_of(leaves[a:b]) for a, b in tree.inclusion_path(index, size)),
            )
            for index, line in enumerate(self.lines)
            if line.stream == stream and line.version >= first
        ]

    def checkpoint(self, key: SigningKey = KEY) -> str:
        leaves = [tree.leaf_hash(line.canonical) for line in self.lines]
        return key.sign(Checkpoint(key.name, len(leaves), root_of(leaves)))


def read(canonical: bytes) -> Entry:
    return Entry.read(canonical, entry_id=1, position=None)


def root_of(leaves: Sequence[bytes]) -> bytes:
    return tree.Frontier().grow(leaves).root


class EvidenceWorld:
    """A trader of the sold plan. Every call is one input, applied and recorded at once."""

    def __init__(self, at: datetime = WEDNESDAY, terms: Terms | None = None) -> None:
        self.at_us = to_us(at)
        self.log = Log()
        self.book = Book(Market(), [])
        self.items: list[TapeItem] = []
        self.blocks: list[BlockText] = []
        self._tape = Sequencer(
            Position(last_seq=0, clock_us=0, boundary_us=0, resets_until_us=0),
            seen={},
            open_items={},
        )
        self._tape.use_resets(["00:00 Europe/Prague"])
        self._orders = 0
        sealed = terms or challenges.seal_terms(challenges.get_plan("ftmo-2step-100k"))
        self.challenge = Challenge(
            id=CHALLENGE,
            user_id=UUID(int=8),
            purchase_id=UUID(int=9),
            plan="ftmo-2step-100k",
            phase="phase-1",
            account_id=rules.account_id_of(CHALLENGE, "phase-1"),
            status=ChallengeStatus.RUNNING,
            terms=sealed,
            started_at=at,
        )
        self.started = False

    def start(self) -> None:
        """Start the challenge and open its first account."""
        event = ChallengeStarted(
            challenge_id=CHALLENGE,
            user_id=self.challenge.user_id,
            purchase_id=self.challenge.purchase_id,
            plan=self.challenge.plan,
            terms_sha256=self.challenge.terms.sha256,
            account_id=self.challenge.account_id,
        )
        self.log.record(event, stream=f"challenge:{CHALLENGE}", at=from_us(self.at_us), by="user:8")
        self._open()

    def wait(self, seconds: float) -> None:
        self.at_us += round(seconds * 1_000_000)

    def until(self, moment: datetime) -> None:
        assert to_us(moment) >= self.at_us
        self.at_us = to_us(moment)

    def quote(
        self, bid: int, ask: int | None = None, *, symbol: str = EURUSD, at_us: int | None = None
    ) -> None:
        """Put a price on the tape; resets that fall before it come first."""
        stamp = self.at_us if at_us is None else at_us
        self._tape.add_quote(Quote(stamp, symbol, bid, bid if ask is None else ask))
        self._apply()

    def clock(self) -> None:
        self._tape.add_clock(self.at_us)
        self._apply()

    def buy(self, qty: int, **fields: object) -> UUID:
        return self._order(Side.BUY, qty, **fields)

    def sell(self, qty: int, **fields: object) -> UUID:
        return self._order(Side.SELL, qty, **fields)

    def close(self, symbol: str = EURUSD, **fields: int) -> UUID:
        name = self._next_name()
        order_id = derive(self.challenge.account_id, name)
        request = CloseRequest(client_order_id=name, symbol=symbol, **fields)
        self._take(Close(order_id, request))
        return order_id

    def cancel(self, order_id: UUID) -> None:
        self._take(Cancel(order_id))

    def close_account(self) -> None:
        self._take(CloseAccount(Reason.REQUESTED))

    def ask_as_firm(self, ask: Halt | Resume | Withdraw | Restore) -> None:
        self._take(ask)

    def revoke(self) -> None:
        """Take the challenge back, as `challenges.revoke` does."""
        if self.challenge.is_over:
            return
        event = ChallengeRevoked(
            challenge_id=CHALLENGE,
            account_id=self.challenge.account_id,
            reason=RevokedFor.CHARGED_BACK,
        )
        stream = f"challenge:{CHALLENGE}"
        self.log.record(event, stream=stream, at=from_us(self.at_us), by="system:challenges")
        self.challenge = replace(
            self.challenge, status=ChallengeStatus.REVOKED, revoked_for=event.reason
        )

    def trade(self, pips: int, qty: int = 100_000) -> None:
        """Buy, let the price move by `pips`, close."""
        self.quote(138_000)
        self.buy(qty)
        self.wait(1)
        self.quote(138_000 + pips)
        self.close()

    def evidence(self, phase: str = "phase-1", key: SigningKey = KEY) -> Evidence:
        """Return what a bundle of that phase's account is made of: the tape of its symbols."""
        self._tape.flush()
        self._apply()
        account_id = rules.account_id_of(CHALLENGE, phase)
        account = self.log.proven(f"account:{account_id}")
        symbols = choice.symbols_of(self.challenge.terms, [each.entry for each in account])
        return Evidence(
            account_id=str(account_id),
            status="as told",
            judged_until_seq=self.items[-1].price_seq,
            terms=self.challenge.terms.text,
            account=account,
            challenge=self.log.proven(f"challenge:{CHALLENGE}"),
            tape=[each for symbol in symbols for each in self.log.proven(f"tape:{symbol}")],
            blocks=[each for each in self.blocks if each.block.symbol in symbols],
            checkpoint=self.log.checkpoint(key),
            vkey=str(key.public),
        )

    def bundle(self, phase: str = "phase-1") -> bytes:
        return pack(self.evidence(phase))

    def _order(
        self,
        side: Side,
        qty: int,
        *,
        symbol: str = EURUSD,
        limit: int | None = None,
        stop: int | None = None,
        tif: TimeInForce = TimeInForce.GTC,
    ) -> UUID:
        kind = OrderType.LIMIT if limit else OrderType.STOP if stop else OrderType.MARKET
        request = OrderRequest(
            client_order_id=self._next_name(),
            symbol=symbol,
            side=side,
            type=kind,
            tif=tif,
            qty=qty,
            limit_price=limit,
            stop_price=stop,
        )
        order_id = derive(self.challenge.account_id, request.client_order_id)
        self._take(Place(order_id, request))
        return order_id

    def _next_name(self) -> str:
        self._orders += 1
        return f"order {self._orders}"

    def _open(self) -> None:
        setup = rules.compile_setup(
            self.challenge.terms, challenge_id=CHALLENGE, phase=self.challenge.phase
        )
        self._take(Open(setup))

    def _take(self, ask: Ask) -> None:
        self._record(self.book.take(Command(self.challenge.account_id, self.at_us, ask)))

    def _apply(self) -> None:
        batch = self._tape.take()
        self.items += batch.items
        for item in batch.items:
            self._record(self.book.apply(item))
        self._seal(batch)

    def _seal(self, batch: Batch) -> None:
        for block in batch.blocks:
            own = [item for item in self.items if (item.symbol or CLOCK) == block.symbol]
            own = [i for i in own if block.first_seq <= i.price_seq <= block.last_seq]
            self.blocks.append(BlockText(block=block, text=text(own)))
            self.log.record(
                PriceBlockSealed(block),
                stream=f"tape:{block.symbol}",
                at=from_us(block.last_us),
                by="system:feed",
            )

    def _record(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            self.log.record(
                output.event,
                stream=f"account:{output.account_id}",
                at=from_us(output.at_us),
                by="system:engine",
            )
            if isinstance(output.event, GuardBreached | TargetReached):
                self._conclude(output.event, from_us(output.at_us))

    def _conclude(self, outcome: GuardBreached | TargetReached, at: datetime) -> None:
        if self.challenge.status is ChallengeStatus.REVOKED:
            return
        concluded = rules.conclude(self.challenge, outcome, at)
        for event in concluded.events:
            self.log.record(event, stream=f"challenge:{CHALLENGE}", at=at, by="system:engine")
        moved = concluded.challenge.account_id != self.challenge.account_id
        self.challenge = concluded.challenge
        if moved:
            self._open()
