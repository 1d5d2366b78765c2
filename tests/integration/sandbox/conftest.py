"""A sandbox of each test's own, because these tests kill it."""

import pytest

from payment_sandbox import SandboxProcess


@pytest.fixture
def sandbox(tmp_path):
    process = SandboxProcess(tmp_path)
    process.start()
    yield process
    if process.process.poll() is None:
        process.stop()
