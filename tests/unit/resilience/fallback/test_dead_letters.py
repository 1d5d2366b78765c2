"""What cannot be published is buried, never lost."""

import pytest

from tradesense.kernel.errors import Unavailable
from tradesense.resilience.fallback import Delivery, OrDeadLetter
from tradesense.resilience.retry import Retry, RetrySettings, Steps
from unit.resilience.driven import Driven


class Graveyard:
    def __init__(self, error=None):
        self.buried = []
        self.error = error

    async def bury(self, message, error):
        if self.error:
            raise self.error
        self.buried.append((message, error))


async def refuse(_message):
    raise Unavailable


def letters(graveyard):
    settings = RetrySettings(tries_max=2, backoff=Steps((1.0,)))
    retry = Retry("bus", settings, surroundings=Driven().surroundings)
    return OrDeadLetter(retry, graveyard.bury)


async def test_what_is_published_is_not_buried():
    graveyard, sent = Graveyard(), []

    async def publish(message):
        sent.append(message)

    assert await letters(graveyard).send(publish, "m") is Delivery.PUBLISHED
    assert (sent, graveyard.buried) == (["m"], [])


async def test_what_cannot_be_published_is_buried_with_its_error():
    graveyard = Graveyard()
    assert await letters(graveyard).send(refuse, "m") is Delivery.BURIED
    [(message, error)] = graveyard.buried
    assert message == "m"
    assert isinstance(error, Unavailable)


async def test_a_burial_that_fails_is_heard_of():
    with pytest.raises(ConnectionError) as raised:
        await letters(Graveyard(ConnectionError())).send(refuse, "m")
    assert isinstance(raised.value.__context__, Unavailable)
