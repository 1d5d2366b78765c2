"""
Safe boxes: which accounts a price can touch, found without looking at the others.

An account's box is a range of bids and asks per symbol inside which no order of it triggers
and no guard of it can be crossed. `thresholds` finds the box, `edges` finds who left theirs.
"""
