"""
Sending money again that is owed to a trader and did not reach them.

A payout that came back from the bank, or was refused, after its account had ended stays owed.
One operator says where it is to go, another agrees, and it is ordered at our bank under an id of
its own; what comes back is owed once more, and may be proposed once more.

    PROPOSED ── another operator agrees ──▶ SENT ── at the bank ──▶ PAID
        │                                     came back ──▶ RETURNED ◀┘
        └── anybody's no ──▶ REJECTED
"""
