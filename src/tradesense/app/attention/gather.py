"""Collects what waits for a person from every module that may have something."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tradesense import bus, payments, payouts, reliability, sagas
from tradesense.app import invariants
from tradesense.infra.db import Transaction
from tradesense.infra.idempotency import list_unanswered
from tradesense.infra.runtime import Runtime
from tradesense.kernel.instants import rfc3339

LIMIT = 100  # of a kind: whoever has more than a page of something looks at it by its command


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """One thing that waits: what it is, since when (None: nobody knows), and what shows more."""

    kind: str
    subject: str
    says: str
    since: datetime | None
    command: str

    def facts(self) -> dict[str, Any]:
        """Return it for a machine."""
        return {
            "kind": self.kind,
            "subject": self.subject,
            "says": self.says,
            "since": None if self.since is None else rfc3339(self.since),
            "command": self.command,
        }


async def gather(runtime: Runtime, *, checks_promises: bool = True) -> list[Matter]:
    """
    Return what waits for a person, at most LIMIT of each kind.

    Broken promises are looked for too unless `checks_promises` is False: that walks all records.
    Raises Unavailable without a database.
    """
    found: list[Matter] = []
    async with runtime.db.reading() as tx:
        for look in (_incidents, _providers, _stuck, _money, _second_eyes, _cases):
            found += await look(tx)
        found += _errands(await list_unanswered(tx, limit=LIMIT), runtime.now())
    if checks_promises:
        found += _promises(await invariants.check_in(runtime.db))
    return found


def counted(matters: Iterable[Matter]) -> dict[str, int]:
    """Return how many there are of each kind that there is."""
    counts: dict[str, int] = {}
    for matter in matters:
        counts[matter.kind] = counts.get(matter.kind, 0) + 1
    return counts


def show(matters: list[Matter]) -> dict[str, Any]:
    """Return the page for a machine."""
    return {
        "waiting": len(matters),
        "counts": counted(matters),
        "limit_per_kind": LIMIT,
        "matters": [matter.facts() for matter in matters],
    }


async def _incidents(tx: Transaction) -> list[Matter]:
    state = reliability.IncidentState.OPEN
    return [
        Matter(
            kind="incident",
            subject=str(one.incident_id),
            says=one.summary,
            since=one.opened_at,
            command=f"tradesense incidents show {one.incident_id}",
        )
        for one in await reliability.list_incidents(tx, state=state, limit=LIMIT)
    ]


async def _providers(tx: Transaction) -> list[Matter]:
    return [
        Matter(
            kind="contained provider",
            subject=one.provider,
            says=one.why,
            since=one.since,
            command=f"tradesense breakers show {one.provider}",
        )
        for one in await payments.list_conditions(tx)
        if one.condition is payments.Condition.CONTAINED
    ]


async def _stuck(tx: Transaction) -> list[Matter]:
    parked = [
        Matter(
            kind="parked saga",
            subject=str(one.saga.id),
            says=f"{one.saga.kind}: {one.saga.trouble}",
            since=one.since,
            command=f"tradesense sagas show {one.saga.id}",
        )
        for one in await sagas.list_parked(tx, limit=LIMIT)
    ]
    dead = [
        Matter(
            kind="dead letter",
            subject=f"{one.consumer} {one.entry_id}",
            says=f"{one.kind} of {one.stream}: {one.trouble}",
            since=one.died_at,
            command=f"tradesense events dead --consumer {one.consumer}",
        )
        for one in await bus.list_dead(tx, limit=LIMIT)
    ]
    return [*parked, *dead]


async def _money(tx: Transaction) -> list[Matter]:
    failed = [
        Matter(
            kind="failed refund",
            subject=str(one.refund_id),
            # Received money may be of a currency that our books do not know.
            says=f"{one.amount_minor} minor units of {one.currency} of payment {one.payment_id} "
            f"did not reach the buyer through {one.provider}",
            since=asked_at,
            command=f"tradesense trail show payment:{one.payment_id}",
        )
        for one, asked_at in await payments.list_by_status(
            tx, payments.RefundStatus.FAILED, limit=LIMIT
        )
    ]
    frozen = [
        Matter(
            kind="payout to decide",
            subject=str(one.id),
            says="it waits for approval",
            since=one.requested_at,
            command="tradesense payouts list",
        )
        for one in await payouts.list_payouts(tx, status=payouts.PayoutStatus.FROZEN, limit=LIMIT)
    ]
    owed = [
        Matter(
            kind="payout owed",
            subject=str(one.id),
            says=f"{one.amount} did not reach the trader, whose account has ended: propose where "
            "to send them",
            since=one.requested_at,
            command=f'tradesense payouts resends propose {one.id} "why" --token-file FILE',
        )
        for one in await payouts.list_owed(tx, limit=LIMIT)
    ]
    given_back = [
        Matter(
            kind="reversed chargeback",
            subject=str(one.payment_id),
            says=f"{one.amount_minor} minor units of {one.currency} are ours again, but what they "
            f"paid for has ended: refund them to the buyer, or leave them with us",
            since=ended_at,
            command=f"tradesense trail show payment:{one.payment_id}",
        )
        for one, ended_at in await payments.list_reversed(tx, limit=LIMIT)
    ]
    return [*failed, *frozen, *owed, *given_back]


async def _second_eyes(tx: Transaction) -> list[Matter]:
    """Return what one operator has proposed, and another has to agree to."""
    matches = [
        Matter(
            kind="bank match to approve",
            subject=str(one.match_id),
            says=f"{one.kind.value}, proposed by {one.proposed_by}: {one.reason}",
            since=one.proposed_at,
            command=f"tradesense bank approve {one.match_id} --token-file FILE",
        )
        for one in await payments.bank.list_waiting(tx, limit=LIMIT)
    ]
    corrections = [
        Matter(
            kind="correction to approve",
            subject=str(one.case_id),
            says=f"{one.correction.amount} from {one.correction.credit} to "
            f"{one.correction.debit}, proposed by {one.correction.proposed_by}: "
            f"{one.correction.reason}",
            since=one.correction.proposed_at,
            command=f"tradesense cases show {one.case_id}",
        )
        for one in await payments.reconciliation.list_awaiting_approval(tx, limit=LIMIT)
        if one.correction is not None
    ]
    resends = [
        Matter(
            kind="resend to approve",
            subject=str(one.id),
            says=f"of payout {one.payout_id}, proposed by {one.proposed_by}: {one.reason}",
            since=one.proposed_at,
            command=f"tradesense payouts resends approve {one.id} --token-file FILE",
        )
        for one in await payouts.list_resends(tx, status=payouts.ResendStatus.PROPOSED, limit=LIMIT)
    ]
    return [*matches, *corrections, *resends]


async def _cases(tx: Transaction) -> list[Matter]:
    state = payments.reconciliation.CaseState
    return [
        Matter(
            kind="reconciliation case",
            subject=str(one.case_id),
            says=f"{one.difference.provider}: {one.difference.kind.value}",
            since=one.opened_at,
            command=f"tradesense cases show {one.case_id}",
        )
        for one in await payments.reconciliation.list_cases(
            tx, states=(state.OPEN, state.ASSIGNED), limit=LIMIT
        )
    ]


def _errands(abandoned: Iterable[tuple[Any, float]], now: datetime) -> list[Matter]:
    # Where a key was used is enough: it is its client's secret as long as it is valid.
    return [
        Matter(
            kind="unfinished errand",
            subject=name.scope,
            says="its process died; only the same request under its key finds out what happened",
            since=now - timedelta(seconds=for_s),
            command="tradesense attention --json",
        )
        for name, for_s in abandoned
    ]


def _promises(broken: invariants.Broken) -> list[Matter]:
    return [
        Matter(
            kind="broken promise",
            subject=sentence,
            says=rows[0],
            since=None,
            command="tradesense invariants",
        )
        for sentence, rows in broken.items()
        if rows
    ]
