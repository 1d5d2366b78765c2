"""
Keeps the platform's processes alive on one machine, and leaves none behind.

Owns     `lock`, `run/` and `logs/` in the data folder.
Promises one supervisor per data folder; a dead process runs again within 2 s; when the
         supervisor ends, by whatever means, everything it started ends too.
"""

from tradesense.app.supervisor.claim import HomeTaken, HomeUnusable, PortTaken
from tradesense.app.supervisor.status import Row, find_rows
from tradesense.app.supervisor.up import up

__all__ = ["HomeTaken", "HomeUnusable", "PortTaken", "Row", "find_rows", "up"]
