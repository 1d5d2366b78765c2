"""
The policies of a platform, by name: built together, so that their fallbacks lead somewhere.

    policies = Policies({
        "alpha": PolicySettings(breaker=..., fallback_to=("yahoo",)),
        "yahoo": PolicySettings(breaker=...),
    })
    quotes = policies.rotation("alpha", {"alpha": ask_alpha, "yahoo": ask_yahoo})
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import ParamSpec, TypeVar

from tradesense.kernel.errors import OutcomeUnknown, Unavailable
from tradesense.resilience.fallback.rotation import Provider, Rotation
from tradesense.resilience.fallback.stale import StaleIfError
from tradesense.resilience.happenings import Listener
from tradesense.resilience.policy.policy import Policy
from tradesense.resilience.policy.settings import PolicySettings, chain_of, require_no_circle
from tradesense.resilience.settings import BadSetting
from tradesense.resilience.sorts import Sort
from tradesense.resilience.surroundings import REAL, Surroundings

P = ParamSpec("P")
R = TypeVar("R")


class Policies:
    """Policies by name. Raises BadSetting for a fallback that leads nowhere, or in a circle."""

    def __init__(
        self,
        settings: Mapping[str, PolicySettings],
        *,
        surroundings: Surroundings = REAL,
        listeners: Iterable[Listener] = (),
    ) -> None:
        require_no_circle(settings)
        heard = tuple(listeners)
        self._settings = dict(settings)
        self._listeners = heard
        self._made = {
            name: Policy(name, one, surroundings=surroundings, listeners=heard)
            for name, one in settings.items()
        }

    def __iter__(self) -> Iterator[Policy]:
        return iter(self._made.values())

    def __getitem__(self, name: str) -> Policy:
        """Return the policy called `name`. Raises KeyError if there is none."""
        return self._made[name]

    def rotation(
        self,
        first: str,
        ask: Mapping[str, Callable[P, Awaitable[R]]],
        *,
        on: tuple[Sort, ...] = (Unavailable, OutcomeUnknown),
        last: StaleIfError | None = None,
    ) -> Rotation[P, R]:
        """
        Return the rotation that begins at `first` and follows `fallback_to`.

        `ask` says how to ask each; raises BadSetting if it leaves one out. See `Rotation`.
        """
        names = chain_of(self._settings, first)
        missing = [name for name in names if name not in ask]
        if missing:
            raise BadSetting("ask", f"does not say how to ask {', '.join(missing)}")
        providers = [Provider(self._made[name], ask[name]) for name in names]
        return Rotation(first, providers, on=on, last=last, listeners=self._listeners)
