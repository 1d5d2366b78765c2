"""
The platform's bank: what came in, what it was ordered to send, and statements of both.

    orders     pain.001 in, each transfer executed once
    moves      every credit and debit
    statement  camt.053 out: by days, or numbered, each showing what none has shown before
"""
