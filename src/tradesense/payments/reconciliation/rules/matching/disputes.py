"""Disputes: what the buyers' banks took back, and gave us again."""

from tradesense.payments.model import MovementKind
from tradesense.payments.reconciliation.model import Copied, DifferenceKind, Record, Standing
from tradesense.payments.reconciliation.rules.matching.sheet import Sheet, grouped, object_of


def compare(sheet: Sheet) -> None:
    """Write down where disputes, or the return of their money, disagree."""
    _side(
        sheet,
        MovementKind.DISPUTE,
        unknown=DifferenceKind.DISPUTE_UNKNOWN,
        unshown=DifferenceKind.DISPUTE_MISSING_AT_PROVIDER,
    )
    _side(
        sheet,
        MovementKind.DISPUTE_REVERSED,
        unknown=DifferenceKind.DISPUTE_REVERSAL_MISSING,
        unshown=DifferenceKind.DISPUTE_REVERSAL_MISSING,
    )


def _side(
    sheet: Sheet, kind: MovementKind, *, unknown: DifferenceKind, unshown: DifferenceKind
) -> None:
    shown = grouped(sheet.shown(kind), object_of)
    kept = {
        record.ref or record.payment_ref: record
        for record in sheet.kept(kind)
        if record.standing is Standing.DONE
    }
    for ref, lines in shown.items():
        record = kept.get(ref)
        for other in lines[1:]:
            sheet.differ(DifferenceKind.DUPLICATE_AT_PROVIDER, other.movement.ref, theirs=other)
        if record is not None:
            _agree(sheet, record, lines[0])
        elif not sheet.is_young(lines[0].movement.at):
            sheet.differ(unknown, ref, theirs=lines[0])
    for ref, record in kept.items():
        if ref not in shown and not sheet.is_young(record.at):
            sheet.differ(unshown, ref, ours=record)


def _agree(sheet: Sheet, record: Record, line: Copied) -> None:
    theirs = (line.movement.amount_minor, line.movement.currency)
    if theirs != (record.amount_minor, record.currency):
        kind = DifferenceKind.DISPUTE_AMOUNT_DIFFERS
        sheet.differ(kind, object_of(line), ours=record, theirs=line)
