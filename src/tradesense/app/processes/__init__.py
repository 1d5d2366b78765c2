"""
The processes we run: one file each, with `async def main(settings)`.

Promises each runs until SIGTERM or SIGINT and then stops cleanly; a database that vanishes is
         waited for; a kill at any instruction loses nothing that was acknowledged.
"""

NAMES = ("api", "demo", "engine", "feed", "sandbox", "scheduler", "sealer", "worker")
