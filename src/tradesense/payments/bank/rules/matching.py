"""Which payments a line may pay for, and whether a proposal could be approved. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from uuid import UUID

from tradesense.kernel.money import Money
from tradesense.payments.bank.model import BankLine, LineKind, Offer, Strength, Suggestion
from tradesense.payments.bank.refusals import BadMatch
from tradesense.payments.bank.rules.references import is_nearly_in, references_in, squeezed

# Of two names, by difflib: "Lovelace, Ada" and "Ada Lovelace" are 1 once their words are sorted;
# one wrong letter in ten leaves 0.9; two people rarely pass 0.7.
NAMES_ALIKE = 0.8
REASON_MAX = 500  # a few sentences; longer ones belong to what the reason points at
_PARTY = re.compile(r"[a-z0-9][a-z0-9-]{0,63}", re.ASCII)  # as the ledger names its accounts


def require_reason(reason: str) -> None:
    """Raise BadMatch unless somebody said why, in words that others can read."""
    if not reason.strip() or len(reason) > REASON_MAX or "\0" in reason:
        raise BadMatch(f"say why, in 1 to {REASON_MAX} characters: it goes on the trail")


def written(line: BankLine) -> str:
    """Return all that a payer may have put a reference into; a space keeps the two apart."""
    return f"{line.text} {line.end_to_end_id}"


def suggest(lines: Sequence[BankLine], offers: Sequence[Offer]) -> list[Suggestion]:
    """Return what the open credits among `lines` may pay for, each line in its order."""
    by_reference = {offer.reference: offer for offer in offers}
    incoming = [line for line in lines if line.kind is None and line.amount_minor > 0]
    named = {
        line.line_id: [by_reference[r] for r in references_in(written(line)) if r in by_reference]
        for line in incoming
    }
    strong: set[UUID] = set()
    found: list[Suggestion] = []
    for line in incoming:
        match named[line.line_id]:
            case []:
                found += _guessed(line, offers)
            case [offer]:
                one = _judged(line, offer, is_second=offer.payment_id in strong)
                if one.strength is Strength.STRONG:
                    strong.add(offer.payment_id)
                found.append(one)
            case several:
                found += _shared(line, several)
    return found + list(_added_up(incoming, named))


def _judged(line: BankLine, offer: Offer, *, is_second: bool) -> Suggestion:
    """Return what a line under one reference is."""
    difference = line.amount_minor - offer.amount_minor
    if offer.is_paid or is_second:
        reason = "a second transfer for this payment: it would go back"
    elif offer.is_withdrawn:
        reason = "the payment was given up: it would go back"
    elif line.currency != offer.currency:
        reason = f"in {line.currency}, but {offer.currency} was asked for: it would go back"
    elif difference:
        amount = Money(abs(difference), offer.currency)
        reason = f"{amount} too {'much' if difference > 0 else 'little'}: it would go back"
    else:
        reason = "reference, amount and currency agree"
        return _suggestion([line], [offer], reason, strength=Strength.STRONG)
    return _suggestion([line], [offer], reason)


def _shared(line: BankLine, offers: Sequence[Offer]) -> Iterator[Suggestion]:
    if is_sum(line.amount_minor, line.currency, offers):
        reason = f"one transfer for {len(offers)} payments, whose amounts add up to it"
        yield _suggestion([line], offers, reason)


def _added_up(
    incoming: Sequence[BankLine], named: Mapping[UUID, Sequence[Offer]]
) -> Iterator[Suggestion]:
    """Yield payments that came in several transfers."""
    together: dict[UUID, list[BankLine]] = {}
    offers: dict[UUID, Offer] = {}
    for line in incoming:
        if len(named[line.line_id]) == 1:
            (offer,) = named[line.line_id]
            offers[offer.payment_id] = offer
            together.setdefault(offer.payment_id, []).append(line)
    for payment_id, lines in together.items():
        offer = offers[payment_id]
        total = sum(line.amount_minor for line in lines)
        is_one_currency = {line.currency for line in lines} == {offer.currency}
        if len(lines) > 1 and is_one_currency and total == offer.amount_minor:
            reason = f"{len(lines)} transfers under one reference, which add up"
            yield _suggestion(lines, [offer], reason)


def _guessed(line: BankLine, offers: Sequence[Offer]) -> Iterator[Suggestion]:
    """Yield the one payment that a line without a whole reference may be for, if it is one."""
    alike = [
        offer
        for offer in offers
        if (offer.amount_minor, offer.currency) == (line.amount_minor, line.currency)
        and not (offer.is_paid or offer.is_withdrawn)
    ]
    dense = squeezed(written(line))
    nearly = [offer for offer in alike if is_nearly_in(offer.reference, dense)]
    if len(nearly) == 1:
        yield _suggestion([line], nearly, "the amount agrees; the reference has a mistake")
        return
    called = [offer for offer in alike if is_alike(offer.payer, line.counterparty)]
    if len(called) == 1:
        yield _suggestion([line], called, "no reference; amount and name agree")


def is_alike(one: str, other: str) -> bool:
    """Whether two names may be one person's, whatever the order of their words."""
    first, second = (" ".join(sorted(_words(name))) for name in (one, other))
    return bool(first and second) and SequenceMatcher(None, first, second).ratio() >= NAMES_ALIKE


