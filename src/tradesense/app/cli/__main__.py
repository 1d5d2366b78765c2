"""The command line without its installed script: `python -m tradesense.app.cli`."""

from tradesense.app.cli.program import main

main()
