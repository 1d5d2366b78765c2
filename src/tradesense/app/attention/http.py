"""An operator's one page over HTTP."""

from typing import Any

from fastapi import APIRouter

from tradesense.app.attention.gather import gather, show
from tradesense.identity.caller import OperatorFromRequest
from tradesense.infra.runtime import FromRequest

router = APIRouter(prefix="/api/v1/operations/attention", tags=["operations"])


@router.get("")
async def show_attention(
    _: OperatorFromRequest, runtime: FromRequest, *, checks_promises: bool = True
) -> dict[str, Any]:
    """Return what waits for a person; without `checks_promises` it need not walk all records."""
    return show(await gather(runtime, checks_promises=checks_promises))
