"""Price files: which layout, whose clock, exact numbers, and the line that is wrong."""

import gzip
import os
import tracemalloc
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from price_files import lean, zipped
from tradesense.kernel.instants import from_us, to_us
from tradesense.market import BadPrices, Quote, open_files, read_prices

TICKS = ["277,1.38694,1.38705", "2339,1.38692,1.38706"]
BARS = ["60000,1.38694,1.38700,1.38683,1.38684,0,1.38705,1.38711,1.38697,1.38699,0"]
MIDNIGHT = datetime(2014, 5, 2, tzinfo=UTC)


def us(text):
    return to_us(datetime.fromisoformat(text).replace(tzinfo=UTC))


def plain(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def moments(*paths, layout=None):
    return [from_us(quote.at_us) for quote in read_prices(paths, layout)]


def test_oandas_ticks_are_in_utc(tmp_path):
    path = lean(tmp_path, TICKS)
    assert list(read_prices([path])) == [
        Quote(us("2014-05-02T00:00:00.277"), "EUR/USD", 138_694, 138_705),
        Quote(us("2014-05-02T00:00:02.339"), "EUR/USD", 138_692, 138_706),
    ]


def test_fxcms_ticks_are_five_hours_behind_in_summer_too(tmp_path):
    path = zipped(tmp_path / "fxcm_eurusd.zip", "20140502_eurusd_tick_quote.csv", TICKS)
    assert moments(path)[0] == from_us(us("2014-05-02T05:00:00.277"))


def test_the_nearest_folder_names_the_vendor(tmp_path):
    folder = tmp_path / "oanda" / "fxcm" / "tick" / "eurusd"
    folder.mkdir(parents=True)
    path = zipped(folder / "20140502_quote.zip", "20140502_eurusd_tick_quote.csv", TICKS)
    assert moments(path)[0].hour == 5


def test_without_a_vendor_the_error_names_the_option(tmp_path):
    path = zipped(tmp_path / "20140502_quote.zip", "20140502_eurusd_tick_quote.csv", TICKS)
    with pytest.raises(BadPrices, match=r"--layout lean-oanda \(UTC\) or lean-fxcm \(UTC-05\)"):
        open_files([path])
    assert moments(path, layout="lean-oanda")[0].hour == 0
    assert moments(path, layout="lean-fxcm")[0].hour == 5


def test_cryptos_quotes_need_no_vendor(tmp_path):
    line = "0,6778,6778.5,6777.01,6778,0.00211,6778.01,6778.51,6777.02,6778.01,24.426957669999997"
    path = zipped(tmp_path / "20180405_quote.zip", "20180405_btcusd_minute_quote.csv", [line])
    assert [quote.bid for quote in read_prices([path])][::3] == [677_800, 677_800]
    assert moments(path)[0] == datetime(2018, 4, 5, tzinfo=UTC)


def test_fractions_of_a_millisecond_are_kept_to_the_microsecond_and_cut_below(tmp_path):
    path = lean(tmp_path, ["79200613.0668,1299.968,1301.618"], symbol="xauusd")
    (quote,) = read_prices([path])
    assert quote == Quote(us("2014-05-02T22:00:00.613066"), "XAU/USD", 1_299_968, 1_301_618)


def test_truefx_with_a_header_and_as_its_vendor_writes_it(tmp_path):
    lines = "timestamp,bid,ask\n2013-01-01 22:00:00.295000+00:00,86.655,86.728\n"
    ours = plain(tmp_path / "usdjpy.csv", lines)
    vendors = plain(
        tmp_path / "USDJPY-2009-05.csv", "USD/JPY,20090501 00:00:00.260,98.890,98.905\n"
    )
    assert list(read_prices([ours, vendors])) == [
        Quote(us("2009-05-01T00:00:00.260"), "USD/JPY", 98_890, 98_905),
        Quote(us("2013-01-01T22:00:00.295"), "USD/JPY", 86_655, 86_728),
    ]


def test_histdata_is_five_hours_behind_all_year(tmp_path):
    text = "20200101 170000065,1.121200,1.121720,0\n20200701 170000065,1.121200,1.121720,0\n"
    packed = tmp_path / "DAT_ASCII_EURUSD_T_2020.csv.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    assert [moment.hour for moment in moments(packed)] == [22, 22]


def test_a_name_without_symbol_can_be_told_it(tmp_path):
    path = plain(tmp_path / "quotes.csv", "20200101 170000065,1.121200,1.121720,0\n")
    with pytest.raises(BadPrices, match="add --layout histdata:SYMBOL"):
        open_files([path])
    assert [quote.symbol for quote in read_prices([path], "histdata:EUR/USD")] == ["EUR/USD"]


def test_a_bar_becomes_four_synthetic_quotes_whose_extremes_are_drawn(tmp_path):
    path = zipped(tmp_path / "oanda.zip", "20140502_eurusd_minute_quote.csv", BARS)
    low, high = (138_683, 138_697), (138_700, 138_711)
    orders = set()
    for seed in range(16):
        quotes = list(open_files([path], seed=seed).quotes())
        assert [(q.at_us - to_us(MIDNIGHT)) // 1_000_000 for q in quotes] == [60, 80, 100, 119]
        assert all(quote.synthetic for quote in quotes)
        assert (quotes[0].bid, quotes[0].ask) == (138_694, 138_705)
        assert (quotes[3].bid, quotes[3].ask) == (138_684, 138_699)
        orders.add(tuple((quote.bid, quote.ask) for quote in quotes[1:3]))
    assert orders == {(low, high), (high, low)}


def test_a_pair_of_bids_and_asks_is_one_source(tmp_path):
    header = "timestamp,open,high,low,close\n"
    bid = plain(
        tmp_path / "fxcm_gbpusd_m1_bid.csv",
        header + "2012-02-01 00:00:00+00:00,1.57597,1.57606,1.57576,1.57576\n",
    )
    ask = plain(
        tmp_path / "fxcm_gbpusd_m1_ask.csv",
        header + "2012-02-01 00:00:00+00:00,1.57608,1.57610,1.57585,1.57585\n",
    )
    first, *_, last = read_prices([ask, bid])
    assert (first.bid, first.ask, last.bid, last.ask) == (157_597, 157_608, 157_576, 157_585)

    with pytest.raises(BadPrices, match="holds only the bid; name the file of the ask as well"):
        open_files([bid])
    ask.write_text(header + "2012-02-01 00:01:00+00:00,1.57608,1.57610,1.57585,1.57585\n")
    with pytest.raises(BadPrices, match="do not have the same minutes"):
        open_files([bid, ask])


def test_files_merge_in_order_of_time_whatever_the_order_of_their_names(tmp_path):
    euro = lean(tmp_path, ["1000,1.38694,1.38705", "3000,1.38694,1.38705"])
    gold = lean(tmp_path, ["0,1299.9,1301.6", "2000,1299.9,1301.6"], symbol="xauusd")
    later = lean(tmp_path, ["0,1.38694,1.38705"], day="20140505")

    forth, back = open_files([euro, gold, later]), open_files([later, gold, euro])

    assert [q.symbol for q in forth.quotes()] == ["XAU/USD", "EUR/USD"] * 2 + ["EUR/USD"]
    assert list(forth.quotes()) == list(back.quotes())
    assert forth.name == back.name
    assert list(forth.quotes(skip=3)) == list(forth.quotes())[3:]


def test_the_same_source_has_the_same_name_and_another_seed_another(tmp_path):
    path = lean(tmp_path, TICKS)
    assert open_files([path], seed=1).name == open_files([path], seed=1).name
    assert open_files([path], seed=1).name != open_files([path], seed=2).name


def test_more_digits_than_the_instrument_has_are_rounded_half_even_and_counted(tmp_path):
    path = lean(
        tmp_path, ["0,1.3869449999999999,1.386955", "1,1.386945,1.386965", "2,1.38694,1.38696"]
    )
    assert [(q.bid, q.ask) for q in read_prices([path])] == [
        (138_694, 138_696), (138_694, 138_696), (138_694, 138_696),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("2339,1.38692", "2 fields instead of time,bid,ask"),
        ("2339,1.38692,1.38706,0", "4 fields"),
        ("2339,abc,1.38706", "'abc' is no price"),
        ("2339,NaN,1.38706", "'NaN' is no price"),
        ("2339,-1.38692,1.38706", "is no price"),
        ("2339,0,1.38706", "no price that something could have"),
        ("2339,1_0.38692,1.38706", "is no price"),
        ("2339,1.38692,99999999999999", "no price that something could have"),
        ("-5,1.38692,1.38706", "milliseconds since midnight"),
        ("86400000,1.38692,1.38706", "beyond the end of the day"),
        ("2339,1.38692,1.3870\N{SUPERSCRIPT TWO}", "is no price"),
        ("\0\0\0\0", "1 fields"),
    ],
)
def test_a_malformed_line_is_named_and_nothing_is_taken(tmp_path, bad, why):
    good = lean(tmp_path, TICKS, day="20140501")
    path = lean(tmp_path, [*TICKS, bad, *TICKS])
    with pytest.raises(BadPrices, match=why) as refused:
        read_prices([good, path])
    assert f"{path}:3: " in str(refused.value)


def test_a_bar_that_contradicts_itself_is_refused(tmp_path):
    line = BARS[0].replace("1.38683", "1.38690")
    path = zipped(tmp_path / "oanda.zip", "20140502_eurusd_minute_quote.csv", [*BARS, line])
    with pytest.raises(BadPrices, match=":2: the bid bar's open or close lies outside"):
        open_files([path])


def test_truncated_archives_are_refused(tmp_path):
    whole = lean(tmp_path, TICKS * 2000).read_bytes()
    cut = tmp_path / "oanda_cut.zip"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadPrices, match=r"oanda_cut\.zip"):
        open_files([cut])

    text = gzip.compress(b"20200101 170000065,1.121200,1.121720,0\n" * 9000)
    cut = tmp_path / "eurusd.csv.gz"
    cut.write_bytes(text[: len(text) // 2])
    with pytest.raises(BadPrices, match=r"eurusd\.csv\.gz:\d+: cannot be read"):
        open_files([cut])


def test_a_digit_changed_inside_an_archive_is_found_by_its_checksum(tmp_path):
    path = tmp_path / "oanda.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("20140502_eurusd_tick_quote.csv", "\n".join(TICKS))
    path.write_bytes(path.read_bytes().replace(b"1.38694", b"1.38695"))
    with pytest.raises(BadPrices, match="cannot be read: Bad CRC-32"):
        open_files([path])


def test_a_file_that_changes_before_it_is_played_is_refused(tmp_path):
    path = lean(tmp_path, TICKS)
    source = open_files([path])
    lean(tmp_path, [*TICKS, "3000,1.38692,1.38706"])
    with pytest.raises(BadPrices, match="has changed"):
        list(source.quotes())


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("eurusd.csv", "", "no known layout"),
        ("eurusd.csv", "hello\n", "no known layout; name it with --layout, one of lean-oanda"),
        ("eurusd.csv", "timestamp,bid,ask\n", "holds no prices"),
        ("eurusd.csv", "timestamp,bid,ask\n2013-01-01 22:00:00,1,2\n", "the time has no offset"),
        ("eurusd.csv", "timestamp,open,high,low,close,volume\n", "bars of one price"),
        ("20140502_eurusd_minute_trade.csv", "0,1,1,1,1,0\n", "holds trades; bid and ask"),
        ("20140502_eurusd_hour_quote.csv", "0,1,1,1,1,0\n", "hour bars are too coarse"),
        ("20141502_eurusd_tick_quote.csv", "0,1,1\n", "20141502 is no date"),
        ("20140502_doge_tick_quote.csv", "0,1,1\n", "no symbol known here"),
        ("usdjpy.csv", "EUR/USD,20090501 00:00:00.260,98.890,98.905\n", "not USD/JPY"),
        (
            "eurusd.csv",
            "timestamp,bid,ask\n0001-01-01 00:00:00+14:00,1,2\n",
            "eurusd.csv:2: .*1971",
        ),
        (
            "eurusd.csv",
            "timestamp,bid,ask\n9999-12-31 23:59:59-14:00,1,2\n",
            "eurusd.csv:2: .*2199",
        ),
        ("eurusd.csv", "19000102 170000065,1.1,1.2,0\n", "eurusd.csv:1: .*between 1971 and 2199"),
        ("99991231_eurusd_tick_quote.csv", "0,1,1\n", "99991231 is not between"),
        ("eurusd.csv", "timestamp,bid,ask\n" + "1" * 5_000, "eurusd.csv:2: a line has fewer than"),
        ("eurusd.csv", "1" * 5_000, "eurusd.csv:1: a line has fewer than"),
    ],
)
def test_what_cannot_be_used_says_why(tmp_path, name, text, why):
    path = plain(tmp_path / "oanda" / name, text)
    with pytest.raises(BadPrices, match=why):
        open_files([path])


