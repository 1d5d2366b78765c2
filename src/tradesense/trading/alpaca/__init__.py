"""The trading API in the paths and shapes of Alpaca v2, so that existing bots work unchanged."""
