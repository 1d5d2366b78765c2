"""The ledger: every transfer on a clearing account has its reason, every record its transfer."""

from collections.abc import Iterator
from uuid import UUID

from tradesense.kernel.money import MINOR_DIGITS
from tradesense.payments.reconciliation.model import Booked, DifferenceKind, Record, Standing
from tradesense.payments.reconciliation.rules.matching.sheet import Sheet


def compare(sheet: Sheet) -> None:
    """Write down what stands in the ledger without a record, and the other way round."""
    transfers: dict[UUID | None, Booked] = {
        transfer.transfer_id: transfer for transfer in sheet.books.transfers
    }
    undone = {each.reverses for each in sheet.books.transfers if each.reverses is not None}
    for record in sheet.books.records:
        _stands(sheet, record, transfers, undone)
    claimed = set(_claimed(sheet))
    known = [transfer for key, transfer in transfers.items() if key in claimed]
    for transfer in transfers.values():
        is_undone = transfer.transfer_id in undone or transfer.reverses in transfers
        if transfer.transfer_id not in claimed and not is_undone:
            twin = next((each for each in known if _is_twin(each, transfer)), None)
            _unexplained(sheet, transfer, twin)


def _stands(
    sheet: Sheet, record: Record, transfers: dict[UUID | None, Booked], undone: set[UUID]
) -> None:
    if record.standing is not Standing.DONE or record.currency not in MINOR_DIGITS:
        return
    transfer = transfers.get(record.transfer_id)
    subject = f"{record.kind}:{record.ref or record.payment_ref}"
    if transfer is None or record.transfer_id in undone:
        sheet.differ(DifferenceKind.RECORD_WITHOUT_TRANSFER, subject, ours=record)
    elif (transfer.change_minor, transfer.currency) != (record.amount_minor, record.currency):
        booked = f"{transfer.change_minor} {transfer.currency}"
        sheet.differ(DifferenceKind.TRANSFER_DIFFERS, subject, ours=record, booked=booked)


def _claimed(sheet: Sheet) -> Iterator[object]:
    yield from (record.transfer_id for record in sheet.books.records)
    yield from (booking.transfer_id for booking in sheet.books.bookings)
    yield from sheet.books.explained


def _is_twin(one: Booked, other: Booked) -> bool:
    same = (one.account, one.counter, one.change_minor, one.reason, one.at)
    return same == (other.account, other.counter, other.change_minor, other.reason, other.at)


def _unexplained(sheet: Sheet, transfer: Booked, twin: Booked | None) -> None:
    kind = DifferenceKind.TRANSFER_WITHOUT_RECORD
    facts = {"counter_account": transfer.counter, "reason": transfer.reason}
    if twin is not None:
        kind = DifferenceKind.DUPLICATE_IN_OUR_BOOKS
        facts["same_as"] = str(twin.transfer_id)
    sheet.note(
        kind,
        str(transfer.transfer_id),
        story=f"transfer:{transfer.transfer_id}",
        currency=transfer.currency,
        ours_minor=transfer.change_minor,
        theirs_minor=None,
        at=transfer.at,
        facts=facts,
    )
