"""The sheet that differences are written on, and how long each side may take to hear."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar

from tradesense.payments.model import MovementKind
from tradesense.payments.reconciliation.model import (
    Books,
    Copied,
    Difference,
    DifferenceKind,
    Record,
)

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

# Webhooks are lost for hours at worst, and payments are asked about every half minute.
GRACE = timedelta(hours=2)
# Banks answer refunds within days; until then the provider has debited us, and we wait.
REFUND_GRACE = timedelta(days=10)
# A payout takes up to three banking days, and a weekend or a holiday. This age and the next are
# the chart of accounts' (a test says so): rules are pure, and the ledger's face is not.
BANK_GRACE = timedelta(days=6)
# Payouts are monthly at the rarest; what stands longer than that is held back.
CLEARING_AGE_MAX = timedelta(days=36)


class Sheet:
    """Collects what `compare` of each part finds; nothing of it outlives one comparison."""

    def __init__(self, books: Books, now: datetime) -> None:
        self.books = books
        self.now = now
        self.found: list[Difference] = []
        self.pending = 0

    def is_young(self, at: datetime, grace: timedelta = GRACE) -> bool:
        """Whether it is underway still; counts it if so."""
        young = self.now - at < grace
        self.pending += young
        return young

    def shown(self, *kinds: MovementKind) -> list[Copied]:
        """Return the provider's lines of these kinds, oldest first."""
        lines = (line for line in self.books.movements if line.movement.kind in kinds)
        return sorted(lines, key=lambda line: (line.movement.at, line.movement.ref))

    def kept(self, kind: MovementKind) -> list[Record]:
        """Return our records of this kind."""
        return [record for record in self.books.records if record.kind is kind]

    def differ(
        self,
        kind: DifferenceKind,
        subject: str,
        *,
        ours: Record | None = None,
        theirs: Copied | None = None,
        **facts: str,
    ) -> None:
        """Write a difference between a record and a line down; one of them may be missing."""
        if theirs is not None:
            movement = theirs.movement
            facts |= {"movement": movement.ref, "at_provider": movement.at.isoformat()}
            self.note(
                kind,
                subject,
                story=theirs.subject,
                currency=movement.currency,
                ours_minor=None if ours is None else ours.amount_minor,
                theirs_minor=movement.amount_minor,
                at=movement.at,
                facts=_facts(ours) | facts,
            )
        elif ours is not None:
            self.note(
                kind,
                subject,
                story=ours.payment_ref,
                currency=ours.currency,
                ours_minor=ours.amount_minor,
                theirs_minor=None,
                at=ours.at,
                facts=_facts(ours) | facts,
            )

    def note(
        self,
        kind: DifferenceKind,
        subject: str,
        *,
        story: str,
        currency: str,
        ours_minor: int | None,
        theirs_minor: int | None,
        at: datetime,
        facts: dict[str, str],
    ) -> None:
        """Write a difference down."""
        self.found.append(
            Difference(
                kind=kind,
                provider=self.books.provider,
                subject=subject,
                story=story,
                currency=currency,
                ours_minor=ours_minor,
                theirs_minor=theirs_minor,
                at=at,
                facts=facts,
            )
        )


def grouped(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Return `items` by `key`, each group in their order."""
    groups: dict[K, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups


def object_of(line: Copied) -> str:
    """Return the refund, dispute or payout that a line is about."""
    return line.movement.object_ref or line.movement.ref


def _facts(ours: Record | None) -> dict[str, str]:
    if ours is None:
        return {}
    facts = {"payment": ours.payment_ref, "ours_recorded_at": ours.at.isoformat()}
    if ours.currency:
        facts["our_currency"] = ours.currency
    if ours.transfer_id is not None:
        facts["transfer"] = str(ours.transfer_id)
    return facts
