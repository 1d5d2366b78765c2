"""
A forger who makes everything fit: hashes, links, tree. With another key the signature tells.

And the worst one, who holds the log's own key: prices and rules still tell.
"""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from evidence_world import KEY, EvidenceWorld, Line, Log
from tradesense.challenges.model import Terms
from tradesense.kernel.canonical import canonical
from tradesense.trail.proof.note import SigningKey
from tradesense_verify.verify import Report, verify
from verifier_bundles import bundle_of

Told = list[dict[str, Any]]
FORGER = SigningKey(KEY.name, bytes(32))


@pytest.fixture(scope="module")
def world() -> EvidenceWorld:
    """A profit, a refused order, a night, then a breach of the daily limit."""
    world = EvidenceWorld()
    world.clock()
    world.quote(138_000, 138_010)
    world.start()
    world.trade(100)
    world.buy(10, symbol="ABC/DEF")
    world.buy(1_000, limit=120_000)
    world.wait(20 * 3_600)
    world.quote(138_000, 138_010)
    world.buy(1_000_000)
    world.wait(1)
    world.quote(137_000, 137_010)
    world.wait(1)
    world.quote(137_100, 137_110)
    return world


def forged(world: EvidenceWorld, edit: Callable[[Told], None], key: SigningKey = KEY) -> Report:
    """Return the verifier's report on a log that says what `edit` makes it say."""
    return verify(bundle_of(resealed(world, edit).evidence(key=key)), str(KEY.public))


def resealed(world: EvidenceWorld, edit: Callable[[Told], None]) -> EvidenceWorld:
    world.evidence()  # closes the open blocks
    told = [json.loads(line.canonical) for line in world.log.lines]
    edit(told)
    log = Log()
    heads: dict[str, tuple[int, str]] = {}
    for each in told:
        version, prev = heads.get(each["stream"], (0, ""))
        each |= {"version": version + 1, "prev": prev}
        text = canonical(each)
        heads[each["stream"]] = (version + 1, sha256(text).hexdigest())
        log.lines.append(Line(each["stream"], version + 1, text))
    other = copy.copy(world)
    other.log = log
    return other


def said(report: Report) -> str:
    return "\n".join(str(each) for each in report.findings)


def one(told: Told, kind: str, number: int = 0) -> dict[str, Any]:
    return [each for each in told if each["kind"] == kind][number]


def test_resealing_without_a_change_is_the_same_verdict(world):
    report = forged(world, lambda _: None)
    assert (said(report), report.verdict) == ("", "failed")


def test_another_key_than_the_published_one_is_not_accepted(world):
    assert "is not signed by" in said(forged(world, lambda _: None, FORGER))


def test_a_key_in_the_bundle_is_believed_only_without_a_published_one(world):
    evidence = world.evidence(key=FORGER)
    assert verify(bundle_of(evidence), None).same
    assert not verify(bundle_of(evidence), str(KEY.public)).same


def add(kind: str, field: str, by: int = 1, number: int = 0) -> Callable[[Told], None]:
    def edit(told: Told) -> None:
        one(told, kind, number)["data"][field] += by

    return edit


def put(kind: str, field: str, value: object, number: int = 0) -> Callable[[Told], None]:
    def edit(told: Told) -> None:
        one(told, kind, number)["data"][field] = value

    return edit


def drop(kind: str, number: int = 0) -> Callable[[Told], None]:
    def edit(told: Told) -> None:
        told.remove(one(told, kind, number))

    return edit


