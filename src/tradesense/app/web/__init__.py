"""
The pages people see: rendered here, kept live by server-sent events, no address but our own.

Owns     nothing: it shows what the modules know.
Promises a page works without the network outside, in light and dark, by keyboard and by ear.
"""
