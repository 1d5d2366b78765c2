"""The story in words and in JSON: timeline, verdicts with their arithmetic, books, trail."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tradesense.app.story.facts import End, Facts, Judged
from tradesense.kernel.instants import rfc3339
from tradesense.kernel.money import Money
from tradesense.trail.model import Entry

# What a reader wants to follow; the rest is in the JSON and on the trail.
TOLD = {
    "ChallengeStarted", "PaymentSucceeded", "AccountOpened", "OrderFilled", "OrderRejected",
    "OrderCancelled", "GuardBreached", "TargetReached", "PhasePassed", "ChallengeFailed",
    "ChallengeFunded", "DayRolled",
}  # fmt: skip


def as_text(facts: Facts, *, seed: int, files: Sequence[str], took_s: float) -> str:
    """Return the report for people."""
    lines = ["", "Timeline (UTC)", *_timeline(facts), "", "Verdicts"]
    for end in facts.ends:
        lines += _verdict(end)
    lines += ["", "Trial balance"]
    lines += [
        f"  {line.account:<32}{line.debit!s:>20}{line.credit!s:>20}" for line in facts.trial_balance
    ]
    kept = sum(not rows for rows in facts.invariants.values())
    sealed = facts.sealed
    lines += [
        "",
        (
            f"Prices      {facts.prices:,} on the tape, {facts.crossed:,} of them crossed"
            " (recorded, never judged)"
        ),
        f"Trail       {sealed['size']:,} entries, root {sealed['root']}",
        f"Invariants  {kept} of {len(facts.invariants)} hold",
    ]
    if facts.deaths:
        slowest = max(facts.deaths, key=lambda death: death.back_after_s)
        lines.append(
            f"Kills       {len(facts.deaths)} processes killed; the slowest back was"
            f" {slowest.kill.target}, after {slowest.back_after_s:.1f} s"
        )
        lines += [
            f"  step {death.kill.step + 1:<4} {death.kill.target:<12} back after"
            f" {death.back_after_s:.2f} s"
            for death in facts.deaths
        ]
    lines += ["", *_ending(facts, seed=seed, files=files, took_s=took_s)]
    return "\n".join(lines)


def as_json(facts: Facts, *, seed: int, files: Sequence[str], took_s: float) -> str:
    """Return the report for machines; everything but `took_s` and `kills` repeats."""
    wrongs = facts.wrongs()
    return json.dumps(
        {
            "ok": not wrongs,
            "wrongs": wrongs,
            "seed": seed,
            "files": list(files),
            "took_s": round(took_s, 1),
            "traders": [_end(end) for end in facts.ends],
            "trial_balance": [
                {
                    "account": line.account,
                    "debit_minor": line.debit.minor,
                    "credit_minor": line.credit.minor,
                    "currency": line.debit.currency,
                }
                for line in facts.trial_balance
            ],
            "trail": facts.sealed,
            "invariants": {
                "checked": len(facts.invariants),
                "broken": {name: rows for name, rows in facts.invariants.items() if rows},
            },
            "prices": {"sequenced": facts.prices, "crossed": facts.crossed},
            "streams": facts.streams,
            "timeline": [
                {"at": rfc3339(e.at), "stream": e.stream, "kind": e.kind, "data": e.data}
                for e in facts.timeline
            ],
            "kills": [
                {
                    "step": death.kill.step,
                    "target": death.kill.target,
                    "back_after_s": round(death.back_after_s, 3),
                }
                for death in facts.deaths
            ],
        },
        indent=2,
    )


def _ending(facts: Facts, *, seed: int, files: Sequence[str], took_s: float) -> Iterator[str]:
    wrongs = facts.wrongs()
    yield from (f"WRONG  {wrong}" for wrong in wrongs)
    of = f" on {', '.join(files)}" if files else " on a simulated market"
    verdict = "something is off" if wrongs else "everything as it should be"
    yield f"Story{of}, seed {seed}, in {took_s:.1f} s: {verdict}."


def _timeline(facts: Facts) -> Iterator[str]:
    for entry in facts.timeline:
        if entry.kind in TOLD:
            name = facts.who.get(entry.stream, "")
            yield f"  {entry.at:%Y-%m-%d %H:%M:%S}  {name:<12} {sentence(entry)}"


def sentence(entry: Entry) -> str:
    """Return what an entry tells, in words."""
    tell = SENTENCES.get(entry.kind)
    return entry.kind if tell is None else tell(entry.data)


def _filled(data: Mapping[str, Any]) -> str:
    gain = data.get("realised_minor") or 0
    result = f", result {_usd(gain)}" if gain else ""
    why = f" (closed by {data['liquidation']})" if data.get("liquidation") else ""
    return f"fills {data['side']} {data['qty']} {data['symbol']}{result}{why}"


def _rolled(data: Mapping[str, Any]) -> str:
    floors = ", ".join(f"{f['guard']} {_usd(f['floor_minor'])}" for f in data["floors"])
    return f"begins {data['day']}: balance {_usd(data['balance_minor'])}; floors: {floors}"


def _breached(data: Mapping[str, Any]) -> str:
    return (
        f"BREACH {data['guard']}: equity {_usd(data['value_minor'])} against"
        f" {_usd(data['floor_minor'])}, price {data['price_seq']}"
    )


def _reached(data: Mapping[str, Any]) -> str:
    return (
        f"TARGET: closed profit {_usd(data['profit_minor'])} of"
        f" {_usd(data['target_minor'])}, {data['days_opened']} days"
    )


SENTENCES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "PaymentSucceeded": lambda data: f"pays {Money(data['amount_minor'], data['currency'])}",
    "ChallengeStarted": lambda data: (
        f"starts {data['plan']} under terms {data['terms_sha256'][:12]}…"
    ),
    "PhasePassed": lambda data: f"PASSES {data['phase']}; {data['next_phase']} begins",
    "ChallengeFailed": lambda data: f"FAILS by {data['rule']}",
    "ChallengeFunded": lambda _: "is FUNDED",
    "AccountOpened": lambda data: f"opens {data['phase']} with {_usd(data['initial_minor'])}",
    "OrderFilled": _filled,
    "OrderRejected": lambda data: f"is refused an order: {data['reason']}",
    "OrderCancelled": lambda data: f"has an order cancelled: {data['reason']}",
    "DayRolled": _rolled,
    "GuardBreached": _breached,
    "TargetReached": _reached,
}


def _verdict(end: End) -> Iterator[str]:
    yield f"  {end.trader}: {end.outcome}" + (
        " (the days in the files end here)" if end.outcome == "running" else ""
    )
    for entry in end.decisions:
        data: Mapping[str, Any] = entry.data
        if entry.kind == "ChallengeFailed":
            yield (
                f"    {data['rule']}: from {_usd(data['reference_minor'])} the floor is"
                f" {_usd(data['floor_minor'])}; equity {_usd(data['equity_minor'])} at price"
                f" {data['price_seq']}; permitted loss {_usd(data['loss_permitted_minor'])},"
                f" actual {_usd(data['loss_actual_minor'])}"
            )
        else:
            yield (
                f"    {data['phase']} passed: profit {_usd(data['profit_minor'])} of"
                f" {_usd(data['target_minor'])}; {data['days']} of {data['days_min']} days"
            )
    for judged in end.accounts:
        yield f"    {judged.phase}: the verifier {_agreement(judged)}"


def _agreement(judged: Judged) -> str:
    return "agrees" if judged.agrees else f"DISAGREES: {judged.says}"


def _end(end: End) -> dict[str, Any]:
    return {
        "trader": end.trader,
        "expected": str(end.expected),
        "outcome": str(end.outcome),
        "decisions": [{"kind": e.kind, **e.data} for e in end.decisions],
        "accounts": [
            {"account_id": j.account_id, "phase": j.phase, "verifier_agrees": j.agrees}
            for j in end.accounts
        ],
    }


def _usd(minor: object) -> str:
    if not isinstance(minor, int):
        raise TypeError(f"{minor!r} is no amount")
    return str(Money(minor, "USD")).removesuffix(" USD")
