"""Which of the platform's breakers are in its fleet, and under what names."""

import os
from contextlib import AbstractAsyncContextManager
from urllib.parse import urlsplit

from tradesense.infra.fleet.node import Node, joined
from tradesense.infra.policies import REDIS
from tradesense.infra.runtime import Runtime
from tradesense.infra.settings import Settings


def joined_as(role: str, runtime: Runtime) -> AbstractAsyncContextManager[Node]:
    """
    Let this process, the one of its data folder that does `role`, be in its instance's fleet.

    Redis's own breaker stays out: whoever cannot reach Redis could not tell the others.
    """
    guards = [policy for policy in runtime.policies if policy.name != REDIS]
    settings = runtime.settings
    node = f"{role}@{os.uname().nodename}:{settings.home}"
    return joined(runtime.redis, guards, node=node, fleet=fleet_of(settings))


def fleet_of(settings: Settings) -> str:
    """Return a name that all machines of an instance share, and no other instance has."""
    database = urlsplit(settings.database_url).path
    return settings.key_for(f"fleet of {database}").hex()[:16]
