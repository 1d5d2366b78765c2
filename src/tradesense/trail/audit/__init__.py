"""
Whether the sealed past is what was sealed: the whole of it, entry by entry.

Speaks its own, synchronous SQL: an auditor's command, apart from the processes, with nothing to
lose but time. Entries travel as one canonical column by binary COPY and are hashed here, never
by the server that is being audited.
"""
