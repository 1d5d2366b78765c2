"""Statements, matches, transfers, and the cases of reconciliation."""

from bank_statements import Entry, Paper
from refusal_rows.nouns import FIRM, Route, Row, amounts, state

CASES, MATCHES = f"{FIRM}/reconciliation/cases", f"{FIRM}/bank/matches"
NEXT = Paper(currency="USD", bank_id="S2", opening="1001000.00")
USD = Paper(currency="USD", opening="1.00", entries=(Entry(amount="5.00", ref="X1"),))


def statement(kind: str, raw: bytes, code: str, says: str, status: int = 422) -> Row:
    return Row(kind, status, code, says, raw=raw)


BANK = (
    Route(
        asked=f"POST {FIRM}/bank/statements",
        fine=(201, ""),
        at=f"{FIRM}/bank/statements",
        good=NEXT.xml(),
        rows=(
            statement("an empty file", b" ", "payments.malformed_statement", "the columns are"),
            statement("no statement", b"please", "payments.malformed_statement", "the columns are"),
            statement(
                "a binary file", bytes(range(256)), "payments.malformed_statement", "no UTF-8"
            ),
            statement(
                "half a file", USD.xml()[:400], "payments.malformed_statement", "no well-formed XML"
            ),
            statement(
                "deep XML", b"<a>" * 100_000, "payments.malformed_statement", "at most 40 levels"
            ),
            statement(
                "an entity",
                b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
                "payments.malformed_statement",
                "is not allowed here",
            ),
            statement(
                "a NUL in a table",
                USD.table().replace(b"Ada", b"A\0a"),
                "payments.malformed_statement",
                "nobody can read",
            ),
            statement(
                "no number",
                USD.table().replace(b"5.00", b"NaN"),
                "payments.malformed_statement",
                "is no amount",
            ),
            statement(
                "a number beyond all bounds",
                USD.table().replace(b"5.00", b"1e999"),
                "payments.malformed_statement",
                "is no amount",
            ),
            statement(
                "a huge number",
                USD.table().replace(b"5.00", b"9" * 40),
                "payments.malformed_statement",
                "is no amount",
            ),
            statement(
                "a third of a cent",
                USD.table().replace(b"5.00", b"5.001"),
                "payments.malformed_statement",
                "USD has (2)",
            ),
            statement(
                "half a yen",
                Paper(currency="JPY", entries=(Entry(amount="5.5"),)).table(),
                "payments.malformed_statement",
                "JPY has (0)",
            ),
            statement(
                "four digits of a dinar",
                Paper(currency="KWD", entries=(Entry(amount="5.0005"),)).table(),
                "payments.malformed_statement",
                "KWD has (3)",
            ),
            statement(
                "an unknown currency",
                Paper(currency="XXX").xml(),
                "payments.malformed_statement",
                "unknown currency",
            ),
            statement(
                "another's account",
                Paper(account="GB82WEST12345698765432").xml(),
                "payments.foreign_account",
                "no account of ours",
            ),
            statement(
                "a sum that is none",
                Paper(currency="USD", closing="7.00").xml(),
                "payments.unbalanced_statement",
                "not 700",
            ),
            statement(
                "a line twice",
                Paper(
                    currency="USD",
                    bank_id="S2",
                    opening="1001000.00",
                    entries=(Entry(amount="5.00", ref="X"), Entry(amount="5.00", ref="X")),
                ).xml(),
                "payments.duplicate_line",
                "is also that of",
                status=409,
            ),
            statement(
                "a line of before",
                Paper(
                    currency="USD",
                    bank_id="S2",
                    opening="1001000.00",
                    entries=(Entry(amount="100.00", ref="R100"),),
                ).xml(),
                "payments.duplicate_line",
                "was imported before",
                status=409,
            ),
            statement(
                "another S1",
                Paper(currency="USD", opening="0.00").xml(),
                "payments.statement_differs",
                "ask the bank",
                409,
            ),
            statement(
                "a gap",
                Paper(currency="USD", bank_id="S3", opening="7.00").xml(),
                "payments.statement_missing",
                "import those in between first",
                409,
            ),
            Row(
                "an unknown way to write decimals",
                422,
                "invalid",
                "decimal",
                raw=USD.table(),
                at=f"{FIRM}/bank/statements?decimal=dot",
            ),
        ),
    ),
    Route(
        asked=f"POST {MATCHES}",
        fine=(201, ""),
        at=MATCHES,
        good={
            "kind": "provider_payout",
            "line_ids": ["{line-free}"],
            "payment_ids": [],
            "party": "stripe",
            "reason": "their transfer",
        },
        rows=(
            Row("no lines", 422, "invalid", "line_ids", {"line_ids": []}),
            Row(
                "an unknown line", 404, "payments.unknown_line", "no line", {"line_ids": ["{saga}"]}
            ),
            Row(
                "an unknown payment",
                422,
                "payments.bad_match",
                "never offered",
                {"kind": "payment", "party": "", "payment_ids": ["{saga}"]},
            ),
            Row(
                "a payment without payments",
                422,
                "payments.bad_match",
                "name the payments",
                {"kind": "payment", "party": ""},
            ),
            Row(
                "a party that is none",
                422,
                "payments.bad_match",
                "name the provider",
                {"party": "Stripe, Inc."},
            ),
            Row("a blank party", 422, "payments.bad_match", "name the provider", {"party": " "}),
            Row("a blank reason", 422, "invalid", "reason", {"reason": " \n "}),
        ),
    ),
    Route(
        asked=f"POST {MATCHES}/{{match_id}}/approve",
        at=f"{MATCHES}/{{match-waiting}}/approve",
        who="john",
        rows=(
            state(
                "decided",
                f"{MATCHES}/{{match-decided}}/approve",
                "payments.already_decided",
                "was rejected by",
            ),
            state(
                "one's own",
                f"{MATCHES}/{{match-waiting}}/approve",
                "payments.same_person",
                "ask somebody else",
                403,
                who="jane",
            ),
        ),
    ),
    Route(
        asked=f"POST {MATCHES}/{{match_id}}/reject",
        at=f"{MATCHES}/{{match-second}}/reject",
        good={"reason": "not theirs"},
        rows=(
            Row("a blank reason", 422, "invalid", "reason", {"reason": "  "}),
            state(
                "decided",
                f"{MATCHES}/{{match-decided}}/reject",
                "payments.already_decided",
                "was rejected by",
            ),
        ),
    ),
    Route(
        asked=f"POST {FIRM}/bank/outgoing/export",
        fine=(204, ""),
        at=f"{FIRM}/bank/outgoing/export",
        good={"currency": "USD"},
        rows=(
            Row(
                "an unknown currency",
                422,
                "payments.provider_refused",
                "no bank account in XXX",
                {"currency": "XXX"},
            ),
            Row(
                "a currency without an account",
                422,
                "payments.provider_refused",
                "no bank account in",
                {"currency": "EUR"},
            ),
            Row(
                "a blank currency",
                422,
                "payments.provider_refused",
                "no bank account in",
                {"currency": " "},
            ),
        ),
    ),
)

