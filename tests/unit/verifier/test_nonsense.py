"""Bundles made to break the verifier: whatever they state, it answers, and never `same verdict`."""

import copy
import json
import random  # noqa: TID251 -- seeded by the fixture
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evidence_world import EvidenceWorld
from tradesense_verify.bundle import Bundle
from tradesense_verify.cli import main
from tradesense_verify.findings import Unreadable
from tradesense_verify.log.entries import NESTED_MAX, parse
from tradesense_verify.report import json_of, lines_of
from tradesense_verify.verify import verify
from verifier_bundles import changed

DEEP = b"[" * 100_000 + b"]" * 100_000
WEIRD = [
    None, True, -1, 10**18, 10**30, -(10**400), 1.5, float("inf"), float("nan"), "", "x", "1", [],
    {}, [1], {"a": 1}, "9999-12-31", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00.000000Z",
    "EUR/USD", "clock", "../../x", "Europe/Prague", "\x1b[2J",
]  # fmt: skip
FUZZ_RUNS = 150


@pytest.fixture(scope="module")
def packed() -> bytes:
    world = EvidenceWorld()
    world.clock()
    world.quote(138_000, 138_010)
    world.start()
    world.buy(1_000_000)
    world.wait(1)
    world.quote(137_000, 137_010)
    return world.bundle()


@pytest.fixture
def judged(packed, tmp_path, capsys) -> Callable[..., tuple[int, str]]:
    """Run the command on the bundle with its files changed: exit status, and all it said."""

    def run(change: Callable[[dict[str, bytes]], None]) -> tuple[int, str]:
        status = main([str(changed(packed, tmp_path / "bundle.zip", change))])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return status, said.out + said.err

    return run


@pytest.mark.parametrize("name", ["manifest.json", "terms.json", "account.jsonl", "proofs.jsonl"])
def test_json_nested_beyond_reason_is_refused(judged, name):
    status, said = judged(lambda files: files.update({name: DEEP + b"\n"}))
    assert status in {1, 2}
    assert name in said


def test_nesting_is_allowed_up_to_its_bound():
    assert parse(b"[" * NESTED_MAX + b"]" * NESTED_MAX)
    with pytest.raises(ValueError, match="nests too deeply"):
        parse(b"[" * (NESTED_MAX + 1) + b"]" * (NESTED_MAX + 1))


def edited(name: str, edit: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, bytes]], None]:
    """Change the last line of a file of JSON lines."""

    def change(files: dict[str, bytes]) -> None:
        *rest, last = files[name].rstrip(b"\n").split(b"\n")
        told = json.loads(last)
        edit(told)
        files[name] = b"\n".join([*rest, plain(told)]) + b"\n"

    return change


def plain(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_a_proof_at_an_infinite_position_is_no_proof(judged):
    status, said = judged(edited("proofs.jsonl", lambda told: told.update(position=float("inf"))))
    assert status == 1
    assert "is no proof" in said


@pytest.mark.parametrize("symbol", [["EUR/USD"], 5, None])
def test_a_block_whose_symbol_is_no_text_seals_nothing(judged, symbol):
    status, said = judged(
        edited("tape.jsonl", lambda told: told["data"]["block"].update(symbol=symbol))
    )
    assert status == 1
    assert "seals no block of prices" in said


@pytest.mark.parametrize(
    ("field", "value"),
    [("price_digits", 10**18), ("qty_digits", 13), ("price_digits", -1), ("min_qty", 0)],
)
def test_terms_with_numbers_beyond_reason_are_no_terms(judged, field, value):
    status, said = judged(edited_terms(lambda told: told["instruments"][0].update({field: value})))
    assert status == 1
    assert "no rules that can be followed" in said


def edited_terms(edit: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        told = json.loads(files["terms.json"])
        edit(told)
        files["terms.json"] = plain(told)

    return change


def test_a_file_name_can_neither_add_a_line_nor_steer_the_terminal(judged):
    status, said = judged(lambda files: files.update({"\x1b[2J\nsame verdict: passed": b""}))
    assert status == 1
    assert "\x1b" not in said
    assert "same verdict: passed" not in said.splitlines()


def test_a_name_that_leads_out_of_the_bundle_is_written_nowhere(judged, tmp_path):
    status, said = judged(lambda files: files.update({"../outside": b"x", "/tmp/outside": b"x"}))
    assert status == 1
    assert "../outside: is not the file that the manifest lists" in said
    assert sorted(each.name for each in tmp_path.iterdir()) == ["bundle.zip"]


def refused(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main([str(path)]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    return said


def test_a_member_that_claims_to_be_packed_by_lzma_is_refused(tmp_path, capsys):
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("terms.json", "{}" * 100)
    text = bytearray(path.read_bytes())
    where = text.index(b"terms.json") + len("terms.json")
    text[where : where + 9] = b"\xff\xff\x05\x00\xff\xff\xff\xff\xff"
    path.write_bytes(bytes(text))
    refused(path, capsys)


def test_a_member_beyond_the_end_of_everything_is_refused(tmp_path, capsys):
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("terms.json", "{}")
    text = bytearray(path.read_bytes())
    central = text.rindex(b"PK\x01\x02")
    far = struct.pack("<HHQ", 1, 8, 2**64 - 1)  # zip64: the offset is in the extra field
    text[central + 42 : central + 46] = b"\xff" * 4
    text[central + 30 : central + 32] = struct.pack("<H", len(far))
    name_end = central + 46 + len("terms.json")
    text[name_end:name_end] = far
    end = text.rindex(b"PK\x05\x06")
    text[end + 12 : end + 16] = struct.pack("<I", end - central)
    path.write_bytes(bytes(text))
    refused(path, capsys)


def test_whatever_values_a_bundle_states_the_verifier_answers(packed, tmp_path, chance):
    good = bundle_of_zip(packed, tmp_path)
    for _ in range(FUZZ_RUNS):
        files = dict(good.files)
        name = chance.choice([each for each in files if each.endswith((".json", ".jsonl"))])
        files[name] = scrambled(files[name], chance)
        manifest = json.loads(files["manifest.json"])
        if not isinstance(manifest, dict):
            continue
        try:
            report = verify(Bundle(files, manifest), None)
        except Unreadable:
            continue
        lines_of(report)
        json.dumps(json_of(report))
        assert name == "manifest.json" or not report.same


def bundle_of_zip(packed: bytes, folder: Path) -> Bundle:
    path = folder / "good.zip"
    path.write_bytes(packed)
    with zipfile.ZipFile(path) as archive:
        files = {each: archive.read(each) for each in archive.namelist()}
    return Bundle(files, json.loads(files["manifest.json"]))


def scrambled(text: bytes, chance: random.Random) -> bytes:
    """Put something weird in the place of one value of one line."""
    lines = text.rstrip(b"\n").split(b"\n")
    number = chance.randrange(len(lines))
    told = json.loads(lines[number])
    *way, last = chance.choice([path for path in paths(told) if path])
    inner = told
    for step in way:
        inner = inner[step]
    old, inner[last] = inner[last], copy.deepcopy(chance.choice(WEIRD))
    if plain(inner[last]) == plain(old):
        del inner[last]
    lines[number] = plain(told)
    return b"\n".join(lines) + (b"\n" if text.endswith(b"\n") else b"")


def paths(value: object, so_far: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield so_far
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, (*so_far, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from paths(inner, (*so_far, number))
