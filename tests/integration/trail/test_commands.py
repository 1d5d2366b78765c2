"""`tradesense trail ...`, as people and scripts use it."""

import json
import subprocess
import sys

import psycopg
import pytest
from typer.testing import CliRunner

from integration.trail.facts import noted, seal_now
from tradesense.app.cli.trail import app
from tradesense.kernel.errors import NotFound
from tradesense.trail import record
from tradesense.trail.proof.note import BadNote, SigningKey


@pytest.fixture
async def sealed(db, sealer_db, tmp_path):
    await db.run(lambda tx: record(tx, *[noted(str(n)) for n in range(20)]), key="1")
    log = await seal_now(sealer_db, tmp_path)
    await db.run(lambda tx: record(tx, noted("late", "account:late")), key="2")
    return log


@pytest.fixture
def run(sealed, environment):
    here = environment | {"TRADESENSE_HOME": str(sealed.witness.folder.parent)}

    def run(*arguments, **changes):
        return CliRunner().invoke(app, [str(a) for a in arguments], env=here | changes)

    return run


@pytest.fixture
def tampered(database, sealed):
    assert sealed.progress.frontier.size == 20
    with psycopg.connect(database.superuser) as conn:
        conn.execute("ALTER TABLE trail_entries DISABLE TRIGGER ALL")
        conn.execute("UPDATE trail_entries SET canonical = canonical || ' '::bytea WHERE id = 7")


def test_verify_says_what_it_checked(run, sealed):
    told = run("verify")

    assert told.exit_code == 0
    assert "✓ 20 entries" in told.output
    assert "✓ 20 entries as the witness has seen them" in told.output
    assert str(sealed.key.public) in told.output
    assert "1 more wait to be sealed" in told.output


def test_verify_says_it_to_a_machine(run, sealed):
    told = json.loads(run("verify", "--json").output)

    assert told["ok"] is True
    assert told["size"] == told["witnessed"] == 20
    assert told["root"] == sealed.progress.frontier.root.hex()
    assert told["first_wrong_position"] is None


@pytest.mark.breaks_invariants
@pytest.mark.usefixtures("tampered")
def test_verify_names_the_first_wrong_position(run):
    told = run("verify")

    assert told.exit_code == 1
    assert "First wrong: position 7" in told.output
    assert "entry 7 (account:1 version 7, Noted)" in told.output

    facts = json.loads(run("verify", "--json").output)
    assert facts["first_wrong_position"] == 7
    assert facts["ok"] is False


def test_verify_holds_the_trail_to_a_kept_checkpoint_and_a_pinned_key(run, sealed, tmp_path):
    kept = tmp_path / "kept"
    assert run("checkpoint", "-o", kept).exit_code == 0
    key = run("key").output.strip()

    assert key == str(sealed.key.public)
    assert run("verify", "--checkpoint", kept, "--key", key).exit_code == 0
    (tmp_path / "pinned").write_text(key)
    assert run("verify", "--checkpoint", kept, "--key", tmp_path / "pinned").exit_code == 0

    other = SigningKey("tradesense/other", bytes(32)).public
    assert run("verify", "--key", other).exit_code == 1
    assert isinstance(run("verify", "--checkpoint", kept, "--key", other).exception, BadNote)


def test_checkpoint_prints_a_signed_note(run, sealed):
    note = run("checkpoint").output

    assert sealed.key.public.open(note).size == 20


@pytest.mark.parametrize("entry", ["17", "account:1#17"])
def test_a_proof_holds_for_a_stranger(run, sealed, tmp_path, entry):
    file = tmp_path / "entry.tlog-proof"
    stranger = {"TRADESENSE_HOME": str(tmp_path / "nothing here")}
    stranger |= {f"TRADESENSE_{role}_URL": "" for role in ("DATABASE", "OWNER", "SEALER", "REDIS")}

    assert "is entry 17 of 20" in run("prove", entry, "-o", file).output

    told = run("check-proof", file, "--key", sealed.key.public, **stranger)
    assert told.exit_code == 0, told.output
    assert "✓ entry 17 of 20" in told.output
    facts = json.loads(run("check-proof", file, "--key", sealed.key.public, "--json").output)
    assert facts["entry"]["data"] == {"text": "16"}


def test_a_forged_proof_does_not_hold(run, tmp_path):
    file = tmp_path / "entry.tlog-proof"
    run("prove", "17", "-o", file)
    file.write_text(file.read_text().replace("index 16", "index 15"))

    told = run("check-proof", file)

    assert told.exit_code == 1
    assert "does not lead from this entry at position 16" in told.output


def test_prove_tells_a_machine_every_part(run, sealed):
    facts = json.loads(run("prove", "1", "--json").output)

    assert facts["position"] == 1
    assert facts["root"] == sealed.progress.frontier.root.hex()
    assert json.loads(facts["canonical"]) == facts["entry"]


@pytest.mark.breaks_invariants
@pytest.mark.usefixtures("tampered")
def test_an_entry_that_was_changed_cannot_be_proven(run):
    told = run("prove", "7")

    assert told.exit_code == 1
    assert "does not lead to the signed root" in str(told.exception)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("prove", "0"), "position 0 is not sealed"),
        (("prove", "21"), "the trail has 20"),
        (("prove", "account:late#1"), "is not sealed yet"),
    ],
)
def test_what_is_not_sealed_cannot_be_proven(run, arguments, message):
    told = run(*arguments)

    assert isinstance(told.exception, NotFound)
    assert message in str(told.exception)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("prove", "seventeen"), "name a position (17) or stream#version"),
        (("prove", "#1"), "name a position"),
        (("prove", "account:1#99"), "has no version 99"),
        (("show", "account:nobody"), "nothing is recorded"),
        (("check-proof", "nowhere"), "cannot read nowhere"),
        (("verify", "--witness", "nowhere"), "holds no checkpoint"),
        (("verify", "--checkpoint", "nowhere"), "cannot read nowhere"),
        (("verify", "--key", "nowhere"), "cannot read nowhere"),
        (("checkpoint", "-o", "/nowhere/at/all"), "cannot write"),
    ],
)
def test_a_wrong_request_is_told_what_would_be_right(run, arguments, message):
    told = run(*arguments)

    assert told.exit_code == 2
    assert message in " ".join(told.output.replace("│", " ").split())


def test_show_tells_a_streams_story(run):
    told = run("show", "account:1").output

    assert "@20" in told
    assert '{"text": "19"}' in told
    assert "unsealed" in run("show", "account:late").output
    assert [e["version"] for e in json.loads(run("show", "account:1", "--json").output)] == [
        *range(1, 21)
    ]


def test_status_tells_how_far_we_are(run):
    facts = json.loads(run("status", "--json").output)

    assert facts["sealed"] == facts["witnessed"] == 20
    assert facts["waiting"] == 1
    assert "witnessed    20" in run("status").output


def test_the_installed_command_ends_with_one_line_and_a_code(sealed, environment, tmp_path):
    assert sealed
    told = subprocess.run(
        [sys.executable, "-m", "tradesense.app.cli", "trail", "key"],
        env=environment | {"TRADESENSE_HOME": str(tmp_path / "empty")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert told.returncode == 2
    assert told.stderr.startswith("tradesense: no public key")
    assert len(told.stderr.splitlines()) == 1
