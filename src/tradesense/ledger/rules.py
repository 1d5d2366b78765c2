"""What may stand in the books. Pure: no I/O, no clock, no chance."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from tradesense.kernel.canonical import canonical
from tradesense.kernel.errors import Rejected
from tradesense.kernel.ids import derive
from tradesense.kernel.instants import rfc3339
from tradesense.kernel.money import Money
from tradesense.ledger.chart import CHART, find_account
from tradesense.ledger.model import Extended, Line, Request, Running, Side, Transfer, Written
from tradesense.ledger.refusals import (
    InvalidTransfer,
    Overdrawn,
    PeriodClosed,
    TransferMismatch,
)

AMOUNT_MINOR_MAX = 10**15  # ten trillion dollars: far above any fee, far below a bigint's sum
REASON_MAX = 200


def find_flaw(transfer: Transfer) -> str | None:
    """Return why `transfer` can never stand in the books, or None if it may."""
    if not 0 < transfer.amount.minor <= AMOUNT_MINOR_MAX:
        return f"an amount is from 1 to {AMOUNT_MINOR_MAX} minor units, not {transfer.amount.minor}"
    if transfer.debit == transfer.credit:
        return f"both sides are {transfer.debit}; money moves between two accounts"
    if not 0 < len(transfer.reason) <= REASON_MAX or not transfer.reason.isprintable():
        return f"a reason has 1 to {REASON_MAX} printable characters"
    if transfer.effective_at.tzinfo is None:
        return "effective_at has no time zone"
    sides = (transfer.debit, transfer.credit)
    flaws = (_find_side_flaw(code, transfer.amount.currency) for code in sides)
    return next(filter(None, flaws), None)


def _find_side_flaw(code: str, currency: str) -> str | None:
    account = find_account(code)
    if account is None:
        return f"no account {code!r} on the chart; it knows {', '.join(CHART)}, each per currency"
    if account.currency != currency:
        return f"{code} cannot hold {currency}"
    return None


def write(transfer: Transfer, request: Request) -> Written:
    """Return `transfer` as text; its hash is that of `canonical(transfer)`. It has no flaw."""
    made_id, moment = str(transfer.id), rfc3339(transfer.effective_at)
    reason = canonical(transfer.reason).decode()
    reverses = "null" if transfer.reverses is None else f'"{transfer.reverses}"'
    payload = (
        f'{{"amount":{{"currency":"{transfer.amount.currency}","minor":{transfer.amount.minor}}},'
        f'"credit":"{transfer.credit}","debit":"{transfer.debit}",'
        f'"effective_at":"{moment}","id":"{made_id}",'
        f'"reason":{reason},"reverses":{reverses}}}'
    ).encode()
    hashed = hashlib.sha256(payload).digest()
    return Written(transfer, request, made_id, moment, reason, reverses, hashed)


def is_mirror(reversal: Transfer, original: Transfer) -> bool:
    """Return whether `reversal` takes back exactly `original`, which is no reversal itself."""
    return (
        original.reverses is None
        and reversal.debit == original.credit
        and reversal.credit == original.debit
        and reversal.amount == original.amount
    )


def bounded_accounts(transfers: Iterable[Transfer]) -> list[str]:
    """Return the codes of the accounts that must be locked for `transfers`, in locking order."""
    codes = {code for transfer in transfers for code in (transfer.debit, transfer.credit)}
    accounts = filter(None, map(find_account, codes))
    return sorted(account.code for account in accounts if account.bounded)


def outflow(transfer: Transfer) -> str | None:
    """Return the bounded account that `transfer` takes from, if there is one."""
    for code, side in ((transfer.debit, Side.CREDIT), (transfer.credit, Side.DEBIT)):
        account = find_account(code)
        if account is not None and account.bounded and account.normal is side:
            return code
    return None


def exchange(
    transfer_id: UUID,
    *,
    sold: Money,
    seller: str,
    bought: Money,
    buyer: str,
    effective_at: datetime,
) -> tuple[Transfer, Transfer]:
    """
    Return the two linked legs of a currency exchange, each through its liquidity account.

    `sold` leaves `seller`, `bought` comes to `buyer`. What the two liquidity accounts hold is
    our position in the currencies.
    """
    reason = f"exchange of {sold} for {bought}"
    return (
        Transfer(
            id=derive(transfer_id, "sold"),
            debit=f"liquidity:{sold.currency}",
            credit=seller,
            amount=sold,
            reason=reason,
            effective_at=effective_at,
        ),
        Transfer(
            id=derive(transfer_id, "bought"),
            debit=buyer,
            credit=f"liquidity:{bought.currency}",
            amount=bought,
            reason=reason,
            effective_at=effective_at,
        ),
    )


@dataclass(frozen=True, slots=True)
class Overdraw:
    """The first account that a transfer would put on the wrong side of zero."""

    account: str
    transfer: Transfer
    free_minor: int


@dataclass(frozen=True, slots=True)
class Held:
    """Where bounded accounts stand once what was asked for is reserved in them."""

    running: tuple[Running, ...]


def extend(running: Mapping[str, Running], transfers: Iterable[Transfer]) -> Extended | Overdraw:
    """Add `transfers` in order to the bounded accounts in `running`; all of them, or none."""
    touched: dict[str, Running] = {}
    lines = []
    for transfer in transfers:
        for code, signed in (
            (transfer.debit, transfer.amount.minor),
            (transfer.credit, -transfer.amount.minor),
        ):
            before = touched.get(code) or running.get(code)
            if before is None:
                continue
            after = Running(
                account=code,
                balance_minor=before.balance_minor + signed,
                version=before.version + 1,
                reserved_minor=before.reserved_minor,
            )
            if code == outflow(transfer) and free_minor(after) < 0:
                return Overdraw(code, transfer, max(0, free_minor(before)))
            touched[code] = after
            lines.append(
                Line(
                    account=code,
                    version=after.version,
                    transfer_id=transfer.id,
                    amount_minor=signed,
                    balance_minor=after.balance_minor,
                )
            )
    return Extended(tuple(lines), tuple(touched.values()))


def hold(running: Mapping[str, Running], transfers: Iterable[Transfer]) -> Held | Overdraw:
    """Keep what `transfers` may take out of bounded accounts; for all of them, or for none."""
    touched: dict[str, Running] = {}
    for transfer in transfers:
        code = outflow(transfer)
        if code is None:
            continue
        before = touched.get(code) or running[code]
        after = replace(before, reserved_minor=before.reserved_minor + transfer.amount.minor)
        if free_minor(after) < 0:
            return Overdraw(code, transfer, max(0, free_minor(before)))
        touched[code] = after
    return Held(tuple(touched.values()))


def release(running: Mapping[str, Running], transfers: Iterable[Transfer]) -> list[Running]:
    """Return where locked bounded accounts stand once nothing is held for `transfers` any more."""
    touched: dict[str, Running] = {}
    for transfer in transfers:
        code = outflow(transfer)
        if code is not None:
            before = touched.get(code) or running[code]
            left = before.reserved_minor - transfer.amount.minor
            touched[code] = replace(before, reserved_minor=left)
    return list(touched.values())


def free_minor(stand: Running) -> int:
    """Return what a bounded account holds on its normal side beyond what is reserved."""
    account = find_account(stand.account)
    is_debit = account is not None and account.normal is Side.DEBIT
    return (stand.balance_minor if is_debit else -stand.balance_minor) - stand.reserved_minor


@dataclass(frozen=True, slots=True)
class Known:
    """What the books hold of what is asked for, read after the locks."""

    hashes: Mapping[UUID, bytes]
    running: Mapping[str, Running]
    unreversed: Mapping[UUID, Transfer]  # of those that some request reverses
    closed_until: datetime | None


NOTHING_KNOWN = Known({}, {}, {}, None)


@dataclass(frozen=True, slots=True)
class Judged:
    """What to write, and each request's refusal, None where it may stand."""

    fresh: list[Written] = field(default_factory=list)  # in the order of the requests
    lines: list[Line] = field(default_factory=list)
    running: dict[str, Running] = field(default_factory=dict)  # of the accounts that moved
    refusals: list[Rejected | None] = field(default_factory=list)


