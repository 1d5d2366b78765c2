"""Refunds: what we sent back against what left the provider."""

from tradesense.payments.model import MovementKind
from tradesense.payments.reconciliation.model import Copied, DifferenceKind, Record, Standing
from tradesense.payments.reconciliation.rules.matching.sheet import (
    REFUND_GRACE,
    Sheet,
    grouped,
    object_of,
)


def compare(sheet: Sheet) -> None:
    """Write down where refunds disagree; one that failed nets to nothing at the provider."""
    sent = grouped(sheet.shown(MovementKind.REFUND), object_of)
    back = grouped(sheet.shown(MovementKind.REFUND_FAILED), object_of)
    kept = grouped(sheet.kept(MovementKind.REFUND), lambda record: record.ref)
    waiting = kept.pop(None, [])
    for ref in sorted(sent.keys() | back.keys()):
        records = kept.get(ref, [])
        for other in sent.get(ref, [])[1:]:
            sheet.differ(DifferenceKind.DUPLICATE_AT_PROVIDER, other.movement.ref, theirs=other)
        for record in records[1:]:
            if record.standing is Standing.DONE:
                subject = str(record.transfer_id or ref)
                sheet.differ(DifferenceKind.DUPLICATE_IN_OUR_BOOKS, subject, ours=record)
        first = records[0] if records else None
        if ref in back:
            _came_back(sheet, first, back[ref][0])
        elif first is None:
            _undecided(sheet, waiting, sent[ref][0])
        else:
            _agree(sheet, first, sent[ref][0])
    for name, records in kept.items():
        if name not in sent and name not in back:
            _unsent(sheet, records)


def _came_back(sheet: Sheet, record: Record | None, line: Copied) -> None:
    if record is None or record.standing is not Standing.DONE:
        return
    if not sheet.is_young(line.movement.at):
        kind = DifferenceKind.FAILED_REFUND_BOOKED
        sheet.differ(kind, object_of(line), ours=record, theirs=line)


def _undecided(sheet: Sheet, waiting: list[Record], line: Copied) -> None:
    """Judge a refund that we have no reference of: decided and not booked yet, or not ours."""
    said = (line.movement.payment_ref, line.movement.amount_minor, line.movement.currency)
    record = next(
        (each for each in waiting if (each.payment_ref, each.amount_minor, each.currency) == said),
        None,
    )
    if record is None:
        if not sheet.is_young(line.movement.at):
            sheet.differ(DifferenceKind.DASHBOARD_REFUND, object_of(line), theirs=line)
        return
    waiting.remove(record)
    if not sheet.is_young(line.movement.at, REFUND_GRACE):
        kind = DifferenceKind.REFUND_MISSING_IN_OUR_BOOKS
        sheet.differ(kind, object_of(line), ours=record, theirs=line)


def _agree(sheet: Sheet, record: Record, line: Copied) -> None:
    if record.standing is not Standing.DONE:
        if not _is_underway(sheet, record, line):
            kind = DifferenceKind.REFUND_MISSING_IN_OUR_BOOKS
            sheet.differ(kind, object_of(line), ours=record, theirs=line)
        return
    if (line.movement.amount_minor, line.movement.currency) != (
        record.amount_minor,
        record.currency,
    ):
        kind = DifferenceKind.REFUND_AMOUNT_DIFFERS
        sheet.differ(kind, object_of(line), ours=record, theirs=line)


def _is_underway(sheet: Sheet, record: Record, line: Copied) -> bool:
    """Whether it may yet be done, or come back: what has failed is shown to return a bit later."""
    if record.standing is Standing.UNDERWAY:
        return sheet.is_young(line.movement.at, REFUND_GRACE)
    return sheet.is_young(max(record.at, line.movement.at))


def _unsent(sheet: Sheet, records: list[Record]) -> None:
    done = [record for record in records if record.standing is Standing.DONE]
    for record in done:
        if not sheet.is_young(record.at):
            subject = record.ref or record.payment_ref
            sheet.differ(DifferenceKind.REFUND_MISSING_AT_PROVIDER, subject, ours=record)
