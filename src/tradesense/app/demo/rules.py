"""What the demo trader does next. Pure: chance follows from a seed and a count."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

# Whole lots of currencies and parts of a coin: an ordinary day moves equity by some hundred
# dollars, a very bad one by a quarter of what the daily limit permits.
STEPS = {"EUR/USD": Decimal(50_000), "BTC/USD": Decimal("0.1")}
STEPS_MAX = {"EUR/USD": 4, "BTC/USD": 4}
ROOM_SHARE_MIN = 0.5  # with less of the permitted loss left it only reduces
TICK = {"EUR/USD": Decimal("0.00001"), "BTC/USD": Decimal("0.01")}
# Busy at first, so that a visitor sees something; later seldom, because each order costs spread.
BUSY_ORDERS = 10
BUSY_REST_S = (8.0, 30.0)
CALM_REST_S = (300.0, 900.0)
AIM_EVERY = 3  # each third order waits for a better price
AIM = Decimal("0.004")


@dataclass(frozen=True, slots=True)
class Held:
    """A position: signed quantity, and the price at which it would close now."""

    qty: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Wish:
    """An order the trader wants: signed quantity, negative to sell; at market without a limit."""

    symbol: str
    qty: Decimal
    limit: Decimal | None = None


def chance(seed: int, *names: object) -> float:
    """Return a number from 0 to below 1 that follows from `seed` and `names`."""
    text = ":".join(str(name) for name in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48


def next_wish(seed: int, count: int, *, held: Mapping[str, Held], room_share: float) -> Wish | None:
    """
    Return the next order, or None to stay.

    It wanders between long and short in steps, aims at a profit now and then, and goes home when
    `room_share`, the part of the permitted loss that is left, becomes small.
    """
    symbols = sorted(STEPS)
    if room_share < ROOM_SHARE_MIN:
        losing = next((each for each in symbols if each in held), None)
        return None if losing is None else Wish(losing, -held[losing].qty)
    symbol = symbols[int(chance(seed, count, "symbol") * len(symbols))]
    if count % AIM_EVERY == 0 and symbol in held:
        return _aim(symbol, held[symbol])
    steps = int(held[symbol].qty / STEPS[symbol]) if symbol in held else 0
    bound = STEPS_MAX[symbol]
    # The further it is from flat, the likelier it comes back.
    up = chance(seed, count, "side") < 0.5 - steps / (2 * bound + 2)
    size = 1 + int(chance(seed, count, "size") * 2)
    wanted = max(-bound, min(bound, steps + (size if up else -size)))
    return None if wanted == steps else Wish(symbol, (wanted - steps) * STEPS[symbol])


def _aim(symbol: str, held: Held) -> Wish:
    """Take the profit of a step once the price has gone our way."""
    side = 1 if held.qty > 0 else -1
    part = side * min(abs(held.qty), STEPS[symbol])
    return Wish(symbol, -part, (held.price * (1 + side * AIM)).quantize(TICK[symbol]))


def rest_s(seed: int, count: int) -> float:
    """Return how long to wait before the next order."""
    least, most = BUSY_REST_S if count < BUSY_ORDERS else CALM_REST_S
    return least + (most - least) * chance(seed, count, "rest")
