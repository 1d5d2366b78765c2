"""What a trader was told, over HTTP."""

from typing import Any

from fastapi import APIRouter

from tradesense.identity.caller import CallerFromRequest
from tradesense.infra.runtime import FromRequest
from tradesense.kernel.errors import Forbidden
from tradesense.notifications import store
from tradesense.notifications.wording import words_for

router = APIRouter(prefix="/api/v1/messages", tags=["messages"])


class MayNotRead(Forbidden):
    """An API key acts for one challenge; its owner's messages are for its owner."""

    code = "notifications.may_not_read"


@router.get("")
async def list_messages(caller: CallerFromRequest, runtime: FromRequest) -> dict[str, Any]:
    """Return your newest messages, at most a hundred; moments in UTC."""
    if caller.challenge_id is not None:
        raise MayNotRead("sign in to read messages; an API key acts for one challenge only")
    async with runtime.db.reading() as tx:
        messages = await store.list_of(tx, caller.user_id)
    told = [(message, words_for(message.topic, message.data)) for message in messages]
    return {
        "messages": [
            {
                "id": str(message.message_id),
                "at": message.written_at.isoformat(),
                "topic": message.topic,
                "subject": words.subject,
                "text": words.text,
            }
            for message, words in told
        ]
    }
