"""Runs one process of the platform in this interpreter: settings, logs, event loop, signals."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import cast

import uvloop

from tradesense.app.instance import instance_settings
from tradesense.app.logs import configure_logs
from tradesense.infra.settings import Settings

Main = Callable[[Settings], Awaitable[None]]
OUTSIDERS = {"sandbox"}  # stand for somebody else, who has no part in our database


def run_process(name: str) -> None:
    """Run process `name` until it is asked to stop. Raises what its settings get wrong."""
    settings = instance_settings(needs_database=name not in OUTSIDERS)
    configure_logs(name, settings.log_level)
    # Imported by name, so that a process holds in memory only what its own work takes.
    main = cast(Main, import_module(f"tradesense.app.processes.{name}").main)
    uvloop.run(_until_asked_to_stop(main, settings))


async def _until_asked_to_stop(main: Main, settings: Settings) -> None:
    """Cancel `main` on SIGTERM or SIGINT, unless it listens for them itself."""
    task = asyncio.ensure_future(main(settings))
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, task.cancel)
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()  # raises what went wrong
