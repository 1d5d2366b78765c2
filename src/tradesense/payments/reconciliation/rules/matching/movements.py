"""Lines of the provider's books themselves: changed, gone, unexplained, or not booked."""

from tradesense.payments.model import MovementKind
from tradesense.payments.reconciliation.model import Copied, DifferenceKind, Part
from tradesense.payments.reconciliation.rules.entries import Entry, entries_of
from tradesense.payments.reconciliation.rules.matching.sheet import Sheet


def compare(sheet: Sheet) -> None:
    """Write down what is odd about a line, and what of it is not in the books."""
    booked = {(each.movement_ref, each.part): each for each in sheet.books.bookings}
    transfers = {transfer.transfer_id: transfer for transfer in sheet.books.transfers}
    for line in sheet.books.movements:
        ref = line.movement.ref
        if line.is_gone:
            sheet.differ(DifferenceKind.MOVEMENT_VANISHED, ref, theirs=line)
        elif line.versions > 1:
            versions = str(line.versions)
            sheet.differ(DifferenceKind.MOVEMENT_CHANGED, ref, theirs=line, versions=versions)
        if line.movement.kind is MovementKind.OTHER:
            sheet.differ(DifferenceKind.ADJUSTMENT_UNEXPLAINED, ref, theirs=line)
        wanted = {entry.part: entry for entry in entries_of(line.movement)}
        for part in Part:
            booking = booked.get((ref, part))
            transfer = None if booking is None else transfers.get(booking.transfer_id)
            said = None if transfer is None else transfer.change_minor
            _agree(sheet, line, part, wanted.get(part), said)


def _agree(
    sheet: Sheet, line: Copied, part: Part, entry: Entry | None, booked_minor: int | None
) -> None:
    wanted_minor = 0 if entry is None else entry.change_minor
    if wanted_minor == (booked_minor or 0):
        return
    if booked_minor is None:
        if sheet.is_young(line.movement.at):
            return
        kind = DifferenceKind.FEE_NOT_BOOKED if _is_fee(line, part) else _PAYOUT
    else:
        kind = DifferenceKind.FEE_DIFFERS if _is_fee(line, part) else _PAYOUT
    sheet.note(
        kind,
        f"{line.movement.ref}:{part}",
        story=line.subject,
        currency=line.movement.currency,
        ours_minor=booked_minor,
        theirs_minor=wanted_minor,
        at=line.movement.at,
        facts={"movement": line.movement.ref, "part": part},
    )


_PAYOUT = DifferenceKind.PAYOUT_NOT_BOOKED


def _is_fee(line: Copied, part: Part) -> bool:
    return part is Part.FEE or line.movement.kind is MovementKind.FEE
