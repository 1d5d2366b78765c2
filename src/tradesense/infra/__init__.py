"""
The outside world: PostgreSQL, Redis, HTTP, settings, clocks, servers we start ourselves.

Owns     the tables `infra_commits`, `infra_leases` and `infra_idempotency`.
Promises a verb commits once per key, or not at all, or says that it cannot know;
         the network is never awaited inside a transaction.
"""
