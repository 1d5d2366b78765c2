"""What the books say of a movement that only the provider knows of: fees, payouts, adjustments."""

from dataclasses import dataclass

from tradesense.kernel.money import MINOR_DIGITS
from tradesense.payments.model import Movement, MovementKind
from tradesense.payments.reconciliation.model import Part
from tradesense.payments.rules import clearing_account

_COUNTER = {
    MovementKind.FEE: "fees:{provider}:{currency}",
    MovementKind.PAYOUT: "provider-payouts:{provider}:{currency}",
    MovementKind.PAYOUT_FAILED: "provider-payouts:{provider}:{currency}",
    # Ours or somebody's, we cannot know: a case asks a person, the balance agrees meanwhile.
    MovementKind.OTHER: "unapplied:{currency}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A transfer to be made of a movement; `change_minor` is what the clearing account gains."""

    part: Part
    clearing: str
    counter: str
    change_minor: int
    reason: str


def entries_of(movement: Movement) -> tuple[Entry, ...]:
    """Return what is booked of a movement because nothing else books it; maybe nothing."""
    if movement.currency not in MINOR_DIGITS:
        return ()
    made = []
    clearing = clearing_account(movement.provider, movement.currency)
    if movement.fee_minor:
        counter = f"fees:{movement.provider}:{movement.currency}"
        reason = f"fee of {movement.ref}"
        made.append(
            Entry(
                part=Part.FEE,
                clearing=clearing,
                counter=counter,
                change_minor=-movement.fee_minor,
                reason=reason,
            )
        )
    if movement.kind in _COUNTER and movement.amount_minor:
        counter = _COUNTER[movement.kind].format(
            provider=movement.provider, currency=movement.currency
        )
        reason = f"{movement.kind.replace('_', ' ')} {movement.ref}"
        made.append(
            Entry(
                part=Part.WHOLE,
                clearing=clearing,
                counter=counter,
                change_minor=movement.amount_minor,
                reason=reason,
            )
        )
    return tuple(made)
