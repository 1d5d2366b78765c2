"""Writes pain.001 (ISO 20022 customer credit transfers, version 09): what the bank shall send."""

from collections.abc import Sequence
from datetime import datetime
from html import escape

from tradesense.kernel.money import MINOR_DIGITS
from tradesense.payments.bank.model import BankAccount, Outgoing
from tradesense.payments.bank.rules.accounts import is_iban

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"


def write_pain001(
    own: BankAccount, orders: Sequence[Outgoing], *, message_id: str, now: datetime
) -> bytes:
    """Return the file: one payment of our account, a transfer for each order."""
    total = _decimal(sum(order.amount_minor for order in orders), own.currency)
    sums = f"<NbOfTxs>{len(orders)}</NbOfTxs><CtrlSum>{total}</CtrlSum>"
    transfers = "".join(_transfer(order) for order in orders)
    agent = f"<BICFI>{own.bic}</BICFI>" if own.bic else "<Othr><Id>NOTPROVIDED</Id></Othr>"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="{NAMESPACE}"><CstmrCdtTrfInitn>
<GrpHdr><MsgId>{escape(message_id)}</MsgId><CreDtTm>{now:%Y-%m-%dT%H:%M:%SZ}</CreDtTm>
{sums}<InitgPty><Nm>{escape(own.holder)}</Nm></InitgPty></GrpHdr>
<PmtInf><PmtInfId>{escape(message_id)}</PmtInfId><PmtMtd>TRF</PmtMtd>{sums}
<ReqdExctnDt><Dt>{now:%Y-%m-%d}</Dt></ReqdExctnDt><Dbtr><Nm>{escape(own.holder)}</Nm></Dbtr>
<DbtrAcct>{_account(own.account)}</DbtrAcct>
<DbtrAgt><FinInstnId>{agent}</FinInstnId></DbtrAgt>
{transfers}</PmtInf></CstmrCdtTrfInitn></Document>
""".encode()


def _transfer(order: Outgoing) -> str:
    amount = _decimal(order.amount_minor, order.currency)
    return f"""<CdtTrfTxInf><PmtId><EndToEndId>{order.end_to_end_id}</EndToEndId></PmtId>
<Amt><InstdAmt Ccy="{order.currency}">{amount}</InstdAmt></Amt>
<Cdtr><Nm>{escape(order.creditor[:140])}</Nm></Cdtr>
<CdtrAcct>{_account(order.creditor_account)}</CdtrAcct>
<RmtInf><Ustrd>{escape(order.text[:140])}</Ustrd></RmtInf></CdtTrfTxInf>
"""


def _account(number: str) -> str:
    if is_iban(number):
        return f"<Id><IBAN>{number}</IBAN></Id>"
    return f"<Id><Othr><Id>{escape(number)}</Id></Othr></Id>"


def _decimal(minor: int, currency: str) -> str:
    digits = MINOR_DIGITS[currency]
    whole, part = divmod(minor, 10**digits)
    return f"{whole}.{part:0{digits}d}" if digits else str(whole)
