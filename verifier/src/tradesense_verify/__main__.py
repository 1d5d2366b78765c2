"""The command without its installed script: `python -m tradesense_verify bundle.zip`."""

import sys

from tradesense_verify.cli import main

sys.exit(main())
