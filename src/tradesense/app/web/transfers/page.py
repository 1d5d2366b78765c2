"""The page with our account, the amount and the reference, for whoever was given its address."""

import hmac
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from tradesense import payments
from tradesense.app.web.pages import POLICY
from tradesense.app.web.rendering import TEMPLATES
from tradesense.infra.runtime import FromRequest
from tradesense.kernel.errors import NotFound
from tradesense.kernel.money import Money

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


class NoSuchTransfer(NotFound):
    """Nobody was given this address; a wrong secret and an unknown payment look the same."""

    code = "web.no_such_transfer"


@router.get("/pay/bank/{payment_id}/{secret}")
async def show_transfer(
    payment_id: UUID, secret: str, request: Request, runtime: FromRequest
) -> Response:
    """Show what to transfer, to whom, and under which reference."""
    key = runtime.settings.key_for(payments.bank.PURPOSE)
    right = payments.bank.page_secret(key, payment_id)
    async with runtime.db.reading() as tx:
        found = await payments.bank.find_instructions(tx, payment_id)
    if found is None or not hmac.compare_digest(right.encode(), secret.encode()):
        raise NoSuchTransfer("there is no such bank transfer; open the link that you were given")
    offer, account = found
    shown = {
        "amount": str(Money(offer.amount_minor, offer.currency)),
        "reference": payments.bank.printed(offer.reference),
        "account": payments.bank.printed(account.account),
        "holder": account.holder,
        "bic": account.bic,
        "is_paid": offer.is_paid,
        "is_withdrawn": offer.is_withdrawn,
    }
    headers = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
    answer: Response = TEMPLATES.TemplateResponse(
        request, "transfer.html", shown, headers={**headers, "Cache-Control": "no-store"}
    )
    return answer