def judge(requests: Sequence[Request], known: Known) -> Judged:
    """Judge `requests` in their order, as if each came alone: a bad one rejects only itself."""
    accepted: dict[UUID, bytes] = dict(known.hashes)
    unreversed = dict(known.unreversed)
    stands = dict(known.running)
    judged = Judged()
    for request in requests:
        try:
            new = _fresh(request, accepted, unreversed, known.closed_until)
            extended = _extended(stands, [each.transfer for each in new])
        except Rejected as refusal:
            judged.refusals.append(refusal)
            continue
        judged.refusals.append(None)
        judged.fresh.extend(new)
        judged.lines.extend(extended.lines)
        for each in new:
            transfer = each.transfer
            accepted[transfer.id] = each.payload_sha256
            if transfer.reverses is None:
                unreversed[transfer.id] = transfer
            else:
                del unreversed[transfer.reverses]
        for stand in extended.running:
            stands[stand.account] = judged.running[stand.account] = stand
    return judged


def _fresh(
    request: Request,
    accepted: Mapping[UUID, bytes],
    unreversed: Mapping[UUID, Transfer],
    closed_until: datetime | None,
) -> list[Written]:
    """Return what of `request` is not in the books yet, in order. Raises its refusal."""
    new: dict[UUID, Written] = {}
    originals: dict[UUID, Transfer] = dict(unreversed) if _has_reversal(request) else {}
    for transfer in request.transfers:
        flaw = find_flaw(transfer)
        if flaw is not None:
            raise InvalidTransfer(f"transfer {transfer.id}: {flaw}")
        written = write(transfer, request)
        if (twin := new.get(transfer.id)) is not None:
            if twin.payload_sha256 != written.payload_sha256:
                raise TransferMismatch(f"two transfers are called {transfer.id}")
            continue
        stored = accepted.get(transfer.id)
        if stored is None:
            require_open(transfer, closed_until)
            _require_mirror(transfer, originals)
            new[transfer.id] = written
        elif stored != written.payload_sha256:
            raise TransferMismatch(f"transfer {transfer.id} stands in the books with other content")
    return list(new.values())