RECONCILING = (
    Route(
        asked=f"POST {CASES}/{{case_id}}/assignment",
        at=f"{CASES}/{{case-open}}/assignment",
        good={"owner": "operator:jane"},
        rows=(
            Row("a blank owner", 422, "invalid", "owner", {"owner": " "}),
            state(
                "ended",
                f"{CASES}/{{case-resolved}}/assignment",
                "reconciliation.case_ended",
                "is resolved",
            ),
        ),
    ),
    Route(
        asked=f"POST {CASES}/{{case_id}}/correction",
        fine=(202, ""),
        at=f"{CASES}/{{case-open}}/correction",
        good={
            "debit": "clearing:stripe:USD",
            "credit": "unapplied:USD",
            "amount_minor": 310_00,
            "currency": "USD",
            "reason": "a charge by hand",
        },
        rows=(
            *amounts("invalid", "amount_minor", 0, -1, 10**15 + 1),
            Row(
                "an unknown currency",
                422,
                "reconciliation.bad_currency",
                "unknown currency",
                {"currency": "XXX"},
            ),
            Row(
                "another currency",
                422,
                "reconciliation.bad_correction",
                "currency of both",
                {"currency": "JPY"},
            ),
            Row(
                "an unknown account",
                422,
                "reconciliation.bad_correction",
                "accounts of the chart",
                {"debit": "pocket:USD"},
            ),
            Row(
                "the same account twice",
                422,
                "reconciliation.bad_correction",
                "accounts of the chart",
                {"debit": "unapplied:USD"},
            ),
            Row("a blank reason", 422, "invalid", "reason", {"reason": "  "}),
            state(
                "one waits",
                f"{CASES}/{{case-proposed}}/correction",
                "reconciliation.correction_open",
                "approve it",
            ),
            state(
                "ended",
                f"{CASES}/{{case-resolved}}/correction",
                "reconciliation.case_ended",
                "is resolved",
            ),
        ),
    ),
    Route(
        asked=f"POST {CASES}/{{case_id}}/resolution",
        at=f"{CASES}/{{case-open}}/resolution",
        good={"resolution": "a shop in Graz", "is_accepted": False},
        rows=(
            Row("a blank", 422, "invalid", "resolution", {"resolution": "\t"}),
            state(
                "ended",
                f"{CASES}/{{case-resolved}}/resolution",
                "reconciliation.case_ended",
                "is resolved",
            ),
        ),
    ),
    Route(
        asked=f"POST {CASES}/{{case_id}}/correction/approval",
        at=f"{CASES}/{{case-proposed}}/correction/approval",
        who="john",
        rows=(
            state(
                "nothing proposed",
                f"{CASES}/{{case-open}}/correction/approval",
                "reconciliation.nothing_proposed",
                "nothing is proposed",
            ),
            state(
                "ended",
                f"{CASES}/{{case-resolved}}/correction/approval",
                "reconciliation.case_ended",
                "is resolved",
            ),
            state(
                "one's own",
                f"{CASES}/{{case-proposed}}/correction/approval",
                "reconciliation.same_eyes",
                "somebody else",
                403,
                who="jane",
            ),
        ),
    ),
)
