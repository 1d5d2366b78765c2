"""What the demo trader does next. Pure: chance follows from a seed and a count."""

import hashlib
from dataclasses import dataclass
from decimal import Decimal

# Whole lots of currencies and parts of a coin: an ordinary day moves equity by some hundred
# dollars, a very bad one by a quarter of what the daily limit permits.
STEPS = {"EUR/USD": Decimal(20_000), "BTC/USD": Decimal("0.05")}
STEPS_MAX = {"EUR/USD": 5, "BTC/USD": 4}
ROOM_SHARE_MIN = 0.5  # with less of the permitted loss left it only reduces
REST_MIN_S, REST_MAX_S = 8.0, 30.0


@dataclass(frozen=True, slots=True)
class Wish:
    """An order the trader wants: signed quantity, negative to sell."""

    symbol: str
    qty: Decimal


def chance(seed: int, *names: object) -> float:
    """Return a number from 0 to below 1 that follows from `seed` and `names`."""
    text = ":".join(str(name) for name in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48


def next_wish(seed: int, count: int, *, held: dict[str, Decimal], room_share: float) -> Wish | None:
    """
    Return the next order, or None to stay.

    It wanders between long and short in steps, and goes home when `room_share`, the part of the
    permitted loss that is left, becomes small.
    """
    symbols = sorted(STEPS)
    symbol = symbols[int(chance(seed, count, "symbol") * len(symbols))]
    position, step = held.get(symbol, Decimal(0)), STEPS[symbol]
    if room_share < ROOM_SHARE_MIN:
        losing = next((each for each in symbols if held.get(each)), None)
        return None if losing is None else Wish(losing, -held[losing])
    steps = int(position / step)
    bound = STEPS_MAX[symbol]
    # The further it is from flat, the likelier it comes back.
    up = chance(seed, count, "side") < 0.5 - steps / (2 * bound + 2)
    size = 1 + int(chance(seed, count, "size") * 2)
    wanted = max(-bound, min(bound, steps + (size if up else -size)))
    return None if wanted == steps else Wish(symbol, (wanted - steps) * step)


def rest_s(seed: int, count: int) -> float:
    """Return how long to wait before the next order."""
    return REST_MIN_S + (REST_MAX_S - REST_MIN_S) * chance(seed, count, "rest")
