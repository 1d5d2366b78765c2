"""
The command line: one command per process, and the facts a person or a script may ask for.

Commands import what they need when they run, so that `tradesense --help` is quick and a process
holds no more in memory than its own work takes. Exit codes: 0 done · 1 ours (something broke,
or a check found something) · 2 yours (a wrong option, setting or file; the message says which).
"""

from tradesense.app.cli.program import main

__all__ = ["main"]
