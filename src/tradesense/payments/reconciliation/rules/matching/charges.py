"""Payments: what we received against what the provider took."""

from tradesense.payments.model import MovementKind
from tradesense.payments.reconciliation.model import Copied, DifferenceKind, Owner, Record
from tradesense.payments.reconciliation.rules.matching.sheet import Sheet, grouped

_NOBODY = Owner(is_ours=False)


def compare(sheet: Sheet) -> None:
    """Write down where receipts and charges disagree."""
    shown = grouped(
        sheet.shown(MovementKind.CHARGE), lambda line: line.movement.payment_ref or line.subject
    )
    kept = {record.payment_ref: record for record in sheet.kept(MovementKind.CHARGE)}
    for ref, lines in shown.items():
        record = kept.get(ref)
        line = _likest(lines, record)
        for other in lines:
            if other is not line:
                sheet.differ(DifferenceKind.DUPLICATE_AT_PROVIDER, other.movement.ref, theirs=other)
        if record is None:
            _unbooked(sheet, ref, line)
        else:
            _agree(sheet, record, line)
    for ref, record in kept.items():
        if ref not in shown and not sheet.is_young(record.at):
            sheet.differ(DifferenceKind.MISSING_AT_PROVIDER, ref, ours=record)


def _likest(lines: list[Copied], record: Record | None) -> Copied:
    """Return the line that our record speaks of: of its amount if there is one, else the first."""
    same = (
        line
        for line in lines
        if record is not None
        and (line.movement.amount_minor, line.movement.currency)
        == (record.amount_minor, record.currency)
    )
    return next(same, lines[0])


def _unbooked(sheet: Sheet, ref: str, line: Copied) -> None:
    if sheet.is_young(line.movement.at):
        return
    owner = sheet.books.owners.get(ref, _NOBODY)
    if owner.is_ours:
        sheet.differ(DifferenceKind.MISSING_IN_OUR_BOOKS, ref, theirs=line)
    elif owner.claimed is not None:
        claimed = str(owner.claimed)
        sheet.differ(DifferenceKind.UNKNOWN_ORDER, ref, theirs=line, claimed_payment=claimed)
    else:
        sheet.differ(DifferenceKind.STRANGERS_CHARGE, ref, theirs=line)


def _agree(sheet: Sheet, record: Record, line: Copied) -> None:
    if line.movement.currency != record.currency:
        kind = DifferenceKind.CURRENCY_DIFFERS
    elif line.movement.amount_minor != record.amount_minor:
        kind = DifferenceKind.AMOUNT_DIFFERS
    else:
        return
    sheet.differ(kind, record.payment_ref, ours=record, theirs=line)
