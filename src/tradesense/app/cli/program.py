"""Puts the commands together, and turns what goes wrong into one clear line and an exit code."""

import sys

import typer

from tradesense.app.cli import data, evidence, platform, prices, story, trail
from tradesense.app.cli.operations import (
    bank,
    breakers,
    incidents,
    operators,
    payouts,
    reconciliation,
    webhooks,
)
from tradesense.app.cli.operations.upkeep import attention, books, stuck
from tradesense.kernel.errors import Rejected, TradeSenseError

OURS = 1
YOURS = 2

program = typer.Typer(
    name="tradesense",
    help="Prop-trading challenges whose money and verdicts survive every failure.",
    epilog="Exit codes: 0 done, 1 something broke or a check found something, 2 a wrong request.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
platform.register(program)
data.register(program)
prices.register(program)
story.register(program)
trail.register(program)
evidence.register(program)
webhooks.register(program)
bank.register(program)
breakers.register(program)
operators.register(program)
reconciliation.register(program)
incidents.register(program)
payouts.register(program)
books.register(program)
stuck.register(program)
attention.register(program)


def main() -> None:
    """Run the command that the arguments name; the entry point of `tradesense`."""
    try:
        program()
    except TradeSenseError as error:
        sys.stderr.write(f"tradesense: {error}\n")
        sys.exit(YOURS if isinstance(error, Rejected) else OURS)
