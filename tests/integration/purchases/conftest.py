import pytest

from purchase_world import Shop


@pytest.fixture
def shop(runtime, sealer_db, tmp_path):
    return Shop(runtime, sealer_db, tmp_path)
