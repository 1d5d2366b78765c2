"""The policies of all processes of this machine, as Prometheus reads them."""

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from tradesense.infra.policies.reports import Report
from tradesense.resilience.breaker import State
from tradesense.resilience.policy import BOUNDS_S

_LABELS = ["process", "policy"]
_COUNTERS = {
    "failures": "Calls that were made and failed",
    "cut_off": "Calls that were given up on their way: they may have happened",
    "retries": "Tries after the first",
    "gave_up": "Calls that failed after their last try",
    "hedges": "Second calls sent because the first was slow",
    "budget_refused": "Extra tries that the budget did not allow",
    "fallbacks": "Calls that an alternative answered",
}
# Where a part of a policy says it: part, field, name of the metric, what it is.
_GAUGES = (
    ("breaker", "calls", "breaker_window_calls", "Calls in the breaker's window"),
    ("breaker", "failures", "breaker_window_failures", "Failures in the breaker's window"),
    ("breaker", "rest_left_s", "breaker_rest_left_seconds", "Until a probe may be sent"),
    ("bulkhead", "limit", "places", "Calls that may be underway at once"),
    ("bulkhead", "in_use", "places_in_use", "Calls underway"),
    ("bulkhead", "waiting", "waiting", "Calls that wait for a place"),
)


def exposition(reports: Iterable[Report]) -> bytes:
    """Return the `tradesense_policy_*` metrics of `reports` in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Told(reports))
    return generate_latest(registry)


class _Told(Collector):
    def __init__(self, reports: Iterable[Report]) -> None:
        self._rows = [([r.process, p["name"]], p) for r in reports for p in r.policies]

    def collect(self) -> Iterator[Metric]:
        """Yield each metric over all policies of all processes."""
        yield self._states()
        for field, meaning in _COUNTERS.items():
            counter = CounterMetricFamily(f"tradesense_policy_{field}", meaning, labels=_LABELS)
            for labels, policy in self._rows:
                counter.add_metric(labels, policy[field])
            yield counter
        yield self._refusals()
        yield self._opened()
        yield self._latency()
        yield _gauge("budget_left", "Extra tries that are saved up", self._values("budget_left"))
        for part, field, name, meaning in _GAUGES:
            values = [(at, p[part][field]) for at, p in self._rows if p[part] is not None]
            yield _gauge(name, meaning, values)

    def _values(self, field: str) -> list[tuple[list[str], float]]:
        return [(labels, policy[field]) for labels, policy in self._rows]

    def _states(self) -> Metric:
        state = GaugeMetricFamily(
            "tradesense_policy_state",
            "1 for the state that the breaker is in, 0 for the others",
            labels=[*_LABELS, "state"],
        )
        for labels, policy in self._rows:
            if policy["breaker"] is not None:
                for each in State:
                    state.add_metric([*labels, each], each == policy["breaker"]["state"])
        return state

    def _refusals(self) -> Metric:
        refusals = CounterMetricFamily(
            "tradesense_policy_refusals",
            "Calls that were not made, by the guard that refused",
            labels=[*_LABELS, "guard"],
        )
        for labels, policy in self._rows:
            for guard, count in policy["refusals"].items():
                refusals.add_metric([*labels, guard], count)
        return refusals

    def _opened(self) -> Metric:
        opened = CounterMetricFamily(
            "tradesense_policy_opened", "How often the breaker opened by itself", labels=_LABELS
        )
        for labels, policy in self._rows:
            if policy["breaker"] is not None:
                opened.add_metric(labels, policy["breaker"]["times_opened"])
        return opened

    def _latency(self) -> Metric:
        latency = HistogramMetricFamily(
            "tradesense_policy_latency_seconds",
            "How long calls took that were made, whatever came of them",
            labels=_LABELS,
        )
        for labels, policy in self._rows:
            counts: list[Any] = policy["latency"]["counts"]
            bounds = [*map(str, BOUNDS_S), "+Inf"]
            buckets = list(zip(bounds, accumulate(counts), strict=True))
            latency.add_metric(labels, buckets, policy["latency"]["sum_s"])
        return latency


def _gauge(name: str, meaning: str, values: Iterable[tuple[list[str], float]]) -> Metric:
    gauge = GaugeMetricFamily(f"tradesense_policy_{name}", meaning, labels=_LABELS)
    for labels, value in values:
        gauge.add_metric(labels, value)
    return gauge
