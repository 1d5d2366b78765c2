"""
Mollie's calls: an unsigned form that holds the id of a payment, and nothing else.

Nothing is believed because of it: the payment is fetched. So that strangers cannot make us ask
Mollie as often as they like, the address that we give Mollie for a payment carries a proof of it
(HMAC-SHA256 of our own id); a call without the proof is refused like a forged signature.
"""

import hmac
import re
from collections.abc import Callable
from urllib.parse import parse_qsl
from uuid import UUID

from tradesense.infra.settings import Settings

PROVIDER = "mollie"
BODY_MAX = 1_024  # many times an id
_ID = re.compile(r"tr_[A-Za-z0-9]{1,60}")
_PURPOSE = "mollie webhooks"


def address_of(settings: Settings) -> Callable[[UUID], str]:
    """Return what tells Mollie where to call about a payment of ours."""
    here = f"http://127.0.0.1:{settings.sandbox_port}"
    base = settings.own_url if settings.mollie_api_base == here else settings.public_url
    key = settings.key_for(_PURPOSE)

    def address(payment_id: UUID) -> str:
        return f"{base}/webhooks/mollie?payment={payment_id}&proof={_proof(key, str(payment_id))}"

    return address


def find_flaw(settings: Settings, *, payment: str, proof: str) -> str | None:
    """Return why a call's address is not one that we gave to Mollie; None if it is."""
    expected = _proof(settings.key_for(_PURPOSE), payment)
    if not hmac.compare_digest(expected.encode(), proof.encode()):
        return "the address is not one that we gave to Mollie"
    return None


def read_id(body: bytes) -> str | None:
    """Return the id of the payment that a call is about, None if it has none, or several."""
    try:
        form = parse_qsl(body.decode("ascii"), strict_parsing=True, max_num_fields=4)
    except ValueError:
        return None
    given = [text for name, text in form if name == "id"]
    return given[0] if len(given) == 1 and _ID.fullmatch(given[0]) else None


def _proof(key: bytes, payment: str) -> str:
    return hmac.digest(key, payment.encode(), "sha256").hex()[:32]
