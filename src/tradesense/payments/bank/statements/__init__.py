"""
Statements as banks write them: camt.053 (ISO 20022, versions 02 and 08) and a table of our own.

Promises a file is read whole or refused, with the place and the reason; nothing outside the file
         is ever looked at, and what it may cost is bounded.
"""

from tradesense.payments.bank.model import ReadStatement
from tradesense.payments.bank.refusals import MalformedStatement
from tradesense.payments.bank.statements.amounts import Decimal
from tradesense.payments.bank.statements.camt053 import read_camt053
from tradesense.payments.bank.statements.table import read_table

__all__ = ["FILE_MAX", "LINES_MAX", "Decimal", "read_statements"]

FILE_MAX = 32 * 1024 * 1024  # a busy day of 10,000 lines has some 15 MB in the wordiest dialect
LINES_MAX = 10_000  # one transaction writes them all; that many take seconds


def read_statements(content: bytes, *, decimal: Decimal = Decimal.POINT) -> list[ReadStatement]:
    """
    Return the statements in a file, which is XML if it begins with `<`, else a table.

    `decimal` is how a table writes its amounts. Raises MalformedStatement.
    """
    if len(content) > FILE_MAX:
        raise MalformedStatement(f"a statement file has at most {FILE_MAX} bytes")
    is_xml = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"
    # UTF-16 begins with its own mark; a table is always UTF-8.
    is_xml = is_xml or content[:2] in {b"\xff\xfe", b"\xfe\xff"}
    statements = read_camt053(content) if is_xml else read_table(content, decimal)
    if not statements:
        raise MalformedStatement("the file has no statement in it")
    if sum(len(statement.lines) for statement in statements) > LINES_MAX:
        raise MalformedStatement(f"a file has at most {LINES_MAX} lines; split it by day")
    return statements
