"""
Who passes what: `make bench-resilience`, or `python -m bench.breakers.battery [--why]`.

Every case runs against ours and against each installed peer, each time with a breaker of its own.
A case passes, or it fails with a reason (`--why` prints it); what a library lacks it fails.
"""

import asyncio
import logging
import sys
import warnings

from bench.breakers.peers import LONG_S, PEERS, Peer
from breaker_battery import CASES
from breaker_world import Asked, Guard, Subject
from tradesense.resilience.breaker import Breaker, BreakerSettings, TimeWindow
from tradesense.resilience.deadline import Timeout
from tradesense.resilience.happenings import Happening
from tradesense.resilience.refusals import Refused
from tradesense.resilience.retry import Retry, RetrySettings, Steps


def ours() -> Peer:
    """Ours, on real time as the others."""

    def deaf(happening: Happening) -> None:
        raise RuntimeError(f"a listener that fails at {happening}")

    def breaker(asked: Asked) -> Guard:
        window = TimeWindow(calls_min=asked.failures, failure_rate=0.75, slow_call_s=LONG_S)
        return Breaker(
            "dependency",
            BreakerSettings(
                window=window,
                rest_s=asked.rest_s,
                rest_growth=1.0,
                probe_lease_s=asked.lease_s,
                failures=asked.recorded,
                ignored=(*asked.ignored, Refused),
            ),
            listeners=[deaf] if asked.broken_listener else [],
        )

    three_tries = RetrySettings(tries_max=3, backoff=Steps((0, 0)), on=(Exception,))
    return Peer(
        name="tradesense",
        package="tradesense",
        rejections=(Refused,),
        breaker=breaker,
        retry=Retry("dependency", three_tries),
        timeout=Timeout("dependency", LONG_S),
    )


async def try_case(case: str, subject: Subject) -> str | None:
    """Return why `subject` fails `case`; None if it passes."""
    try:
        await CASES[case](subject)
    except AssertionError as reason:
        return str(reason)
    except BaseExceptionGroup as group:
        return f"raised {group.exceptions[0]!r}"
    except Exception as error:  # noqa: BLE001 -- a library may break in any way; that is an answer
        return f"raised {type(error).__name__}: {error}"
    return None


def try_all() -> dict[str, dict[str, str | None]]:
    """Return, for each library and case, why it fails."""
    logging.disable(logging.CRITICAL)  # listeners fail on purpose, and some libraries say so
    warnings.simplefilter("ignore")  # what a library leaves un-awaited is not the question here
    return {
        (subject := make()).name: {case: asyncio.run(try_case(case, subject)) for case in CASES}
        for make in (ours, *PEERS)
    }


def main(*, why: bool) -> int:
    """Print the table; return how many cases ours fails."""
    found = try_all()
    names, width = list(found), max(map(len, CASES))
    print(f"{'':{width}}  " + "  ".join(names))
    for case in CASES:
        marks = [("." if found[name][case] is None else "FAILS").ljust(len(name)) for name in names]
        print(f"{case:{width}}  " + "  ".join(marks))
    passed = [sum(reason is None for reason in found[name].values()) for name in names]
    totals = [
        f"{count}/{len(CASES)}".ljust(len(name)) for name, count in zip(names, passed, strict=True)
    ]
    print(f"{'passed':{width}}  " + "  ".join(totals))
    if why:
        for name in names:
            for case, reason in found[name].items():
                if reason is not None:
                    print(f"{name}: {case}: {reason}")
    return len(CASES) - passed[0]


if __name__ == "__main__":
    sys.exit(main(why="--why" in sys.argv[1:]))
