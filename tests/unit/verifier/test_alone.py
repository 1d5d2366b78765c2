"""The verifier stands alone: a stranger installs it, cryptography and tzdata, and nothing else."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HOME = Path(__file__).parents[3] / "verifier"
SOURCE = HOME / "src" / "tradesense_verify"
ALLOWED = {"tradesense_verify", "cryptography", "tzdata"} | set(sys.stdlib_module_names)


@pytest.mark.parametrize("file", sorted(SOURCE.rglob("*.py")), ids=lambda f: f.name)
def test_a_file_imports_nothing_of_the_platform(file):
    for node in ast.walk(ast.parse(file.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names = [node.module or ""]
        assert {name.partition(".")[0] for name in names} <= ALLOWED


def test_it_declares_what_it_needs_and_no_more():
    project = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]
    assert [each.partition(">")[0] for each in project["dependencies"]] == [
        "cryptography",
        "tzdata",
    ]


def test_it_runs_without_the_platform_in_sight(tmp_path):
    code = "import sys; from tradesense_verify import cli; print('tradesense' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(HOME / "src")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "False\n"


def test_the_command_says_what_it_does():
    ran = subprocess.run(
        [sys.executable, "-m", "tradesense_verify.cli", "--help"],
        env={"PYTHONPATH": str(HOME / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Exit status: 0 the same verdict" in ran.stdout
