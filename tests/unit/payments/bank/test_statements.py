"""Statement files: read to the cent, or refused with the place; nothing else is looked at."""

from datetime import date
from decimal import Decimal as Number

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bank_statements import HEADER, IBAN, Entry, Paper
from tradesense.kernel.errors import Invalid
from tradesense.payments.bank.rules import statements as rules
from tradesense.payments.bank.statements import Decimal, read_statements

PAPER = Paper(
    opening="100.00",
    entries=(
        Entry(amount="540.00", text="RF18 5390 0754 7034", ref="B1", end_to_end="E1"),
        Entry(amount="-12.50", text="Miete & Co <1>", ref="B2"),
    ),
)
XML = PAPER.xml().decode()
ROW = f"S1,{IBAN},EUR,2014-05-02,,540.00,640.00,Ada,GB33BUKB20201555555555,text,E1,B1"


def read(content, **options):
    (told,) = read_statements(content, **options)
    return told


def cents(minor):
    return str(Number(minor) / 100)


# What a bank may put into a text: no controls, and white space only as single spaces.
WORDS = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=12
)
TEXTS = st.lists(WORDS, max_size=4).map(" ".join)
ENTRIES = st.builds(
    lambda minor, text, name, day: Entry(amount=cents(minor), text=text, name=name, day=day),
    st.integers(-(10**11), 10**11).filter(bool),
    TEXTS,
    TEXTS,
    st.dates(date(2000, 1, 1), date(2099, 12, 31)),
)
PAPERS = st.builds(
    lambda opening, entries, version: Paper(
        opening=cents(opening), entries=tuple(entries), version=version
    ),
    st.integers(-(10**11), 10**11),
    st.lists(ENTRIES, min_size=1, max_size=8),
    st.sampled_from(["02", "08"]),
)


@given(PAPERS)
@settings(max_examples=60)
def test_any_statement_says_the_same_as_document_and_as_table(paper):
    by_xml = read(paper.xml())
    by_table = read(paper.table())
    by_comma = read(paper.table(decimal="comma"), decimal=Decimal.COMMA)

    rules.require_sound(by_xml)
    assert rules.content_sha256(by_xml) == rules.content_sha256(by_table)
    assert rules.content_sha256(by_xml) == rules.content_sha256(by_comma)
    assert [line.amount_minor for line in by_xml.lines] == [
        int(Number(entry.amount) * 100) for entry in paper.entries
    ]
    assert len(set(rules.identities(by_xml))) == len(paper.entries)


@given(PAPERS, st.integers(1, 10**6))
@settings(max_examples=30)
def test_a_closing_balance_that_is_off_is_always_seen(paper, off):
    wrong = Paper(
        opening=paper.opening,
        entries=paper.entries,
        closing=str(Number(paper.ends_with) + Number(off) / 100),
    )
    with pytest.raises(Invalid, match="minor units of EUR"):
        rules.require_sound(read(wrong.xml()))


def test_what_is_not_booked_is_left_out():
    pending = Entry(amount="7.00", status="PDNG")
    told = read(Paper(entries=(*PAPER.entries, pending), opening="1.00").xml())

    assert len(told.lines) == 2
    rules.require_sound(told)


def test_an_entry_of_several_transfers_is_several_lines():
    parts = "".join(
        f'<TxDtls><Amt Ccy="EUR">{amount}</Amt><Refs><EndToEndId>{name}</EndToEndId></Refs>'
        f"<RltdPties><Dbtr><Pty><Nm>{name}</Nm></Pty></Dbtr></RltdPties></TxDtls>"
        for amount, name in (("500.00", "Ada"), ("40.00", "Bob"))
    )
    before, _, rest = XML.partition("<TxDtls>")
    told = read((before + parts + rest.partition("</TxDtls>")[2]).encode())

    assert [(line.amount_minor, line.counterparty) for line in told.lines[:2]] == [
        (50_000, "Ada"),
        (4_000, "Bob"),
    ]
    assert [line.bank_ref for line in told.lines[:2]] == ["B1/1", "B1/2"]
    rules.require_sound(told)


