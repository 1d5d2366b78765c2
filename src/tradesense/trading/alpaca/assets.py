"""What can be traded and when: /v2/assets, /v2/clock, and the latest quotes."""

from fastapi import APIRouter

from tradesense import market
from tradesense.infra.runtime import FromRequest
from tradesense.kernel.errors import NotFound
from tradesense.kernel.instants import from_us, rfc3339, to_us
from tradesense.market.model import Instrument
from tradesense.trading.alpaca.desk import AccountFromRequest
from tradesense.trading.alpaca.shapes import Json, asset_json, instrument_of, named_symbols

router = APIRouter(tags=["alpaca"])


@router.get("/v2/assets")
async def list_assets(account: AccountFromRequest) -> list[Json]:
    return [asset_json(instrument) for instrument in account.setup.instruments]


@router.get("/v2/assets/{written:path}")
async def get_asset(written: str, account: AccountFromRequest) -> Json:
    instrument = instrument_of(account.setup, written)
    if instrument is None:
        raise NotFound(f"no asset {written[:60]!r}; GET /v2/assets lists what there is")
    return asset_json(instrument)


@router.get("/v2/clock")
async def get_clock(account: AccountFromRequest, runtime: FromRequest) -> Json:
    """Return the hours of the account's first symbol."""
    now = runtime.now()
    instrument = account.setup.instruments[0]
    now_us = to_us(now)
    # A market that never closes opens and closes now, which no client minds.
    opens = market.next_open(instrument, now_us) or now_us
    closes = market.next_close(instrument, now_us) or now_us
    return {
        "timestamp": rfc3339(now),
        "is_open": market.is_open(instrument, now_us),
        "next_open": rfc3339(from_us(opens)),
        "next_close": rfc3339(from_us(closes)),
    }


@router.get("/v1beta3/crypto/us/latest/quotes")
async def list_latest_quotes(runtime: FromRequest, symbols: str = "") -> Json:
    """Return the latest valid quotes; without credentials, as Alpaca's crypto data."""
    async with runtime.db.reading() as tx:
        latest = await market.latest_quotes(tx)
    wanted = named_symbols(symbols)
    return {
        "quotes": {
            symbol: _quote(market.get_instrument(symbol), item)
            for symbol, item in sorted(latest.items())
            if not wanted or symbol.replace("/", "") in wanted
        }
    }


def _quote(instrument: Instrument, item: market.TapeItem) -> Json:
    """Return a quote; Alpaca has numbers here, not text. Sizes are not known."""
    unit = 10**instrument.price_digits
    bid, ask = (item.bid or 0) / unit, (item.ask or 0) / unit
    return {"t": rfc3339(from_us(item.at_us)), "bp": bid, "bs": 0, "ap": ask, "as": 0}
