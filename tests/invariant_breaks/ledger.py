"""How each promise of the ledger is broken: a transfer, a reservation and a reversal, damaged."""

from invariant_breaks.nouns import Break, Row, a, an_id, told

BANK, CLEARING, OWED = "bank:USD", "clearing:stripe:USD", "trader-payable:a:USD"


def opened(code: str, *, bounded: bool = False) -> Row:
    normal = "credit" if bounded else "debit"
    return a("ledger_accounts", code=code, currency="USD", normal=normal, bounded=bounded)


def transfer(number: int, debit: str, credit: str, **but: object) -> tuple[Row, Row]:
    made = {"amount_minor": 100, "currency": "USD"} | but
    return (
        a("ledger_transfers", id=an_id(number), debit=debit, credit=credit, **made),
        told(f"ledger:{an_id(number)}", "TransferPosted"),
    )


def line(version: int, amount_minor: int, balance_minor: int) -> Row:
    return a(
        "ledger_lines",
        account=OWED,
        version=version,
        transfer_id=an_id(1),
        amount_minor=amount_minor,
        balance_minor=balance_minor,
    )


def reserved(debit: str, credit: str, amount_minor: int) -> Row:
    return a(
        "ledger_reservations",
        id=an_id(7),
        debit=debit,
        credit=credit,
        amount_minor=amount_minor,
        currency="USD",
    )


OPENED = (opened(BANK), opened(OWED, bounded=True))
MOVED = (*OPENED, *transfer(1, BANK, OWED), line(1, -100, -100))
ONE = (*MOVED, a("ledger_balances", account=OWED, balance_minor=-100, version=1, reserved_minor=0))
HELD = (
    *MOVED,
    a("ledger_balances", account=OWED, balance_minor=-100, version=1, reserved_minor=40),
    reserved(OWED, BANK, 40),
    a("ledger_open", reservation_id=an_id(7)),
)
SETTLED = (
    *ONE,
    reserved(BANK, OWED, 100),
    a("ledger_resolutions", reservation_id=an_id(7), outcome="posted", transfer_id=an_id(1)),
)
UNDONE = (
    *(opened(BANK), opened(CLEARING)),
    *transfer(1, BANK, CLEARING),
    *transfer(2, CLEARING, BANK, reverses=an_id(1)),
)

SUM, FOLLOWED = "a bounded account's balance is", "an unbounded account's balance is"
VERSIONS, LINES = "versions of an account have no gap", "a line tells the amount"
HOLDS, OPEN = "an account holds what is reserved", "what is reserved of an account is"
ENDED, POSTED_AS = "a reservation is open, or it has", "what a reservation was posted as"
MOVED_THROUGH, MIRROR = "every account that money moved", "a reversal mirrors"
SIDE, TOLD = "a bounded account is never", "every transfer is told"

BREAKS = (
    Break(SUM, ONE, "UPDATE ledger_balances SET balance_minor = -99"),
    Break(SUM, ONE, "DELETE FROM ledger_balances"),
    Break(SUM, OPENED, a("ledger_balances", account=OWED, balance_minor=-5, version=0)),
    Break(FOLLOWED, ONE, a("ledger_balances", account=BANK, balance_minor=5, version=0)),
    Break(VERSIONS, ONE, "UPDATE ledger_lines SET version = 2"),
    Break(VERSIONS, ONE, "UPDATE ledger_lines SET balance_minor = -101"),
    Break(VERSIONS, ONE, "UPDATE ledger_balances SET version = 2"),
    Break(LINES, ONE, "UPDATE ledger_lines SET amount_minor = -50, balance_minor = -50"),
    Break(LINES, ONE, f"UPDATE ledger_lines SET transfer_id = '{an_id(9)}'"),
    Break(LINES, ONE, line(2, -100, -200), also=(VERSIONS,)),
    Break(
        HOLDS,
        HELD,
        "UPDATE ledger_reservations SET amount_minor = 101;"
        "UPDATE ledger_balances SET reserved_minor = 101",
    ),
    Break(OPEN, HELD, "UPDATE ledger_balances SET reserved_minor = 41"),
    Break(OPEN, HELD, "UPDATE ledger_reservations SET amount_minor = 39"),
    Break(ENDED, HELD, a("ledger_resolutions", reservation_id=an_id(7), outcome="voided")),
    Break(ENDED, HELD, "DELETE FROM ledger_open; UPDATE ledger_balances SET reserved_minor = 0"),
    Break(POSTED_AS, SETTLED, "UPDATE ledger_reservations SET amount_minor = 99"),
    Break(POSTED_AS, SETTLED, f"UPDATE ledger_reservations SET debit = '{CLEARING}'"),
    Break(POSTED_AS, SETTLED, "UPDATE ledger_reservations SET currency = 'EUR'"),
    Break(
        "nothing was recorded into a closed period",
        ONE,
        a("ledger_periods", closed_until="2014-06-01Z", recorded_at="2014-06-02Z"),
    ),
    Break(
        SIDE,
        ONE,
        "UPDATE ledger_transfers SET debit = credit, credit = debit;"
        "UPDATE ledger_lines SET amount_minor = 100, balance_minor = 100;"
        "UPDATE ledger_balances SET balance_minor = 100",
        also=(HOLDS,),
    ),
    Break(MOVED_THROUGH, ONE, f"DELETE FROM ledger_accounts WHERE code = '{BANK}'"),
    Break(MOVED_THROUGH, ONE, a("ledger_balances", account=CLEARING, balance_minor=5, version=0)),
    Break(MIRROR, UNDONE, "UPDATE ledger_transfers SET amount_minor = 99 WHERE reverses <> id"),
    Break(
        MIRROR,
        UNDONE,
        f"UPDATE ledger_transfers SET reverses = '{an_id(2)}' WHERE reverses IS NULL",
    ),
    Break(TOLD, ONE, "DELETE FROM trail_entries"),
    Break(TOLD, ONE, told(f"ledger:{an_id(1)}", "TransferPosted", version=2)),
)