def test_an_archive_of_several_files_a_folder_and_nothing_are_refused(tmp_path):
    two = tmp_path / "two.zip"
    with zipfile.ZipFile(two, "w") as archive:
        archive.writestr("a.csv", "")
        archive.writestr("b.csv", "")
    for path, why in (
        (two, "holds 2 CSV files"),
        (tmp_path, "is a folder"),
        (tmp_path / "no", "no such file"),
    ):
        with pytest.raises(BadPrices, match=why):
            open_files([path])
    with pytest.raises(BadPrices, match="no price file was named"):
        open_files([])


def test_a_zip_named_for_another_day_than_it_holds_is_refused(tmp_path):
    path = zipped(tmp_path / "oanda_20140503.zip", "20140502_eurusd_tick_quote.csv", TICKS)
    with pytest.raises(BadPrices, match="named for 20140503 and holds 20140502"):
        open_files([path])


def test_a_layout_there_is_not_is_refused(tmp_path):
    with pytest.raises(BadPrices, match="--layout 'lean': write one of lean-oanda, lean-fxcm"):
        open_files([lean(tmp_path, TICKS)], layout="lean")


def test_a_bomb_of_one_endless_line_is_refused_before_it_fills_memory(tmp_path):
    path = tmp_path / "eurusd.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(64):
            file.write(b"1" * 2**20)
    tracemalloc.start()
    try:
        with pytest.raises(BadPrices, match=":1: a line has fewer than 1,000 characters"):
            open_files([path])
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 2**20


def test_a_pipe_and_a_device_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", Path("/dev/zero")):
        with pytest.raises(BadPrices, match="is a pipe or a device"):
            open_files([path])
