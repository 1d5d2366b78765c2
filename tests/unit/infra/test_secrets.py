"""Secrets: made once, private, and never silently made anew."""

import stat

import pytest

from tradesense.infra.embedded import Secrets
from tradesense.infra.embedded.secrets import SecretsUnreadable


def test_are_made_once(tmp_path):
    assert Secrets.find(tmp_path) is None
    made = Secrets.make(tmp_path)
    assert Secrets.make(tmp_path) == made == Secrets.find(tmp_path)


def test_only_their_owner_may_read_them(tmp_path):
    Secrets.make(tmp_path)
    folder = tmp_path / "secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_draft_left_by_a_crash_does_no_harm(tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / ".instance.json.new").write_text("{")
    assert Secrets.make(tmp_path) == Secrets.find(tmp_path)


@pytest.mark.parametrize("damaged", ["", "{", "[]", '{"unknown": 1}', "null"])
def test_a_damaged_file_is_reported_not_replaced(tmp_path, damaged):
    Secrets.make(tmp_path)
    path = tmp_path / "secrets" / "instance.json"
    path.write_text(damaged)
    with pytest.raises(SecretsUnreadable, match=r"instance\.json"):
        Secrets.make(tmp_path)
    assert path.read_text() == damaged


def test_are_not_shown():
    secrets = Secrets()
    assert secrets.master not in repr(secrets)
