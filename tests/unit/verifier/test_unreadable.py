"""What is no bundle gets one clear line and exit status 2, never a traceback."""

import json
import random  # noqa: TID251 -- seeded by the fixture
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from evidence_world import EvidenceWorld
from tradesense_verify import bundle as bundle_module
from tradesense_verify.bundle import NEEDED
from tradesense_verify.cli import main
from verifier_bundles import changed


@pytest.fixture(scope="module")
def packed() -> bytes:
    world = EvidenceWorld()
    world.clock()
    world.quote(138_000)
    world.start()
    world.trade(10)
    return world.bundle()


def refused(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main([str(path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("tradesense-verify: ")
    assert len(said.err.splitlines()) == 1
    return said.err


def test_a_file_that_does_not_exist(tmp_path, capsys):
    assert "No such file" in refused(tmp_path / "none.zip", capsys)


def test_a_folder(tmp_path, capsys):
    assert "cannot open" in refused(tmp_path, capsys)


def test_a_file_that_is_no_zip(tmp_path, capsys):
    path = tmp_path / "bundle.zip"
    path.write_bytes(b"hello")
    assert "no zip file" in refused(path, capsys)


def test_an_empty_file(tmp_path, capsys):
    path = tmp_path / "bundle.zip"
    path.touch()
    refused(path, capsys)


def test_a_truncated_bundle(tmp_path, capsys, packed):
    path = tmp_path / "bundle.zip"
    for share in (0.2, 0.5, 0.9, 0.99):
        path.write_bytes(packed[: int(len(packed) * share)])
        refused(path, capsys)


def test_another_zip_file(tmp_path, capsys):
    path = tmp_path / "holiday.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("beach.txt", "sun")
    assert "is no evidence bundle" in refused(path, capsys)


@pytest.mark.parametrize("name", NEEDED)
def test_a_bundle_without_one_of_its_files(tmp_path, capsys, packed, name):
    path = changed(packed, tmp_path / "bundle.zip", lambda files: files.pop(name))
    assert f"{name} missing" in refused(path, capsys)


def test_a_bundle_with_two_files_of_one_name(tmp_path, capsys, packed):
    path = tmp_path / "bundle.zip"
    path.write_bytes(packed)
    with (
        pytest.warns(UserWarning, match="Duplicate name"),
        zipfile.ZipFile(path, "a") as archive,
    ):
        archive.writestr("terms.json", "{}")
    assert "two files of one name" in refused(path, capsys)


def test_a_bundle_of_another_format(tmp_path, capsys, packed):
    def change(files: dict[str, bytes]) -> None:
        files["manifest.json"] = b'{"format":"tradesense-evidence-9"}'

    path = changed(packed, tmp_path / "bundle.zip", change)
    assert "does not say tradesense-evidence-1" in refused(path, capsys)


def test_terms_of_a_newer_rule_version_ask_for_a_newer_verifier(tmp_path, capsys, packed):
    def change(files: dict[str, bytes]) -> None:
        before = files["terms.json"]
        after = before.replace(b"rules-2", b"rules-9")
        files["terms.json"] = after
        files["account.jsonl"] = files["account.jsonl"].replace(
            sha256(before).hexdigest().encode(), sha256(after).hexdigest().encode()
        )

    path = changed(packed, tmp_path / "bundle.zip", change)
    assert "get a newer one" in refused(path, capsys)


def test_any_byte_of_the_file_itself_changed_is_refused_or_found(tmp_path, capsys, packed, chance):
    path = tmp_path / "bundle.zip"
    for _ in range(60):
        path.write_bytes(_flipped(packed, chance))
        capsys.readouterr()
        status = main([str(path), "--json"])
        told = json.loads(capsys.readouterr().out)
        # A few bytes of a zip mean nothing (dates, attributes): then the content is whole.
        assert (status == 0) == told["same"]
        assert status in {0, 1, 2}


def _flipped(packed: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(packed))
    return (
        packed[:place] + bytes([packed[place] ^ (1 << chance.randrange(8))]) + packed[place + 1 :]
    )


def test_a_bundle_that_would_unpack_to_too_much_is_not_unpacked(tmp_path, capsys):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("prices/a.csv", b"0" * 1_000)
    text = bytearray(path.read_bytes())
    where = text.rindex(b"PK\x01\x02") + 24  # the size in the central directory
    text[where : where + 4] = (bundle_module.BYTES_MAX + 1).to_bytes(4, "little")
    path.write_bytes(bytes(text))
    assert "would unpack to more than" in refused(path, capsys)
