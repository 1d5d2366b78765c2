"""Judges a TradeSense account again from its evidence bundle, without TradeSense."""
