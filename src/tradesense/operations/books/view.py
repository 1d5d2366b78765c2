"""How books are shown to a machine: amounts in minor units, with their currency."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tradesense.kernel.instants import rfc3339
from tradesense.kernel.money import Money
from tradesense.ledger import CHART, Age, StatementLine, TrialLine
from tradesense.operations.books import rules


def show_chart() -> list[dict[str, Any]]:
    """Return every kind of book account there may be; `name` shows how its accounts are called."""
    return [
        {
            "kind": name,
            "name": f"{name}:{kind.party}:CURRENCY" if kind.party else f"{name}:CURRENCY",
            "normal": kind.normal.value,
            "bounded": kind.bounded,
            "age_max_s": None if kind.age_max is None else int(kind.age_max.total_seconds()),
        }
        for name, kind in CHART.items()
    ]


def show_balance(
    account: str, balance: Money, *, as_of: datetime | None, known_at: datetime | None
) -> dict[str, Any]:
    """Return a balance, and of when it is."""
    return {
        "account": account,
        "balance_minor": balance.minor,
        "currency": balance.currency,
        "as_of": _shown(as_of),
        "known_at": _shown(known_at),
    }


def show_statement_line(line: StatementLine) -> dict[str, Any]:
    """Return one line of a statement."""
    made = line.transfer
    return {
        "version": line.version,
        "amount_minor": line.amount.minor,
        "balance_minor": line.balance.minor,
        "currency": line.amount.currency,
        "effective_at": _shown(made.effective_at),
        "recorded_at": _shown(line.recorded_at),
        "transfer_id": str(made.id),
        "debit": made.debit,
        "credit": made.credit,
        "reason": made.reason,
        "reverses": None if made.reverses is None else str(made.reverses),
    }


def show_trial_balance(lines: Sequence[TrialLine]) -> dict[str, Any]:
    """Return every account, and debits minus credits per currency: `is_balanced` if all are 0."""
    sums = rules.sums_of(lines)
    return {
        "is_balanced": not any(total.minor for total in sums.values()),
        "sums_minor": {currency: total.minor for currency, total in sorted(sums.items())},
        "accounts": [
            {
                "account": line.account,
                "normal": line.normal.value,
                "currency": line.debit.currency,
                "debit_minor": line.debit.minor,
                "credit_minor": line.credit.minor,
                "balance_minor": line.balance.minor,
            }
            for line in lines
        ],
    }


def show_age(age: Age, now: datetime) -> dict[str, Any]:
    """Return what stands on an account, since when, and whether that is too long."""
    limit = CHART[age.account.partition(":")[0]].age_max
    return {
        "account": age.account,
        "balance_minor": age.balance.minor,
        "currency": age.balance.currency,
        "oldest_at": _shown(age.oldest_at),
        "age_s": None if age.oldest_at is None else int((now - age.oldest_at).total_seconds()),
        "age_max_s": None if limit is None else int(limit.total_seconds()),
        "is_late": rules.is_late(age, limit, now),
    }


def _shown(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