BELL = "te\x07xt"
BILLION = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    "<Document>&b;</Document>"
)
OUTSIDE = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    "<Document>&x;</Document>"
)
MALFORMED = {
    "nothing": ("", "not .*but|line 1"),
    "half a file": (XML[:-40], "no well-formed XML"),
    "a bomb": (BILLION, "document type .DTD. is not allowed"),
    "another file": (OUTSIDE, "document type .DTD. is not allowed"),
    "a deep hole": ("<a>" * 100 + "</a>" * 100, "at most 40 levels"),
    "another message": (XML.replace("camt.053", "camt.052"), "not a camt.053"),
    "another version": (XML.replace("001.08", "001.99"), "not a camt.053"),
    "an unknown entity": (XML.replace("<Id>S1", "<Id>&who;"), "no well-formed XML"),
    "no statement": (
        XML[: XML.index("<Stmt>")] + "</BkToCstmrStmt></Document>",
        "no statement in it",
    ),
    "no opening balance": (XML.replace("OPBD", "XXXX"), "OPBD or PRCD is missing"),
    "no closing balance": (XML.replace("CLBD", "XXXX"), "CLBD is missing"),
    "an unknown currency": (XML.replace("EUR", "XTS"), "unknown currency 'XTS'"),
    "two currencies": (XML.replace('Ccy="EUR"', 'Ccy="USD"', 1), "several currencies"),
    "an entry in another one": (
        XML.replace('Ccy="EUR">540', 'Ccy="USD">540'),
        "line 7, Amt: Ccy is not EUR",
    ),
    "no amount": (XML.replace(">540.00<", "><"), "line 7, Amt: '' is no amount"),
    "a comma": (XML.replace("540.00", "540,00"), "is no amount"),
    "an exponent": (XML.replace("540.00", "5.4e2"), "is no amount"),
    "other digits": (XML.replace("540.00", "٥٤٠"), "is no amount"),
    "a tenth of a cent": (XML.replace("540.00", "540.001"), "more digits than EUR has"),
    "too much": (XML.replace("540.00", "9" * 17), "more than any bank moves"),
    "no direction": (
        XML.replace("<CdtDbtInd>CRDT</CdtDbtInd><Sts>", "<Sts>"),
        "CdtDbtInd is missing",
    ),
    "an odd direction": (XML.replace("DBIT", "LEFT"), "CRDT or DBIT"),
    "an odd state": (XML.replace("BOOK", "MAYB"), "no status of an entry"),
    "no day": (XML.replace("<BookgDt><Dt>2014-05-02", "<BookgDt><Dt>2.5.14"), "is no day"),
    "a day that never was": (
        XML.replace("<BookgDt><Dt>2014-05-02", "<BookgDt><Dt>2014-02-30"),
        "there is no day 2014-02-30",
    ),
    "an endless id": (XML.replace("<Id>S1", f"<Id>{'S' * 36}"), "at most 35 characters"),
    "an endless text": (XML.replace("RF18", "R" * 5_000), "at most 4000 characters"),
    "no table either": ("hello", "line 1: the columns are statement_id,account"),
    "other columns": (HEADER.replace("amount", "sum") + "\n", "line 1: the columns are"),
    "a comma's columns": (HEADER.replace(",", ";") + "\n", "for a decimal point, not"),
    "a header alone": (HEADER + "\n", "no statement in it"),
    "a field too few": (f"{HEADER}\n{ROW.removesuffix(',B1')}\n", "line 2: 12 fields, not 11"),
    "an open quote": (f'{HEADER}\n"{ROW}\n', "line 2: "),
    "thousands": (f"{HEADER}\n{ROW.replace('540.00', '1 540.00')}\n", "is no amount"),
    "a plus": (f"{HEADER}\n{ROW.replace('540.00', '+540.00')}\n", "is no amount"),
    "no account": (f"{HEADER}\n{ROW.replace(IBAN, '')}\n", "may not be empty"),
    "a balance that jumps": (
        f"{HEADER}\n{ROW}\n{ROW.replace('640.00', '1180.01')}\n",
        "line 3: the balance was 64000 and moves by 54000, but is said to be 118001",
    ),
    "a control character": (f"{HEADER}\n{ROW.replace('text', BELL)}\n", "nobody can read"),
}


@pytest.mark.parametrize(("content", "why"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_malformed_is_refused_with_its_place(content, why):
    with pytest.raises(Invalid, match=why):
        read_statements(content.encode())


def test_another_encoding_is_named():
    with pytest.raises(Invalid, match="byte 0: no UTF-8"):
        read_statements(HEADER.encode("utf-16-be").replace(b"\0", b"\xff"))
    assert read(PAPER.xml().decode().replace("UTF-8", "UTF-16").encode("utf-16")).bank_id == "S1"
    assert read(b"\xef\xbb\xbf" + PAPER.table()).bank_id == "S1"


@given(st.binary(max_size=200))
def test_noise_is_refused_and_never_more_than_that(noise):
    for content in (noise, b"<" + noise, HEADER.encode() + b"\n" + noise):
        try:
            read_statements(content)
        except Invalid:
            continue
