"""People who have signed in, over HTTP and at the command line."""

import os
import sys
from dataclasses import dataclass
from uuid import UUID

import httpx


@dataclass
class Person:
    """Somebody who has signed in; each call has a key of its own unless it says which."""

    client: httpx.AsyncClient
    user_id: UUID
    token: str
    calls: int = 0

    @property
    def by(self) -> str:
        """As the trail calls them when they act for the firm."""
        return f"operator:{self.user_id}"

    async def post(self, path, json=None, key=None):
        self.calls += 1
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Idempotency-Key": key or f"{self.token}-{self.calls}",
        }
        return await self.client.post(path, json=json, headers=headers)

    async def get(self, path):
        return await self.client.get(path, headers={"Authorization": f"Bearer {self.token}"})


def environment_of(settings):
    """Return what a command needs to act on the test's own instance."""
    return {
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "TRADESENSE_HOME": str(settings.home),
        "TRADESENSE_DATABASE_URL": settings.database_url,
        "TRADESENSE_OWNER_URL": settings.owner_url,
        "TRADESENSE_SEALER_URL": settings.sealer_url,
        "TRADESENSE_REDIS_URL": settings.redis_url,
        "TRADESENSE_SECRET": settings.secret,
        "TRADESENSE_LOG_LEVEL": "error",
    }
