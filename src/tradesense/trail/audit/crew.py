"""
Auditors at work on several processors: `python -m tradesense.trail.audit.crew`, one each.

They are told over standard input what to read, and answer one line of JSON per chunk; nothing
secret is in their arguments. A short trail is audited here, without them.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict

from tradesense.kernel.errors import TradeSenseError, Unavailable
from tradesense.trail.audit import chunk, reading
from tradesense.trail.audit.chunk import Job, Outcome
from tradesense.trail.proof.note import PublicKey

AUDITORS_MAX = 4  # more only wait for the server
ALONE_MAX = 3  # chunks; an auditor takes as long to start as these take
AHEAD = 2  # jobs given to each, so that none waits for us


def audit_all(url: str, key: PublicKey, jobs: Sequence[Job]) -> Iterator[Outcome]:
    """Yield the outcome of each job, in their order. Raises Unavailable."""
    if len(jobs) <= ALONE_MAX:
        with reading.connect(url) as conn:
            for job in jobs:
                yield chunk.audit(conn, key, job)
        return
    count = min(len(os.sched_getaffinity(0)), AUDITORS_MAX, len(jobs))
    with ExitStack() as stack:
        crew = [stack.enter_context(_hired(url, key)) for _ in range(count)]
        for n, job in enumerate(jobs[: AHEAD * count]):
            crew[n % count].ask(job)
        for n in range(len(jobs)):
            yield crew[n % count].answer()
            for job in jobs[n + AHEAD * count : n + AHEAD * count + 1]:
                crew[n % count].ask(job)


class _Auditor:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def tell(self, told: object) -> None:
        assert self._process.stdin  # noqa: S101 -- a pipe was asked for
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()

    def ask(self, job: Job) -> None:
        self.tell(asdict(job))

    def answer(self) -> Outcome:
        assert self._process.stdout  # noqa: S101 -- ditto
        line = self._process.stdout.readline()
        if not line:
            raise Unavailable("an auditor died; see what it said above")
        told = json.loads(line)
        if "error" in told:
            raise Unavailable(told["error"])
        return Outcome(
            after=told["after"],
            until=told["until"],
            signed=[(size, root) for size, root in told["signed"]],
            tails={int(size): tail for size, tail in told["tails"].items()},
            findings=[(position, says) for position, says in told["findings"]],
            stale=[(position, says) for position, says in told["stale"]],
            wrong=told["wrong"],
        )


@contextmanager
def _hired(url: str, key: PublicKey) -> Iterator[_Auditor]:
    with subprocess.Popen(  # noqa: S603 -- our own module, no shell
        [sys.executable, "-m", __spec__.name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            auditor = _Auditor(process)
            auditor.tell({"url": url, "key": str(key)})
            yield auditor
        finally:
            process.kill()  # it only reads


def serve() -> None:
    """Answer jobs until standard input ends."""
    told = json.loads(sys.stdin.readline())
    key = PublicKey.parse(told["key"])
    try:
        with reading.connect(told["url"]) as conn:
            for line in sys.stdin:
                outcome = chunk.audit(conn, key, Job(**json.loads(line)))
                _say(asdict(outcome))
    except TradeSenseError as error:
        _say({"error": str(error)})


def _say(told: object) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve()
