"""Runs one process: `python -m tradesense.app.processes NAME`. The supervisor starts them so."""

import sys

from tradesense.app.processes import NAMES
from tradesense.app.run import run_process
from tradesense.kernel.errors import Rejected, TradeSenseError

if sys.argv[1:] and sys.argv[1] in NAMES:
    try:
        run_process(sys.argv[1])
    except TradeSenseError as error:
        sys.stderr.write(f"{sys.argv[1]}: {error}\n")
        sys.exit(2 if isinstance(error, Rejected) else 1)
else:
    sys.exit(f"name one of: {', '.join(NAMES)}")
