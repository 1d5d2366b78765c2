"""The sealed terms, read: what was bought, and by which numbers it is judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

from tradesense_verify.findings import Unreadable, Wrong
from tradesense_verify.log.entries import canonical, parse
from tradesense_verify.rules import calendars
from tradesense_verify.rules.arithmetic import MINOR_DIGITS, Conversion, half_even
from tradesense_verify.rules.instants import zone_of

PART = "terms.json"
# The second version adds halts and withdrawals; lives without them are judged as by the first.
RULE_VERSIONS = ("tradesense-rules-1", "tradesense-rules-2")
CASH_FLOWS = ("shift", "keep", "floor_to_initial")
BASIS_POINTS = 10_000
# Beyond, arithmetic would cost hours, and no terms mean it.
DIGITS_MAX = 12
WHOLE_MAX = 10**18


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """Prices count in 10^-price_digits of `quote`, quantities in 10^-qty_digits of `base`."""

    symbol: str
    base: str
    quote: str
    price_digits: int
    qty_digits: int
    min_qty: int
    stale_after_s: int
    calendar: str
    asset_class: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A loss limit: `amount_minor` below the initial balance, or below the reset balance."""

    name: str
    follows_reset: bool
    amount_minor: int
    at_or_below: bool
    on_cash_flow: str  # what a withdrawal does to the floor: one of CASH_FLOWS


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What one phase of the challenge is judged by. Money in minor units of `currency`."""

    currency: str
    initial_minor: int
    leverage: int
    order_wait_s: int
    reopening_wait_s: int
    reset: str
    reset_time: time
    reset_zone: ZoneInfo
    tz_database: str
    instruments: Mapping[str, Instrument]
    conversions: Mapping[str, Conversion]  # by the currency that is converted
    limits: tuple[Limit, ...]
    phase: str
    target_minor: int | None
    days_min: int
    plan: str
    phases: tuple[str, ...]


def read_terms(text: bytes, phase: str) -> Terms:
    """
    Return the terms of `phase`. Raises Wrong if they make no sense.

    Raises Unreadable for rules of a version that this verifier does not know.
    """
    try:
        data = parse(text)
    except ValueError:
        raise Wrong(PART, "is not JSON") from None
    if not isinstance(data, dict) or canonical(data) != text:
        raise Wrong(PART, "is not in canonical form (RFC 8785)")
    if data.get("rule_version") not in RULE_VERSIONS:
        raise Unreadable(
            f"the terms follow {str(data.get('rule_version'))[:60]!r};"
            f" this verifier knows {', '.join(RULE_VERSIONS)}: get a newer one"
        )
    try:
        return _terms(data, phase)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise Wrong(PART, f"states no rules that can be followed ({error!r})") from None


def _terms(data: dict[str, Any], phase: str) -> Terms:
    initial = _whole(data["initial_minor"])
    if data["currency"] not in MINOR_DIGITS:
        raise ValueError(f"currency {data['currency']}")
    found = next((each for each in data["phases"] if each["name"] == phase), None)
    if found is None:
        raise Wrong(PART, f"has no phase {phase!r}")
    if found["target_bp"] is not None and (
        found["target_on"] != "closed_flat" or found["day_counts"] != "opening"
    ):
        raise ValueError("a target of this kind")
    hour, minute = data["reset"]["time"].split(":")
    instruments = {each["symbol"]: _instrument(each) for each in data["instruments"]}
    return Terms(
        currency=data["currency"],
        initial_minor=initial,
        leverage=_whole(data["leverage"]),
        order_wait_s=_whole(data["order_wait_s"]),
        reopening_wait_s=_whole(data["reopening_wait_s"]),
        reset=f"{data['reset']['time']} {data['reset']['zone']}",
        reset_time=time(int(hour), int(minute)),
        reset_zone=zone_of(data["reset"]["zone"]),
        tz_database=data["tz_database"],
        instruments=instruments,
        conversions={
            currency: Conversion(
                each["symbol"], bool(each["inverted"]), instruments[each["symbol"]].price_digits
            )
            for currency, each in data["conversions"].items()
        },
        limits=tuple(_limit(each, initial) for each in data["limits"]),
        phase=phase,
        target_minor=_share(initial, found["target_bp"]),
        days_min=_whole(found["days_min"]),
        plan=data["plan"],
        phases=tuple(each["name"] for each in data["phases"]),
    )


def _instrument(data: dict[str, Any]) -> Instrument:
    if data["calendar"] not in calendars.NAMES:
        raise ValueError(f"calendar {data['calendar']}")
    instrument = Instrument(**data)
    digits = (_whole(instrument.price_digits), _whole(instrument.qty_digits))
    if max(digits) > DIGITS_MAX or not _whole(instrument.min_qty):
        raise ValueError(f"digits or smallest quantity of {instrument.symbol}")
    return instrument


def _limit(data: dict[str, Any], initial: int) -> Limit:
    """Read the switches of a limit; only those this version of the rules can judge."""
    switches = (data["tested"], data["when"], data["effect"], data["lock"])
    if switches != ("equity", "every_input", "fail", "none"):
        raise ValueError(f"switches {switches} of {data['name']}")
    if data["on_cash_flow"] not in CASH_FLOWS:
        raise ValueError(f"what cash does to {data['name']}")
    amount = _whole(data["amount"])
    match data["amount_of"]:
        case "initial_bp":
            minor = half_even(initial * amount, BASIS_POINTS)
        case "cash_minor":
            minor = amount
        case other:
            raise ValueError(f"amount of {other}")
    return Limit(
        name=data["name"],
        follows_reset={"initial": False, "day_start_balance": True}[data["reference"]],
        amount_minor=minor,
        at_or_below={"below": False, "at_or_below": True}[data["comparison"]],
        on_cash_flow=data["on_cash_flow"],
    )


def _share(initial: int, basis_points: int | None) -> int | None:
    if basis_points is None:
        return None
    return half_even(initial * _whole(basis_points), BASIS_POINTS)


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= WHOLE_MAX:
        raise ValueError(f"{value!r} is no whole number")
    return value
