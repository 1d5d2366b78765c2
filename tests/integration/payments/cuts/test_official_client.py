"""Calls that others make of Stripe, by its official client, cut off anywhere and said again."""

import asyncio

import pytest
import stripe

from cut_world import PRICE, plan, require_every_place
from cutting_proxy import Ending, Target
from payment_sandbox import API_KEY

BOTH = (Ending.FIN, Ending.RST)
TRIES_MAX = 2


def repeated(call, key):
    """Call under one key until there is an answer; return it, and how often that was in vain."""
    for tried in range(TRIES_MAX):
        try:
            return call({"idempotency_key": key}), tried
        except stripe.APIConnectionError:
            continue
        except stripe.APIError as broken:
            # Its transport takes half a body for a whole one; that it is no JSON tells.
            if "Invalid response body" not in str(broken):
                raise
    pytest.fail(f"{key} was cut more than once")


async def cut_everywhere(market, chance, begins, calls):
    """Make each of `calls` (key -> call) through its own cut, after one that is not cut."""
    keys = iter(calls.items())
    target = Target(begins)
    market.proxy.watching.append(target)
    first_key, first = next(keys)
    await asyncio.to_thread(repeated, first, first_key)
    market.proxy.answer_length = len(market.proxy.watched[target][1])
    the_plan = plan(market.proxy.watched[target], chance, endings=BOTH, parts=12)
    cuts = [each for each in the_plan.cuts if each.ending is not Ending.HANG]
    for cut, (key, call) in zip(cuts, keys, strict=False):
        market.proxy.armed[Target(begins, f"{key}\r\n")] = cut
        _, in_vain = await asyncio.to_thread(repeated, call, key)
        assert in_vain == (cut.place != "answered, before close")
    require_every_place(type(the_plan)(the_plan.places, tuple(cuts)), market.proxy, target)
    return len(cuts) + 1


def client_of(market):
    """The official client, behind the proxy; it asks each time once, over its own connection."""
    return stripe.StripeClient(
        API_KEY, base_addresses={"api": market.proxy.base}, max_network_retries=0
    ).v1


async def test_a_confirmation_charges_once(open_market, sandbox, chance):
    async with open_market("stripe") as market:
        v1 = client_of(market)
        direct = sandbox.client().v1.payment_intents
        made = [direct.create({"amount": PRICE.minor, "currency": "usd"}).id for _ in range(80)]

        def confirm(intent):
            card = {"payment_method": "pm_card_visa"}
            return lambda options: v1.payment_intents.confirm(intent, card, options)

        calls = {f"confirm-{number:03}": confirm(intent) for number, intent in enumerate(made)}
        count = await cut_everywhere(market, chance, "POST /v1/payment_intents/", calls)

        charges = list(sandbox.client().v1.charges.list({"limit": 100}).auto_paging_iter())
        assert sorted(each.payment_intent for each in charges) == sorted(made[:count])


async def test_a_payout_is_made_once(open_market, sandbox, chance):
    async with open_market("stripe") as market:
        v1 = client_of(market)
        direct = sandbox.client().v1
        paid = {"amount": 9_000_000, "currency": "usd", "confirm": True}
        direct.payment_intents.create({**paid, "payment_method": "pm_card_visa"})
        before = direct.balance.retrieve().available[0].amount

        def pay_out(minor):
            asked = {"amount": minor, "currency": "usd"}
            return lambda options: v1.payouts.create(asked, options)

        amounts = range(1_000, 1_080)
        calls = {f"payout-{minor}": pay_out(minor) for minor in amounts}
        count = await cut_everywhere(market, chance, "POST /v1/payouts ", calls)

        payouts = list(direct.payouts.list({"limit": 100}).auto_paging_iter())
        assert sorted(each.amount for each in payouts) == list(amounts[:count])
        after = direct.balance.retrieve().available[0].amount
        assert before - after == sum(amounts[:count])