def _has_reversal(request: Request) -> bool:
    return any(transfer.reverses is not None for transfer in request.transfers)


def require_open(transfer: Transfer, closed_until: datetime | None) -> None:
    """Raise PeriodClosed if `transfer` is effective in a period that is closed."""
    if closed_until is not None and transfer.effective_at < closed_until:
        raise PeriodClosed(
            f"transfer {transfer.id} is effective {rfc3339(transfer.effective_at)}, "
            f"but the books are closed until {rfc3339(closed_until)}; date it later"
        )


def _require_mirror(transfer: Transfer, originals: dict[UUID, Transfer]) -> None:
    """Raise InvalidTransfer for a reversal of nothing; `originals` loses what is taken back."""
    if transfer.reverses is None:
        return
    original = originals.pop(transfer.reverses, None)
    if original is None:
        raise InvalidTransfer(f"no unreversed transfer {transfer.reverses} to reverse")
    if not is_mirror(transfer, original):
        raise InvalidTransfer(f"transfer {transfer.id} is not the mirror of {original.id}")


def _extended(stands: Mapping[str, Running], transfers: Iterable[Transfer]) -> Extended:
    extended = extend(stands, transfers)
    if isinstance(extended, Overdraw):
        raise overdrawn(extended)
    return extended


def overdrawn(overdraw: Overdraw) -> Overdrawn:
    """Return what to tell whoever asked for more than there is."""
    asked = overdraw.transfer.amount
    return Overdrawn(
        f"{overdraw.account} holds {Money(overdraw.free_minor, asked.currency)} that is free; "
        f"transfer {overdraw.transfer.id} asks for {asked}"
    )
