"""
Stripe's webhook signatures: `t=<seconds>,v1=<HMAC-SHA256 of "t.body">`, maybe several `v1`.

Ours, so that the HTTP process need not load the `stripe` package; the tests hold it against
`stripe.Webhook.construct_event`.
"""

import hmac
import re
from collections.abc import Sequence

TOLERANCE_S = 300  # as the official package
HEADER_MAX = 4096

_TIME = re.compile(r"\d{1,12}")


def find_flaw(body: bytes, header: str, *, secrets: Sequence[str], now_s: float) -> str | None:
    """
    Return why `header` does not prove that `body` is Stripe's and recent; None if it does.

    Any of the `secrets` may have signed it, so that they can be changed without losing calls.
    `now_s` is wall time in seconds since 1970.
    """
    if not header:
        return "the Stripe-Signature header is missing"
    if len(header) > HEADER_MAX:
        return "the Stripe-Signature header is too long"
    parts = [part.partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name.strip() == "t"]
    signatures = [value.strip() for name, _, value in parts if name.strip() == "v1"]
    if not times or not _TIME.fullmatch(times[0]) or not signatures:
        return "the Stripe-Signature header has no t=... or no v1=..."
    signed = times[0].encode() + b"." + body
    expected = [hmac.digest(secret.encode(), signed, "sha256").hex() for secret in secrets]
    matches = [
        hmac.compare_digest(one.encode(), given.encode())
        for one in expected
        for given in signatures
    ]
    if not any(matches):
        return "no signature matches the body"
    if int(times[0]) < now_s - TOLERANCE_S:
        return f"the signature is more than {TOLERANCE_S} s old"
    return None
