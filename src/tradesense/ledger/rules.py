"""What may stand in the books. Pure: no I/O, no clock, no chance."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tradesense.kernel.canonical import canonical
from tradesense.ledger.chart import CHART, find_account
from tradesense.ledger.model import Extended, Line, Running, Side, Transfer

AMOUNT_MINOR_MAX = 10**15  # ten trillion dollars: far above any fee, far below a bigint's sum
REASON_MAX = 200


def find_flaw(transfer: Transfer) -> str | None:
    """Return why `transfer` can never stand in the books, or None if it may."""
    if not 0 < transfer.amount.minor <= AMOUNT_MINOR_MAX:
        return f"an amount is from 1 to {AMOUNT_MINOR_MAX} minor units, not {transfer.amount.minor}"
    if transfer.debit == transfer.credit:
        return f"both sides are {transfer.debit}; money moves between two accounts"
    if not 0 < len(transfer.reason) <= REASON_MAX:
        return f"a reason has 1 to {REASON_MAX} characters"
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


def payload_sha256(transfer: Transfer) -> bytes:
    """Return the hash by which a transfer said twice is told from two transfers of one id."""
    return hashlib.sha256(canonical(transfer)).digest()


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


@dataclass(frozen=True, slots=True)
class Overdraw:
    """The first account that a transfer would put on the wrong side of zero."""

    account: str
    transfer: Transfer
    balance_minor: int


def extend(running: Mapping[str, Running], transfers: Iterable[Transfer]) -> Extended | Overdraw:
    """Add `transfers` in order to the bounded accounts in `running`; all of them, or none."""
    stands = dict(running)
    lines = []
    for transfer in transfers:
        for code, signed in (
            (transfer.debit, transfer.amount.minor),
            (transfer.credit, -transfer.amount.minor),
        ):
            before = stands.get(code)
            if before is None:
                continue
            after = Running(
                account=code,
                balance_minor=before.balance_minor + signed,
                version=before.version + 1,
            )
            if _is_overdrawn(after):
                return Overdraw(code, transfer, before.balance_minor)
            stands[code] = after
            lines.append(
                Line(
                    account=code,
                    version=after.version,
                    transfer_id=transfer.id,
                    amount_minor=signed,
                    balance_minor=after.balance_minor,
                )
            )
    return Extended(tuple(lines), tuple(stands.values()))


def _is_overdrawn(stand: Running) -> bool:
    account = find_account(stand.account)
    normal_is_debit = account is not None and account.normal is Side.DEBIT
    return stand.balance_minor < 0 if normal_is_debit else stand.balance_minor > 0
