"""Whatever is changed in a bundle, the verifier says which part is wrong; a forger is found out."""

import json
import random  # noqa: TID251 -- seeded by the fixture
import zipfile
from hashlib import sha256
from io import BytesIO
from uuid import UUID

import pytest

from evidence_world import EvidenceWorld
from tradesense.kernel.canonical import canonical
from tradesense.trading.engine.state import Halt, Restore, Resume, Withdraw
from tradesense.trading.model import Reason
from tradesense_verify.cli import main


@pytest.fixture(scope="module")
def world() -> EvidenceWorld:
    """A short life with a bit of everything, and a breach at its end."""
    world = EvidenceWorld()
    world.clock()
    world.quote(138_000, 138_010)
    world.start()
    world.trade(100)
    world.ask_as_firm(Withdraw(UUID(int=1), 4_000))
    world.ask_as_firm(Withdraw(UUID(int=2), None))
    world.ask_as_firm(Restore(UUID(int=2)))
    world.ask_as_firm(Halt(Reason.UNDER_REVIEW))
    world.ask_as_firm(Resume())
    world.buy(10, symbol="ABC/DEF")
    world.buy(2_000_000, limit=130_000)
    waiting = world.sell(1_000, stop=120_000)
    world.cancel(waiting)
    world.wait(20 * 3_600)
    world.quote(138_000, 138_010)
    world.buy(1_000_000)
    world.wait(1)
    world.quote(137_000, 137_010)
    return world


@pytest.fixture(scope="module")
def packed(world: EvidenceWorld) -> bytes:
    return world.bundle()


def unpacked(packed: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(packed)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def verdict_on(files: dict[str, bytes], tmp_path, capsys, *arguments: str) -> tuple[int, str]:
    """Zip `files` again, with a manifest that fits them, and return what the verifier says."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"] = {
        name: sha256(text).hexdigest() for name, text in files.items() if name != "manifest.json"
    }
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in (files | {"manifest.json": canonical(manifest)}).items():
            archive.writestr(name, text)
    capsys.readouterr()
    status = main([str(path), *arguments])
    said = capsys.readouterr()
    return status, said.out + said.err


def test_the_untouched_bundle_has_the_same_verdict(packed, tmp_path, capsys):
    status, said = verdict_on(unpacked(packed), tmp_path, capsys)
    assert (status, said.splitlines()[-1]) == (0, "same verdict: failed")


PARTS = ["prices/", "terms.json", "account.jsonl", "challenge.jsonl", "tape.jsonl"]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("turn", range(12))
def test_one_changed_byte_is_found_and_its_part_named(
    *, packed, tmp_path, capsys, chance, part, turn
):
    chance.seed(f"{chance.random()} {turn}")
    files = unpacked(packed)
    name = chance.choice([each for each in files if each.startswith(part)])
    files[name] = with_a_byte_changed(files[name], chance)
    status, said = verdict_on(files, tmp_path, capsys)
    assert status == 1
    assert part in said.partition("WRONG:")[2]


def test_a_changed_name_of_the_rules_is_a_wrong_part_not_a_newer_version(packed, tmp_path, capsys):
    files = unpacked(packed)
    files["terms.json"] = files["terms.json"].replace(b"tradesense-rules-2", b"tradesense-rules-1")
    status, said = verdict_on(files, tmp_path, capsys)
    assert status == 1
    assert "terms.json" in said.partition("WRONG:")[2]


@pytest.mark.parametrize("name", ["proofs.jsonl", "checkpoint.txt", "vkey.txt"])
@pytest.mark.parametrize("turn", range(8))
def test_a_changed_byte_of_the_proof_itself_is_never_the_same_verdict(
    *, packed, tmp_path, capsys, chance, name, turn
):
    chance.seed(f"{chance.random()} {turn}")
    files = unpacked(packed)
    files[name] = with_a_byte_changed(files[name].rstrip(b"\n"), chance) + b"\n"
    status, said = verdict_on(files, tmp_path, capsys)
    assert status in {1, 2}, said
    assert "same verdict" not in said


def with_a_byte_changed(text: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(text))
    other = chance.choice([byte for byte in range(256) if byte != text[place]])
    return text[:place] + bytes([other]) + text[place + 1 :]


def test_the_manifest_names_a_file_that_was_damaged_on_the_way(packed, tmp_path, capsys):
    files = unpacked(packed)
    files["README.txt"] = files["README.txt"].replace(b"Check", b"check")
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    assert main([str(path)]) == 1
    assert "README.txt: is not the file that the manifest lists" in capsys.readouterr().out


def test_a_missing_price_file_is_named(packed, tmp_path, capsys):
    files = unpacked(packed)
    name = next(each for each in files if each.startswith("prices/EUR-USD/"))
    del files[name]
    status, said = verdict_on(files, tmp_path, capsys)
    assert status == 1
    assert f"{name} is missing" in said


def test_a_price_file_that_nothing_seals_is_named(packed, tmp_path, capsys):
    files = unpacked(packed)
    files["prices/EUR-USD/999999999999.csv"] = b"999999999999,1,quote,1,1,valid,0,,\n"
    status, said = verdict_on(files, tmp_path, capsys)
    assert status == 1
    assert "999999999999.csv is sealed by no entry" in said


NAMED = {"account.jsonl": "account.jsonl", "challenge.jsonl": "verdict", "tape.jsonl": "prices"}


@pytest.mark.parametrize("name", list(NAMED))
def test_a_line_left_out_is_found(packed, tmp_path, capsys, name):
    files = unpacked(packed)
    lines = files[name].splitlines(keepends=True)
    files[name] = b"".join(lines[:1] + lines[2:])
    status, said = verdict_on(files, tmp_path, capsys)
    assert status == 1
    assert NAMED[name] in said.partition("WRONG:")[2]


@pytest.mark.parametrize("name", ["account.jsonl", "challenge.jsonl", "tape.jsonl"])
def test_two_lines_in_the_wrong_order_are_found(packed, tmp_path, capsys, name):
    files = unpacked(packed)
    lines = files[name].splitlines(keepends=True)
    lines[0], lines[1] = lines[1], lines[0]
    files[name] = b"".join(lines)
    status, said = verdict_on(files, tmp_path, capsys)
    assert status == 1
    assert name in said
