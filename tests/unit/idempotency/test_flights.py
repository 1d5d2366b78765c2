"""Copies in one process: one looks, none waits for the first to be served."""

import asyncio

import pytest

from tradesense.resilience.idempotency import Flights, StillServed
from tradesense.resilience.idempotency.flights import LOOK_S


class Service:
    """Serves when it is told to; counts looks and effects."""

    def __init__(self, stored=None):
        self.flights = Flights()
        self.looks = self.effects = 0
        self.stored = stored
        self.may_look, self.may_end = asyncio.Event(), asyncio.Event()

    async def _serve(self, begin):
        self.looks += 1
        await self.may_look.wait()
        if self.stored is None:
            begin()
            await self.may_end.wait()
            self.effects += 1
            self.stored = f"answer {self.effects}"
        return self.stored

    def ask(self, digest=b"ours"):
        return asyncio.ensure_future(self.flights.share("key", digest, self._serve))


async def ask_many(service, n=50):
    asked = [service.ask() for _ in range(n)]
    await asyncio.sleep(0)
    return asked


async def test_copies_of_what_is_being_served_are_told_at_once():
    service = Service()
    first, *copies = await ask_many(service)
    service.may_look.set()
    for copy in copies:
        with pytest.raises(StillServed):
            await copy
    assert not first.done()
    service.may_end.set()
    assert await first == ("answer 1", False)
    assert (service.looks, service.effects) == (1, 1)


async def test_copies_of_what_has_an_answer_share_one_look():
    service = Service(stored="kept")
    first, *copies = await ask_many(service)
    service.may_look.set()
    assert await first == ("kept", False)
    assert [await copy for copy in copies] == [("kept", True)] * len(copies)
    assert service.looks == 1


async def test_another_request_under_the_name_is_not_given_its_answer():
    service = Service(stored="kept")
    first = service.ask()
    await asyncio.sleep(0)
    with pytest.raises(StillServed):
        await service.ask(b"theirs")
    service.may_look.set()
    await first
    assert await service.ask(b"theirs") == ("kept", False)


async def test_copies_do_not_wait_for_a_look_that_hangs():
    service = Service()
    first, copy = await ask_many(service, 2)
    began = asyncio.get_running_loop().time()
    with pytest.raises(StillServed):
        await copy
    assert asyncio.get_running_loop().time() - began < 10 * LOOK_S
    first.cancel()


@pytest.mark.parametrize("looked", [False, True])
async def test_one_that_fails_or_leaves_makes_room_for_the_next(looked):
    service = Service()
    first, copy = await ask_many(service, 2)
    if looked:
        service.may_look.set()
        await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(StillServed):
        await copy
    service.may_look.set()
    service.may_end.set()
    assert await service.ask() == ("answer 1", False)


async def test_a_copy_that_leaves_disturbs_nobody():
    service = Service(stored="kept")
    first, leaving, staying = await ask_many(service, 3)
    leaving.cancel()
    service.may_look.set()
    assert await first == ("kept", False)
    assert await staying == ("kept", True)


async def test_an_error_is_the_first_one_s_alone():
    flights, may_fail = Flights(), asyncio.Event()

    async def fail(_):
        await may_fail.wait()
        raise ZeroDivisionError

    first = asyncio.ensure_future(flights.share("key", b"", fail))
    await asyncio.sleep(0)
    copy = asyncio.ensure_future(flights.share("key", b"", fail))
    await asyncio.sleep(0)
    may_fail.set()
    with pytest.raises(ZeroDivisionError):
        await first
    with pytest.raises(StillServed):
        await copy
