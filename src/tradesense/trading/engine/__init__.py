"""
The engine: what a price or a command does to accounts. Pure, integers only, deterministic.

`steps` decides for one account, `Book` keeps many and finds those that an input can touch.
"""
