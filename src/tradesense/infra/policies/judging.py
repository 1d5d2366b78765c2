"""
What shows that a dependency is in trouble, said without loading its client.

A process holds in memory only what its own work takes: an engine that asks nobody over HTTP has a
policy for the payment provider, and no HTTP client.
"""

from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from tradesense.kernel.errors import OutcomeUnknown
from tradesense.resilience import PolicySettings, Refused


def is_failing(answer: Any) -> bool:
    """Say whether an answer shows a server in trouble: 5xx and 429. Other 4xx are about us."""
    status = answer.status_code
    return bool(
        status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS
    )


def judging(settings: PolicySettings) -> PolicySettings:
    """Return `settings` whose breaker, if there is one, judges HTTP answers and httpx' errors."""
    if settings.breaker is None:
        return settings
    return replace(
        settings,
        breaker=replace(
            settings.breaker,
            failing_result=is_failing,
            failures=(named("httpx", "RequestError"), OutcomeUnknown),
            ignored=(Refused, named("httpx", "PoolTimeout")),  # our own limits
        ),
    )


def named(package: str, name: str) -> Callable[[BaseException], bool]:
    """Return a question that knows the exceptions `name` of `package`, and all that derive."""

    def is_one(error: BaseException) -> bool:
        return any(
            each.__name__ == name and each.__module__.partition(".")[0] == package
            for each in type(error).__mro__
        )

    return is_one
