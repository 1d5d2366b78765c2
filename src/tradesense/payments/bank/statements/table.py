"""
Reads a statement from a table: UTF-8, one header line, one line per movement.

    statement_id,account,currency,booked_on,valued_on,amount,balance,counterparty,
    counterparty_account,text,end_to_end_id,bank_ref

`amount` is signed (positive: money that came to us); `balance` is what the account held after the
line, so that a missing line is seen. Columns are separated by `,` where amounts have a decimal
point, and by `;` where they have a decimal comma.
"""

import csv
import io
from collections.abc import Iterator
from itertools import pairwise

from tradesense.payments.bank.model import ReadLine, ReadStatement
from tradesense.payments.bank.refusals import MalformedStatement, UnbalancedStatement
from tradesense.payments.bank.statements.amounts import (
    Decimal,
    read_account,
    read_amount,
    read_currency,
    read_day,
    read_text,
    shown,
)

COLUMNS = (
    "statement_id",
    "account",
    "currency",
    "booked_on",
    "valued_on",
    "amount",
    "balance",
    "counterparty",
    "counterparty_account",
    "text",
    "end_to_end_id",
    "bank_ref",
)
SEPARATOR = {Decimal.POINT: ",", Decimal.COMMA: ";"}
FIELD_MAX = 4_000

Row = tuple[str, dict[str, str]]  # where, what


def read_table(content: bytes, decimal: Decimal) -> list[ReadStatement]:
    """Return the statements of a table. Raises MalformedStatement or UnbalancedStatement."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedStatement(f"byte {error.start}: no UTF-8; save the table as UTF-8") from None
    statements: dict[str, list[Row]] = {}
    for row in _rows(text, decimal):
        statements.setdefault(row[1]["statement_id"], []).append(row)
    return [_statement(rows, decimal) for rows in statements.values()]


def _rows(text: str, decimal: Decimal) -> Iterator[Row]:
    # Strict: a quote that never closes is an error, not a field with the rest of the file in it.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=SEPARATOR[decimal], strict=True)
    try:
        header = next(reader, [])
        if tuple(header) != COLUMNS:
            raise MalformedStatement(
                f"line 1: the columns are {SEPARATOR[decimal].join(COLUMNS)} "
                f"for a decimal {decimal}, not {shown(SEPARATOR[decimal].join(header))}"
            )
        for cells in reader:
            where = f"line {reader.line_num}"
            if len(cells) != len(COLUMNS):
                raise MalformedStatement(f"{where}: {len(COLUMNS)} fields, not {len(cells)}")
            if any(len(cell) > FIELD_MAX for cell in cells):
                raise MalformedStatement(f"{where}: a field has at most {FIELD_MAX} characters")
            yield where, dict(zip(COLUMNS, cells, strict=True))
    except csv.Error as error:
        raise MalformedStatement(f"line {reader.line_num}: {error}") from None


def _statement(rows: list[Row], decimal: Decimal) -> ReadStatement:
    where, first = rows[0]
    currency = read_currency(first["currency"], where)
    account = read_account(first["account"], where)
    if not account or not first["statement_id"].strip():
        raise MalformedStatement(f"{where}: statement_id and account may not be empty")
    for other, row in rows:
        if (row["currency"], read_account(row["account"], other)) != (currency, account):
            raise MalformedStatement(f"{other}: a statement has one account and one currency")
    balances = [read_amount(row["balance"], currency, at, decimal=decimal) for at, row in rows]
    lines = tuple(_line(row, currency, decimal) for row in rows)
    for (before, after), line in zip(pairwise(balances), lines[1:], strict=True):
        if before + line.amount_minor != after:
            raise UnbalancedStatement(
                f"{line.where}: the balance was {before} and moves by {line.amount_minor}, but is "
                f"said to be {after} then (minor units of {currency}); is a line missing?"
            )
    return ReadStatement(
        account=account,
        currency=currency,
        bank_id=read_text(first["statement_id"], where, at_most=35),
        opening_minor=balances[0] - lines[0].amount_minor,
        closing_minor=balances[-1],
        lines=lines,
    )


def _line(row: Row, currency: str, decimal: Decimal) -> ReadLine:
    where, told = row
    booked_on = read_day(told["booked_on"], where)
    return ReadLine(
        where=where,
        booked_on=booked_on,
        valued_on=read_day(told["valued_on"], where) if told["valued_on"] else booked_on,
        amount_minor=read_amount(told["amount"], currency, where, decimal=decimal),
        counterparty=read_text(told["counterparty"], where, at_most=140),
        counterparty_account=read_account(told["counterparty_account"], where),
        text=read_text(told["text"], where, at_most=2_000),
        end_to_end_id=read_text(told["end_to_end_id"], where, at_most=35),
        bank_ref=read_text(told["bank_ref"], where, at_most=40),
    )
