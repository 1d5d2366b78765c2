"""When markets are open, over weekends, breaks, holidays and changes of daylight saving."""

from datetime import UTC, datetime

import pytest

from tradesense.kernel.instants import from_us, to_us
from tradesense.market import get_instrument, is_open, next_close, next_open, session_at

EURO, GOLD, DAX, BITCOIN = map(get_instrument, ("EUR/USD", "XAU/USD", "DE30/EUR", "BTC/USD"))


def us(text):
    return to_us(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("instrument", "moment", "trades"),
    [
        # New York in summer is UTC-4: the week is Sunday 21:00 to Friday 21:00.
        (EURO, "2014-05-04T20:59:59.999999", False),
        (EURO, "2014-05-04T21:00", True),
        (EURO, "2014-05-07T21:00", True),
        (EURO, "2014-05-02T20:59:59.999999", True),
        (EURO, "2014-05-02T21:00", False),
        (EURO, "2014-05-03T12:00", False),
        # In winter UTC-5. In the weeks between American and European changes, only New York counts.
        (EURO, "2014-01-10T21:59:59", True),
        (EURO, "2014-01-10T22:00", False),
        (EURO, "2014-03-07T21:30", True),  # the Friday before America's change
        (EURO, "2014-03-14T21:30", False),  # the Friday after it, still before Europe's
        (EURO, "2014-03-09T21:00", True),  # the Sunday of the change itself
        (EURO, "2014-11-02T21:30", False),  # and of the change back
        (EURO, "2014-11-02T22:00", True),
        (EURO, "2014-12-25T12:00", False),
        (EURO, "2014-12-25T22:00", True),
        (EURO, "2013-01-01T21:59:59", False),
        (EURO, "2013-01-01T22:00", True),  # the first of the year, at the evening's opening
        # Gold rests an hour a day.
        (GOLD, "2014-05-06T20:59:59", True),
        (GOLD, "2014-05-06T21:00", False),
        (GOLD, "2014-05-06T21:59:59", False),
        (GOLD, "2014-05-06T22:00", True),
        (GOLD, "2017-04-14T15:00", False),  # Good Friday
        (DAX, "2019-02-20T00:14:59", False),
        (DAX, "2019-02-20T00:15", True),
        (DAX, "2019-02-20T20:59:59", True),
        (DAX, "2019-02-20T21:00", False),
        (DAX, "2019-07-01T20:00", False),  # Berlin in summer is UTC+2
        (DAX, "2019-07-01T19:59", True),
        (DAX, "2019-02-23T12:00", False),
        (DAX, "2019-04-22T12:00", False),  # Easter Monday
        (BITCOIN, "2018-04-08T03:00", True),
        (BITCOIN, "2018-12-25T12:00", True),
    ],
)
def test_a_market_is_open_exactly_in_its_hours(instrument, moment, trades):
    assert is_open(instrument, us(moment)) is trades


@pytest.mark.parametrize(
    ("instrument", "moment", "opens", "closes"),
    [
        (EURO, "2014-05-07T12:00", "2014-05-11T21:00", "2014-05-09T21:00"),
        (EURO, "2014-05-03T12:00", "2014-05-04T21:00", "2014-05-09T21:00"),
        (EURO, "2014-03-08T12:00", "2014-03-09T21:00", "2014-03-14T21:00"),
        (EURO, "2014-05-09T21:00", "2014-05-11T21:00", "2014-05-16T21:00"),
        (EURO, "2014-12-24T12:00", "2014-12-25T22:00", "2014-12-24T22:00"),
        (GOLD, "2014-05-06T12:00", "2014-05-06T22:00", "2014-05-06T21:00"),
        (GOLD, "2014-05-02T21:30", "2014-05-04T22:00", "2014-05-05T21:00"),
        (DAX, "2019-04-18T21:00", "2019-04-22T23:15", "2019-04-23T20:00"),  # over Easter
    ],
)
def test_the_next_opening_and_closing(instrument, moment, opens, closes):
    assert from_us(next_open(instrument, us(moment))) == from_us(us(opens))
    assert from_us(next_close(instrument, us(moment))) == from_us(us(closes))


def test_crypto_neither_opens_nor_closes():
    assert next_open(BITCOIN, us("2018-04-08T03:00")) is None
    assert next_close(BITCOIN, us("2018-04-08T03:00")) is None


def test_a_currency_has_one_session_a_week_and_gold_one_a_day():
    monday, thursday = us("2014-05-05T12:00"), us("2014-05-08T12:00")

    assert session_at(EURO, monday) == session_at(EURO, thursday)
    assert session_at(EURO, monday).id == "forex:2014-05-04"
    assert session_at(GOLD, monday).id == "metal:2014-05-04"
    assert session_at(GOLD, thursday).id == "metal:2014-05-07"
    assert session_at(GOLD, us("2014-05-08T21:30")) is None


def test_every_session_of_forty_years_opens_before_it_closes():
    for instrument in (EURO, GOLD, DAX):
        at_us, sessions = us("1999-12-31T00:00"), 0
        while at_us < us("2039-12-31T00:00"):
            at_us = next_open(instrument, at_us)
            session = session_at(instrument, at_us)
            assert session.open_us == at_us < session.close_us == next_close(instrument, at_us)
            sessions += 1
        assert sessions > 40 * 52
