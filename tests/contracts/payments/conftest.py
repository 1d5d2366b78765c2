"""One sandbox process for the whole suite: its tests never meet each other's objects."""

import pytest

from payment_sandbox import SandboxProcess


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory):
    process = SandboxProcess(tmp_path_factory.mktemp("sandbox"))
    process.start()
    yield process
    assert process.stop() == 0


@pytest.fixture
def client(sandbox):
    return sandbox.client()


@pytest.fixture
def key(request, chance):
    """An idempotency key of this test's own."""
    return f"{request.node.name}-{chance.getrandbits(64):x}"
