"""The trading API as one router for the app to serve."""

from fastapi import APIRouter

from tradesense.trading.alpaca import accounts, assets, orders, positions, stream

router = APIRouter()
for each in (accounts, assets, orders, positions, stream):
    router.include_router(each.router)
