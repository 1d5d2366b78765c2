"""`tradesense prices`: what a file holds, and what is wrong with it."""

import json

import typer
from typer.testing import CliRunner

from price_files import lean, real
from tradesense.app.cli.prices import prices
from tradesense.market import describe, open_files
from tradesense.market.sources.archives import BadPrices

LINES = [
    "75590000,1.38694,1.38705",
    "75590500,1.38705,1.38694",
    "75590400,1.38705,1.38705",
    "75600000,1.386945,1.38705",
    "86000000,1.38694,1.38705",
]


def run(*arguments):
    program = typer.Typer()
    program.command()(prices)
    return CliRunner().invoke(program, [str(argument) for argument in arguments])


def test_defects_are_counted(tmp_path):
    (found,) = describe(open_files([lean(tmp_path, LINES)]))
    assert (found.crossed, found.locked, found.late, found.closed, found.rounded) == (1, 1, 1, 2, 1)
    assert (found.rows, found.quotes, found.period, found.time_zone) == (5, 5, "tick", "UTC")


def test_silences_count_within_a_session_only(tmp_path):
    lines = ["0,1.38694,1.38705", "301000,1.38694,1.38705", "301001,1.38694,1.38705"]
    (found,) = describe(open_files([lean(tmp_path, lines)]))
    assert (found.gaps, found.longest_gap_s) == (1, 301)


def test_the_command_tells_people_and_machines(tmp_path):
    path = lean(tmp_path, LINES)
    assert "5 tick rows, 5 quotes: 1 crossed (judge nothing), 1 locked, 1 late" in run(path).output
    (told,) = json.loads(run("--json", path).output)
    assert (told["symbol"], told["layout"], told["crossed"]) == ("EUR/USD", "lean-oanda", 1)


def test_the_command_refuses_with_file_and_line(tmp_path):
    result = run(lean(tmp_path, [*LINES, "junk"]))
    assert isinstance(result.exception, BadPrices)
    assert "oanda_eurusd_20140502_quote.zip:6: 1 fields" in str(result.exception)


def test_a_payrolls_day():
    (found,) = describe(open_files(real("fx_ticks/fxcm_eurusd_20140502_quote.zip")))
    assert (found.crossed, found.locked) == (12_061, 13_004)
    assert (found.gaps, found.longest_gap_s) == (0, 115)
    assert found.time_zone == "UTC-05 all year, no daylight saving"
