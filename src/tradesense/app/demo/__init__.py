"""
A customer for demonstrations: so that the first page a visitor sees is alive.

Owns     `demo.json` in the data folder.
Promises it uses nothing that another customer could not, and keeps far from every floor.
"""
