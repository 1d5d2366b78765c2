"""The demo trader stays modest whatever chance brings, and goes home in time."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tradesense.app.demo.rules import (
    BUSY_ORDERS,
    BUSY_REST_S,
    CALM_REST_S,
    STEPS,
    STEPS_MAX,
    Held,
    chance,
    next_wish,
    rest_s,
)

PRICE = {"EUR/USD": Decimal("1.10000"), "BTC/USD": Decimal("65000.00")}
SEEDS = st.integers(0, 2**32)


@given(seed=SEEDS)
def test_it_never_holds_more_than_a_few_steps(seed):
    held: dict[str, Decimal] = {}
    for count in range(60):
        now = {name: Held(qty, PRICE[name]) for name, qty in held.items() if qty}
        wish = next_wish(seed, count, held=now, room_share=1.0)
        if wish is not None:
            held[wish.symbol] = held.get(wish.symbol, Decimal(0)) + wish.qty
    assert all(abs(qty) <= STEPS[name] * STEPS_MAX[name] for name, qty in held.items())


@given(seed=SEEDS, count=st.integers(0, 1000))
def test_with_little_room_left_it_only_closes(seed, count):
    held = {"EUR/USD": Held(Decimal(-150_000), PRICE["EUR/USD"])}
    wish = next_wish(seed, count, held=held, room_share=0.4)
    assert wish is not None
    assert (wish.symbol, wish.qty, wish.limit) == ("EUR/USD", Decimal(150_000), None)
    assert next_wish(seed, count, held={}, room_share=0.4) is None


@given(seed=SEEDS)
def test_an_aim_takes_a_profit_and_never_more_than_is_held(seed):
    for qty in (Decimal("0.05"), Decimal("-0.4")):
        held = {name: Held(qty, PRICE["BTC/USD"]) for name in STEPS}
        wish = next_wish(seed, 3, held=held, room_share=1.0)
        assert wish is not None
        assert wish.limit is not None
        assert (wish.limit > PRICE["BTC/USD"]) == (qty > 0)
        assert abs(wish.qty) <= abs(qty)
        assert (wish.qty > 0) != (qty > 0)


@given(seed=SEEDS)
def test_it_is_busy_at_first_and_calm_later(seed):
    assert BUSY_REST_S[0] <= rest_s(seed, BUSY_ORDERS - 1) <= BUSY_REST_S[1]
    assert CALM_REST_S[0] <= rest_s(seed, BUSY_ORDERS) <= CALM_REST_S[1]


def test_chance_follows_from_the_seed_alone():
    assert chance(1, 2, "side") == chance(1, 2, "side")
    assert chance(1, 2, "side") != chance(2, 2, "side")
