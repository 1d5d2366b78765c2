"""The page on which a person pays, by a test card of their choice."""

from html import escape

from tradesense.app.sandbox.store import Json
from tradesense.app.sandbox.world.cards import CARDS, shown

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - payment sandbox</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif }}
body {{ max-width: 28rem; margin: 4rem auto; padding: 0 1rem }}
h1 {{ font-size: 1.6rem }} button {{ font: inherit; padding: .5rem 1.5rem }}
label {{ display: block; padding: .3rem 0 }} .note {{ color: #666 }} .refused {{ color: #b00 }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
<p class="note">A sandbox: no real money moves. <a href="{home}">Back to TradeSense</a></p>
</body>
</html>
"""


def pay_page(intent: Json, *, home: str) -> str:
    """Return the page for an intent as it stands: a form, or what became of it."""
    status = intent["status"]
    if status == "requires_capture":
        return _page("Reserved", f"<p>{shown(intent)} reserved. Thank you.</p>", home)
    if status == "succeeded":
        return _page("Paid", f"<p>{shown(intent)} paid. Thank you.</p>", home)
    if status == "canceled":
        return _page("Cancelled", "<p>This payment was cancelled.</p>", home)
    error = intent["last_payment_error"]
    refused = f'<p class="refused">{escape(error["message"])} Try another.</p>' if error else ""
    cards = "\n".join(
        f'<label><input type="radio" name="payment_method" value="{escape(name)}"'
        f"{' checked' if number == 0 else ''}> {escape(card.label)} (…{card.last4})</label>"
        for number, (name, card) in enumerate(CARDS.items())
    )
    form = (
        f'{refused}<form method="post" action="/pay/{escape(intent["id"])}">'
        f'<input type="hidden" name="client_secret" value="{escape(intent["client_secret"])}">'
        f"{cards}<p><button>Pay {shown(intent)}</button></p></form>"
    )
    return _page(f"Pay {shown(intent)}", form, home)


def ask_page(intent: Json, *, home: str) -> str:
    """Return the page of the buyer's bank: 3-D Secure."""
    form = (
        f"<p>Your bank asks: do you want to pay {shown(intent)}?</p>"
        f'<form method="post" action="/pay/{escape(intent["id"])}">'
        f'<input type="hidden" name="client_secret" value="{escape(intent["client_secret"])}">'
        '<p><button name="confirmed" value="yes">Yes, pay</button> '
        '<button name="confirmed" value="no">No</button></p></form>'
    )
    return _page("Is this you?", form, home)


def refused_page(*, home: str) -> str:
    """Return the page for an address that opens nothing."""
    return _page("No such payment", "<p>This address opens no payment.</p>", home)


def _page(title: str, body: str, home: str) -> str:
    return _PAGE.format(title=escape(title), body=body, home=escape(home))
