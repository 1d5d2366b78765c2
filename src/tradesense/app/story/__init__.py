"""
The story: three traders against a private instance, at the full speed of the machine.

Owns     a private instance (its folder, processes and driven clock) for as long as it plays.
Promises the same files and seed give the same facts; whatever is off makes the exit code say so.
Speaks   as any trader would: HTTP to the platform, HTTP to the payment provider.
"""