LIES = {
    "a worse fill": (add("OrderFilled", "price"), "OrderFilled"),
    "a cent of profit less": (add("OrderFilled", "realised_minor", -1, 1), "OrderFilled"),
    "another balance": (add("OrderFilled", "balance_minor", -1, 1), "OrderFilled"),
    "another size": (add("OrderFilled", "qty"), "OrderFilled"),
    "a fill by another quote": (add("OrderFilled", "quote_seq", -1, 1), "OrderFilled"),
    "an opening not counted": (put("OrderFilled", "opening", value=False), "OrderFilled"),
    "a word for a number": (put("OrderAccepted", "qty", "many"), "make no sense"),
    "no quantity at all": (put("OrderAccepted", "qty", None), "make no sense"),
    "an order at another time": (add("OrderAccepted", "asked_us", 10**9), "dated"),
    "a refusal for another reason": (put("OrderRejected", "reason", "market_closed"), "reason"),
    "a refusal left out": (drop("OrderRejected"), "is command"),
    "an order left out": (drop("OrderAccepted", 1), "recomputation"),
    "a fill left out": (drop("OrderFilled", 1), "recomputation"),
    "a higher floor": (
        put("DayRolled", "floors", [{"guard": "daily loss", "floor_minor": 9_900_000}]),
        "DayRolled",
    ),
    "a day that did not count": (add("DayRolled", "days_opened", -1), "DayRolled"),
    "a reset left out": (drop("DayRolled"), "recomputation"),
    "a breach by a cent more": (add("GuardBreached", "value_minor", -1), "GuardBreached"),
    "a breach of another limit": (put("GuardBreached", "guard", "overall loss"), "guard"),
    "a breach left out": (drop("GuardBreached"), "GuardBreached"),
    "a smaller account": (put("AccountOpened", "initial_minor", 5_000_000), "initial_minor"),
    "another loss in the verdict": (add("ChallengeFailed", "equity_minor"), "verdict"),
    "another price in the verdict": (add("ChallengeFailed", "price_seq"), "verdict"),
    "no verdict": (drop("ChallengeFailed"), "verdict"),
    "a start with other terms": (put("ChallengeStarted", "terms_sha256", "0" * 64), "terms.json"),
    "an order of another name": (
        put("OrderAccepted", "order_id", "00000000-0000-0000-0000-000000000000"),
        "order_id",
    ),
}


@pytest.mark.parametrize("lie", list(LIES))
def test_a_lie_told_with_the_logs_own_key_does_not_survive_the_recomputation(world, lie):
    edit, named = LIES[lie]
    report = forged(world, edit)
    assert not report.same
    assert named in said(report)


def test_a_breach_invented_where_the_loss_was_within_the_limit_is_found(world):
    """The stream is cut before the breach, so the account should still run: the prices say no."""

    def edit(told: Told) -> None:
        breach = told.index(one(told, "GuardBreached"))
        rest = [each for each in told[breach:] if each["stream"].startswith("tape:")]
        told[breach:] = rest

    report = forged(world, edit)
    assert "GuardBreached at price" in said(report)
    assert "has no entry" in said(report)


def test_a_verdict_said_twice_is_found(world):
    def edit(told: Told) -> None:
        told.append(copy.deepcopy(one(told, "ChallengeFailed")))

    assert "judged twice" in said(forged(world, edit))


def reprice(world: EvidenceWorld, old: bytes, new: bytes) -> Report:
    """Change the prices themselves, and every hash that names them."""
    world.evidence()
    changed = []
    renamed: dict[str, str] = {}
    for each in world.blocks:
        text = each.text.replace(old, new)
        renamed[each.block.sha256] = sha256(text).hexdigest()
        changed.append(replace(each, text=text))

    def edit(told: Told) -> None:
        for each in told:
            if each["kind"] == "PriceBlockSealed":
                each["data"]["block"]["sha256"] = renamed[each["data"]["block"]["sha256"]]

    other = resealed(world, edit)
    other.blocks = changed
    return verify(bundle_of(other.evidence()), str(KEY.public))


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        (b"quote,137000,137010,valid", b"quote,137001,137010,valid", "bounds"),
        (b"quote,137000,137010,valid", b"quote,137000,137010,late", "prices"),
        (b"quote,137000,137010,valid", b"quote,137000,137010,crossed", "prices"),
        (b"00:00 Europe/Prague", b"01:00 Europe/Prague", "DayRolled"),
        (b",2014-05-01\n", b",2014-05-02\n", "stands at"),
    ],
)
def test_prices_changed_with_all_their_hashes_are_still_found(world, old, new, named):
    assert named in said(reprice(world, old, new))


def test_softer_terms_sealed_afterwards_do_not_fit_the_floors(world):
    data = json.loads(world.challenge.terms.text)
    data["limits"][0]["amount"] = 600
    softer = Terms.read(canonical(data))

    def edit(told: Told) -> None:
        one(told, "AccountOpened")["data"]["terms_sha256"] = softer.sha256
        one(told, "ChallengeStarted")["data"]["terms_sha256"] = softer.sha256

    other = resealed(world, edit)
    other.challenge = replace(other.challenge, terms=softer)
    report = verify(bundle_of(other.evidence()), str(KEY.public))
    assert "floors" in said(report)
