"""When a price may fill, when guards wait for one, and which day it is. Pure."""

from datetime import date

from tradesense.market import due, next_open, session_at
from tradesense.market.model import Instrument
from tradesense.trading.engine.arithmetic import Mark
from tradesense.trading.model import REOPENING_WAIT_S

SECOND_US = 1_000_000
REOPENING_US = REOPENING_WAIT_S * SECOND_US
_LOOK_BACK_US = 3 * 24 * 3600 * SECOND_US  # holds a reset for certain: a zone may skip one day


def is_fresh(instrument: Instrument, mark: Mark, at_us: int) -> bool:
    """Whether `mark` may fill an order at `at_us`: of this session, and not silent too long."""
    session = session_at(instrument, at_us)
    if session is None or mark.at_us < session.open_us:
        return False
    return at_us - mark.at_us <= instrument.stale_after_s * SECOND_US


def must_quote_first(instrument: Instrument, mark: Mark, at_us: int) -> bool:
    """
    Whether a judgement that depends on `mark` waits at `at_us` until the symbol quotes.

    It waits while the symbol is silent beyond its limit in an open session, and for the first
    60 s of a session in which it has not quoted. The last price of a closed session is final;
    a symbol that was silent for a whole session is stale.
    """
    session = session_at(instrument, at_us)
    if session is None:
        return False
    stale_us = instrument.stale_after_s * SECOND_US
    if mark.at_us >= session.open_us:
        return at_us - mark.at_us > stale_us
    reopened_us = next_open(instrument, mark.at_us)
    if reopened_us is not None and reopened_us < session.open_us:
        return True
    in_session_us = at_us - session.open_us
    return in_session_us < REOPENING_US or in_session_us > stale_us


def local_day(reset: str, at_us: int) -> date:
    """Return the day that `at_us` belongs to: the local date of the reset that began it."""
    return due([reset], after_us=at_us - _LOOK_BACK_US, until_us=at_us)[-1].day
