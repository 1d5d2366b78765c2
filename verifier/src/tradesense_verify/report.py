"""What a stranger reads: what was checked, the arithmetic, and whether the verdict is the same."""

from importlib.metadata import version
from typing import Any

from tradesense_verify.rules.arithmetic import decimal, money
from tradesense_verify.rules.instants import text_of
from tradesense_verify.rules.terms import Terms
from tradesense_verify.verify import Report


def lines_of(report: Report) -> list[str]:
    """Return the report as lines of text."""
    lines = [*_what_was_checked(report), *_arithmetic(report)]
    if report.findings:
        lines += ["", "WRONG:"]
        lines += [f"  {finding}" for finding in report.findings]
    else:
        lines += ["", f"same verdict: {report.verdict}"]
    return [harmless(line) for line in lines]


def harmless(line: str) -> str:
    """Return `line` so that nothing a bundle states can end it, or steer the terminal."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in line)


def json_of(report: Report) -> dict[str, Any]:
    """Return the report as JSON values."""
    replay = report.replay
    return {
        "same": report.same,
        "verdict": report.verdict,
        "findings": [{"part": each.part, "text": each.text} for each in report.findings],
        "account": replay.account.account_id if replay else None,
        "key_pinned": report.is_key_pinned,
        "log_size": report.checkpoint.size if report.checkpoint else None,
        "outcome": None if replay is None or replay.outcome is None else replay.outcome[1],
        "balance_minor": replay.account.balance if replay else None,
        "counts": None
        if replay is None
        else {name: getattr(replay.counts, name) for name in replay.counts.__slots__},
    }


def _what_was_checked(report: Report) -> list[str]:
    lines: list[str] = []
    terms, replay = report.terms, report.replay
    if terms is not None and report.account:
        account_id = report.account[0].data.get("account_id")
        start = money(terms.initial_minor, terms.currency)
        lines.append(f"account   {account_id}: {terms.plan}, {terms.phase}, {start}")
    if report.checkpoint is not None and report.key is not None:
        signer = f"signed by {report.key.name}+{report.key.key_hash.hex()}"
        trust = "the key you gave" if report.is_key_pinned else "the key in the bundle"
        lines.append(f"log       {report.checkpoint.size:,} entries, {signer} ({trust})")
        if not report.is_key_pinned:
            lines.append("          compare vkey.txt with the published key, or give it with --key")
    entries = len(report.account) + len(report.challenge) + len(report.tape)
    lines.append(f"entries   {entries:,}, of which {len(report.account):,} of the account")
    if report.terms_sha256:
        lines.append(f"terms     sha256 {report.terms_sha256}")
    here = version("tzdata")
    if terms is not None and terms.tz_database != here:
        lines.append(f"zones     sealed with tzdata {terms.tz_database}, checked with {here}")
    quotes = sum(item.kind == "quote" for item in report.items)
    lines.append(f"prices    {quotes:,} in {len(report.blocks):,} sealed blocks")
    if replay is not None:
        counts = replay.counts
        lines.append(
            f"replayed  {counts.prices:,} prices, {counts.commands:,} commands, {counts.fills:,}"
            f" fills, {counts.rejected:,} refusals, {counts.days:,} resets"
        )
    return lines


def _arithmetic(report: Report) -> list[str]:
    replay, terms = report.replay, report.terms
    if replay is None or terms is None:
        return []
    if replay.outcome is None:
        return _standing(report, terms)
    kind, data = replay.outcome
    when = next(text_of(i.at_us) for i in reversed(report.items) if i.seq <= data["price_seq"])
    place = f"at price {data['price_seq']:,} ({when})"
    if kind == "TargetReached":
        return [
            "",
            f"target reached {place}, everything flat",
            (
                f"  profit   {money(data['profit_minor'], terms.currency)}"
                f" of {money(data['target_minor'], terms.currency)}"
            ),
            f"  days     {data['days_opened']} with an opening, {data['days_min']} needed",
        ]
    return ["", f"{data['guard']} crossed {place}", *_breach(data, terms)]


def _breach(data: dict[str, Any], terms: Terms) -> list[str]:
    def cash(minor: int) -> str:
        return money(minor, terms.currency)

    floating = data["value_minor"] - data["balance_minor"]
    limit = next(each for each in terms.limits if each.name == data["guard"])
    reference = data["reset_balance_minor"] if limit.follows_reset else terms.initial_minor
    permitted = reference - data["floor_minor"]
    measured = "balance at the last reset" if limit.follows_reset else "initial balance"
    verb = "at or below" if limit.at_or_below else "below"
    legs = []
    for leg in data["legs"]:
        instrument = terms.instruments[leg["symbol"]]
        price = decimal(leg["price"], instrument.price_digits)
        size = decimal(leg["qty"], instrument.qty_digits)
        legs.append(
            f"    {leg['symbol']} {size} closing at {price}"
            f" (price {leg['quote_seq']:,}): {cash(leg['pnl_minor'])}"
        )
    return [
        (
            f"  equity   {cash(data['balance_minor'])} balance + {cash(floating)} floating"
            f" = {cash(data['value_minor'])}"
        ),
        *legs,
        (
            f"  floor    {cash(reference)} {measured} - {cash(permitted)}"
            f" = {cash(data['floor_minor'])}"
        ),
        (
            f"  loss     permitted {cash(permitted)},"
            f" actual {cash(reference - data['value_minor'])};"
            f" equity is {verb} the floor"
        ),
    ]


def _standing(report: Report, terms: Terms) -> list[str]:
    replay = report.replay
    if replay is None:
        return []
    account = replay.account
    when = max((item.at_us for item in report.items if item.seq <= report.until_seq), default=0)
    return [
        "",
        f"running: judged up to price {report.until_seq:,} ({text_of(when)})",
        f"  balance  {money(account.balance, terms.currency)}",
        f"  equity   {money(account.equity(), terms.currency)}",
        *(
            f"  floor    {money(account.floor(limit), terms.currency)} ({limit.name})"
            for limit in terms.limits
        ),
    ]
