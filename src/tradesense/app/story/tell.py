"""Tells one story from beginning to end: reads prices, writes the scripts, plays, judges."""

import tempfile
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from tradesense.app.story.driver import Play, Say, end_of, steps_of
from tradesense.app.story.facts import Facts, gather
from tradesense.app.story.instance import Instance, running
from tradesense.app.story.kills import schedule
from tradesense.app.story.plot.script import Phase, Script, Sizing, write
from tradesense.challenges import Plan, get_plan
from tradesense.infra import http
from tradesense.kernel.errors import Invalid
from tradesense.kernel.instants import from_us
from tradesense.market import (
    Instrument,
    Quote,
    SimulatedMarket,
    get_instrument,
    is_open,
    open_files,
)
from tradesense.resilience import Policy, PolicySettings

REQUEST_TIMEOUT_S = 15.0
PLAN = "ftmo-2step-100k"
BEFORE_FIRST_PRICE = timedelta(minutes=1)  # the accounts open before anything can be traded
TARGETS = (
    "api", "worker", "engine", "feed", "scheduler", "sealer", "sandbox", "postgres", "valkey",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to tell: price files (none: a simulated market), seed, how many kills, where to."""

    prices: Sequence[Path]
    layout: str | None
    seed: int
    kills: int
    home: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """What is known before the first price is played."""

    plan: Plan
    instrument: Instrument
    scripts: Sequence[Script]
    start: datetime
    end: datetime


async def tell(request: Request, say: Say) -> Facts:
    """Play the story and return its facts. Raises Invalid for prices that no script can use."""
    plot = plot_of(request)
    kills = schedule(
        seed=request.seed, count=request.kills, steps=steps_of(plot.scripts), targets=TARGETS
    )
    with _home(request.home) as home:
        started = running(
            home,
            start=plot.start,
            prices=request.prices,
            layout=request.layout,
            seed=request.seed,
        )
        async with started as instance, _client(instance) as platform:
            play = _play(plot, instance, platform, request.seed)
            await play.run(kills, say)
            bundles = home / "evidence"
            bundles.mkdir(exist_ok=True)
            return await gather(play, bundles)


def plot_of(request: Request) -> Plot:
    """Read the prices and write the scripts. Raises Invalid, BadPrices, UnknownSymbol."""
    plan = get_plan(PLAN)
    quotes = _quotes(request)
    instrument = _tradable({quote.symbol for quote in quotes}, plan)
    judging = [
        quote
        for quote in quotes
        if quote.symbol == instrument.symbol
        and quote.bid <= quote.ask
        and is_open(instrument, quote.at_us)
    ]
    if not judging:
        raise Invalid(
            f"no price of {instrument.symbol} falls into a session; nothing can be traded"
        )
    sizing = Sizing(
        instrument=instrument,
        initial_minor=plan.initial.minor,
        leverage=plan.leverage,
        account_currency=plan.initial.currency,
    )
    phases = [
        Phase(target_bp=phase.target_bp, days_min=phase.days_min)
        for phase in plan.programme.phases
        if phase.target_bp is not None
    ]
    zone = plan.programme.reset_zone
    return Plot(
        plan=plan,
        instrument=instrument,
        scripts=write(judging, sizing=sizing, zone=zone, phases=phases),
        start=from_us(quotes[0].at_us) - BEFORE_FIRST_PRICE,
        end=end_of(max(quote.at_us for quote in quotes)),
    )


def _quotes(request: Request) -> list[Quote]:
    """Return the prices the feed will play; the same ones, from the same place."""
    if request.prices:
        return list(open_files(request.prices, layout=request.layout, seed=request.seed).quotes())
    return list(SimulatedMarket(seed=request.seed).quotes())


def _tradable(quoted: AbstractSet[str], plan: Plan) -> Instrument:
    """Return what the scripts trade: the first of the plan's symbols that needs no second one."""
    for symbol in plan.symbols:
        if symbol in quoted:
            instrument = get_instrument(symbol)
            if plan.initial.currency in {instrument.base, instrument.quote}:
                return instrument
    raise Invalid(
        f"the story trades one symbol with {plan.initial.currency} in it, under {plan.code}:"
        f" {', '.join(plan.symbols)}; these files hold only {', '.join(sorted(quoted))}"
    )


def _client(instance: Instance) -> httpx.AsyncClient:
    # A killed API leaves dead connections behind: keep none for long.
    limits = httpx.Limits(keepalive_expiry=1.0)
    policy = Policy("story", PolicySettings(timeout_s=REQUEST_TIMEOUT_S))
    return http.client(
        policy, base_url=instance.address, timeout_s=REQUEST_TIMEOUT_S, limits=limits
    )


def _play(plot: Plot, instance: Instance, platform: httpx.AsyncClient, seed: int) -> Play:
    return Play(
        instance=instance,
        platform=platform,
        plan=plot.plan.code,
        instrument=plot.instrument,
        scripts=plot.scripts,
        seed=seed,
        start=plot.start,
        end=plot.end,
    )


@contextmanager
def _home(wanted: Path | None) -> Iterator[Path]:
    """Yield the folder of the instance: the wanted one, kept, or a temporary one, removed."""
    if wanted is not None:
        wanted.mkdir(parents=True, exist_ok=True)
        yield wanted
        return
    with tempfile.TemporaryDirectory(prefix="tradesense-story-") as folder:
        yield Path(folder)
