"""An errand whose process died is found again; one that is answered or under way is not."""

from datetime import timedelta

from tradesense.infra.idempotency import forget_answers, list_unanswered
from tradesense.infra.idempotency.claims import Name, claim, keep


async def test_only_an_errand_that_nobody_works_on_is_unanswered(db):
    async def claimed(tx):
        digest = b"\x00" * 32
        await claim(tx, Name("ada POST /gone", "one"), digest=digest, lease_s=-60.0)
        await claim(tx, Name("ada POST /working", "two"), digest=digest, lease_s=60.0)
        await keep(tx, Name("ada POST /done", "three"), digest=digest, status=201, sealed=b"{}")

    await db.repeat(claimed)
    assert await db.repeat(forget_answers) == 0, "what it began may have happened: it stays"
    async with db.reading() as tx:
        ((name, for_s),) = await list_unanswered(tx)
    assert name == Name("ada POST /gone", "one")
    assert timedelta(seconds=59) < timedelta(seconds=for_s) < timedelta(minutes=5)
