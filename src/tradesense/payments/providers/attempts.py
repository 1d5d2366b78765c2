"""Making something once at a provider that may keep its own failures under our key."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tradesense.kernel.errors import Unavailable
from tradesense.payments.providers import ProviderFailed, ProviderSilent

T = TypeVar("T")

ATTEMPTS_MAX = 3


async def attempt(
    create: Callable[[str], Awaitable[T]], find: Callable[[], Awaitable[T | None]], key: str
) -> T:
    """
    Create something once, under `key` and the number of the attempt.

    Stripe keeps a 5xx like any other answer and replays it under its key for a day. So after
    one we look whether it was made all the same, and only then try under the next key. Repeated
    as a whole, it walks the same keys to the same object.
    """
    for number in range(1, ATTEMPTS_MAX):
        try:
            return await create(f"{key}:{number}")
        except ProviderFailed as failed:
            try:
                found = await find()
            except Unavailable as error:
                # Not asked, or in vain: what failed before may have been done all the same.
                raise ProviderSilent(f"{failed}; nor can it be looked up: {error}") from error
            if found is not None:
                return found
    return await create(f"{key}:{ATTEMPTS_MAX}")
