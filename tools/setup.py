"""
Sets up everything the project needs, from package registries alone, and nothing twice.

    python3 tools/setup.py run     what the platform needs
    python3 tools/setup.py test    that, and what the checks need

It makes `.venv` from a lock file with hashes, installs our own distributions into it, and puts
the front-end libraries beside the pages that use them. A stamp remembers what each was made
from: where nothing changed, nothing is done. Standard library only; Python 3.11 or newer.
"""

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
VENV = ROOT / ".venv"
STAMP = VENV / "made-from.json"
OURS = [folder for folder in (ROOT, ROOT / "verifier") if (folder / "pyproject.toml").exists()]
VENDOR = ROOT / "src" / "tradesense" / "app" / "web" / "static" / "vendor"
VENDORED = (
    "htmx.org/dist/htmx.min.js",
    "htmx.org/dist/ext/hx-sse.min.js",
    "htmx.org/LICENSE",
    "lightweight-charts/dist/lightweight-charts.standalone.production.js",
    "lightweight-charts/LICENSE",
)
PYTHON_MIN = (3, 11)


class CannotSetUp(Exception):
    """Something is missing that only a person can provide; the message says what."""


def main(purpose: str) -> None:
    """Bring `.venv` and the front-end libraries up to date for `purpose`, `run` or `test`."""
    if sys.version_info < PYTHON_MIN:
        raise CannotSetUp(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}")
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two calls at once: the second finds all done
        with ThreadPoolExecutor() as both:
            for made in [both.submit(set_up_python, purpose), both.submit(set_up_web)]:
                made.result()


def set_up_python(purpose: str) -> None:
    """Install the lock file of `purpose` and our distributions, unless that was done already."""
    made = json.loads(STAMP.read_text()) if STAMP.exists() else {}
    if made.get(purpose) == inputs_of(purpose):
        return
    STAMP.unlink(missing_ok=True)
    if made.get("python") != sys.version:
        say("making .venv")
        make_venv(VENV)
    say(f"installing {lock_of(purpose).relative_to(ROOT)}")
    pip(VENV, "--require-hashes", "--no-deps", "--requirement", str(lock_of(purpose)))
    editable = [word for folder in OURS for word in ("--editable", str(folder))]
    pip(VENV, "--no-deps", "--no-build-isolation", *editable)
    # The test lock holds every line of the other: what suffices for tests suffices to run.
    purposes = ("run", "test") if purpose == "test" else ("run",)
    STAMP.write_text(json.dumps({"python": sys.version} | {p: inputs_of(p) for p in purposes}))


def set_up_web() -> None:
    """Fetch the front-end libraries by npm, as `package-lock.json` pins them."""
    locks = [ROOT / "package.json", ROOT / "package-lock.json"]
    wanted = fingerprint([*locks, __file__])
    stamp = VENDOR / "made-from.txt"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say("fetching the front-end libraries")
    web = TOOLS / "web"
    web.mkdir(exist_ok=True)
    for lock in locks:
        shutil.copy(lock, web)
    run([*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=web)
    VENDOR.mkdir(parents=True, exist_ok=True)
    for name in VENDORED:
        package, _, file = name.partition("/")
        flat = f"{package}.{file}" if file == "LICENSE" else Path(file).name
        shutil.copy(web / "node_modules" / name, VENDOR / flat)
    stamp.write_text(wanted)


def npm() -> list[str]:
    """Return the command of the machine's npm, or of one that pip brings."""
    found = shutil.which("npm")
    if found:
        return [found]
    own = TOOLS / "venv"
    if not (own / "bin" / "npm").exists():
        say("no npm here: installing it with pip")
        make_venv(own)
        lock = ROOT / "requirements" / "node.lock"
        pip(own, "--require-hashes", "--no-deps", "--requirement", str(lock))
    # Its scripts find `node` on the path of the interpreter that runs them.
    return [str(own / "bin" / "python"), str(own / "bin" / "npm")]


def make_venv(folder: Path) -> None:
    """Make a new virtual environment with pip. Raises CannotSetUp where Python has none."""
    try:
        venv.create(folder, clear=True, with_pip=True)
    except subprocess.CalledProcessError as failed:
        shutil.rmtree(folder, ignore_errors=True)
        raise CannotSetUp(
            "this Python cannot make virtual environments with pip; on Debian: "
            "apt-get install python3-venv"
        ) from failed


def pip(env: Path, *arguments: str) -> None:
    """Install into `env`, quietly; pip's own words are shown if it fails."""
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-warn-script-location"]
    run([str(env / "bin" / "python"), "-m", "pip", "install", *quiet, *arguments], cwd=ROOT)


def run(command: list[str], *, cwd: Path) -> None:
    """Run `command`. Raises CannotSetUp with what it said if it fails."""
    done = subprocess.run(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        raise CannotSetUp(f"this failed: {' '.join(command)}\n{done.stdout.strip()}")


def lock_of(purpose: str) -> Path:
    """Return the lock file of `purpose`."""
    return ROOT / "requirements" / f"{purpose}.lock"


def inputs_of(purpose: str) -> str:
    """Return the fingerprint of all that decides what `.venv` must hold for `purpose`."""
    return fingerprint([lock_of(purpose), __file__, *(f / "pyproject.toml" for f in OURS)])


def fingerprint(files: Iterable[Path | str]) -> str:
    """Return one hash of the contents of `files` and of this Python."""
    total = hashlib.sha256(sys.version.encode())
    for file in files:
        total.update(hashlib.sha256(Path(file).read_bytes()).digest())
    return total.hexdigest()


def say(what: str) -> None:
    """Tell people what takes the time."""
    print(f"setup: {what}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:] not in (["run"], ["test"]):
        sys.exit("say what for: python3 tools/setup.py run|test")
    try:
        main(sys.argv[1])
    except CannotSetUp as reason:
        sys.exit(f"setup: {reason}")
