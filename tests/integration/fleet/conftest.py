"""A fleet of processes, of one test."""

import pytest

from fleet_world import fleet_world


@pytest.fixture
async def world(tmp_path):
    async with fleet_world(tmp_path) as lent:
        yield lent