def _words(name: str) -> list[str]:
    return "".join(char if char.isalpha() else " " for char in name.casefold()).split()


def is_sum(amount_minor: int, currency: str, offers: Sequence[Offer]) -> bool:
    """Whether the amounts of `offers` add up to this one."""
    return {offer.currency for offer in offers} == {currency} and amount_minor == sum(
        offer.amount_minor for offer in offers
    )


def shares(lines: Sequence[BankLine], offers: Sequence[Offer]) -> dict[UUID, int]:
    """
    Return what each payment receives of what the lines brought, in minor units.

    One payment receives all of it, whatever was asked for; several, each its own amount, and
    then the sum must be right. Raises BadMatch.
    """
    total = sum(line.amount_minor for line in lines)
    if len(offers) == 1:
        return {offers[0].payment_id: total}
    if not is_sum(total, lines[0].currency, offers):
        raise BadMatch(
            f"{total} came (minor units of {lines[0].currency}), which is not what these "
            f"{len(offers)} payments ask for together; match them one by one"
        )
    return {offer.payment_id: offer.amount_minor for offer in offers}


def require_sense(
    kind: LineKind, lines: Sequence[BankLine], offers: Sequence[Offer], *, party: str
) -> None:
    """Raise BadMatch for a proposal that nobody could approve."""
    if not lines:
        raise BadMatch("name at least one line")
    if len({line.currency for line in lines}) > 1:
        raise BadMatch("the lines are of several currencies")
    match kind:
        case LineKind.PAYMENT:
            _require_payment(lines, offers, party)
        case LineKind.PROVIDER_PAYOUT:
            if offers or _PARTY.fullmatch(party) is None:
                raise BadMatch("name the provider as party (`stripe`), and no payments")
        case LineKind.FEE:
            if offers or party:
                raise BadMatch("a fee of the bank's has no payments and no party")
        case LineKind.OUTGOING | LineKind.OUTGOING_RETURNED:
            raise BadMatch("our own transfers are known by their end-to-end id")


def _require_payment(lines: Sequence[BankLine], offers: Sequence[Offer], party: str) -> None:
    if not offers or party:
        raise BadMatch("name the payments that these lines are for, and no party")
    if any(line.amount_minor < 0 for line in lines):
        raise BadMatch("a payment is a credit; one of these lines is a debit")
    shares(lines, offers)


def _suggestion(
    lines: Sequence[BankLine],
    offers: Sequence[Offer],
    reason: str,
    *,
    strength: Strength = Strength.WEAK,
) -> Suggestion:
    return Suggestion(
        line_ids=tuple(line.line_id for line in lines),
        payment_ids=tuple(offer.payment_id for offer in offers),
        strength=strength,
        reason=reason,
    )
