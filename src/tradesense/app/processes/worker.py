"""The worker: advances sagas, delivers facts, and settles what payment providers say."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog

from tradesense import bus, sagas
from tradesense.bus.jobs import Consumer
from tradesense.infra import fleet
from tradesense.infra.db import Transaction
from tradesense.infra.runtime import Runtime
from tradesense.infra.settings import Settings
from tradesense.kernel.errors import OutcomeUnknown, Unavailable
from tradesense.notifications import jobs as notifications
from tradesense.operations.jobs import following
from tradesense.payments import Providers
from tradesense.payments import jobs as payments
from tradesense.payouts import jobs as payouts
from tradesense.payouts.model import WAKE as PAYOUTS_WAKE
from tradesense.purchases import jobs as purchases
from tradesense.purchases.model import WAKE
from tradesense.reliability import jobs as reliability
from tradesense.sagas import Definition
from tradesense.sagas.jobs import Runner

CONNECTIONS = 8

# The database is asked this often whether anything is due: how much later than at once things
# happen where nobody could ring, at a few percent of one core.
POLL_S = 0.1
REST_S = 0.25  # after trouble with the database: it is waited for, not pressed
DEFECT_REST_S = 1.0

SUBSCRIPTIONS = (
    purchases.SUBSCRIPTION,
    payouts.SUBSCRIPTION,
    notifications.SUBSCRIPTION,
    reliability.SUBSCRIPTION,
)
WAKES = (WAKE, PAYOUTS_WAKE, "payments")  # who has something for us says so there

log = structlog.get_logger()


@dataclass(slots=True)
class Post:
    """A sort of work; the `work` itself says how much it was."""

    name: str
    work: Callable[[], Awaitable[int]]
    called: asyncio.Event = field(default_factory=asyncio.Event)


# Asked many times a second: which posts have something due. One question may speak for many.
Question = Callable[[Transaction], Awaitable[Sequence[Post]]]


async def main(settings: Settings) -> None:
    """Work until cancelled; a database, a Redis or a provider that is away is waited for."""
    async with (
        Runtime.open(settings, name="worker", connections=CONNECTIONS) as runtime,
        following(runtime, "worker"),
        fleet.joined_as("worker", runtime),
        payments.open_providers(runtime) as providers,
    ):
        definitions = [purchases.story(providers), payouts.story()]
        await _prepare(runtime, definitions)
        bell = asyncio.Event()  # rings when something may be due
        async with asyncio.TaskGroup() as group:
            runner = Runner(runtime, definitions, group, on_settled=bell.set)
            posts = [Post("sagas", runner.move_due)]
            questions = [_alone(posts[0], runner.is_due)]
            for subscription in SUBSCRIPTIONS:
                consumer = Consumer(runtime, subscription)
                posts.append(Post(f"bus {subscription.name}", consumer.deliver))
                questions.append(_alone(posts[-1], consumer.is_due))
            paying, question = _payments(runtime, providers)
            questions.append(question)
            for post in (*posts, *paying):
                group.create_task(_serve(post, bell))
            group.create_task(_listen(runtime, bell))
            if providers.watch is not None:
                group.create_task(providers.watch.run(bell.set))
            await _watch(runtime, questions, bell)


def _alone(post: Post, is_due: Callable[[Transaction], Awaitable[bool]]) -> Question:
    """Return the question about one post, which is not asked while the post is called anyway."""

    async def ask(tx: Transaction) -> Sequence[Post]:
        return [post] if not post.called.is_set() and await is_due(tx) else []

    return ask


def _payments(runtime: Runtime, providers: Providers) -> tuple[Sequence[Post], Question]:
    """Give each provider a post of its own: one that hangs holds up nobody else's money."""
    wishes = Post("payments wishes", partial(payments.grant_wishes, runtime, providers))
    at = {
        provider.name: Post(
            f"payments {provider.name}", partial(payments.do_due_at, runtime, provider)
        )
        for provider in providers
    }

    async def ask(tx: Transaction) -> Sequence[Post]:
        found = await payments.list_due(tx, providers)
        return [*(at[name] for name in found.providers), *([wishes] if found.has_wishes else [])]

    return [wishes, *at.values()], ask


async def _prepare(runtime: Runtime, definitions: Sequence[Definition]) -> None:
    """Make our stories and consumers known. Raises DefinitionChanged."""

    async def verb(tx: Transaction) -> None:
        await sagas.pin(tx, definitions)
        await bus.subscribe(tx, SUBSCRIPTIONS)

    while True:
        try:
            return await runtime.db.repeat(verb)
        except (Unavailable, OutcomeUnknown) as error:
            log.info("waiting for the database", reason=str(error))
            await asyncio.sleep(REST_S)


async def _watch(runtime: Runtime, questions: Sequence[Question], bell: asyncio.Event) -> None:
    """Call whoever has something due: when the bell rings, and soon in any case."""
    while True:
        bell.clear()
        rest_s = POLL_S
        try:
            async with runtime.db.reading() as tx:
                for ask in questions:
                    for post in await ask(tx):
                        post.called.set()
        except (Unavailable, OutcomeUnknown) as error:
            log.info("cannot look", reason=str(error))
            rest_s = REST_S
        await _heard(bell, at_most_s=rest_s)


async def _heard(bell: asyncio.Event, *, at_most_s: float) -> None:
    try:
        async with asyncio.timeout(at_most_s):
            await bell.wait()
    except TimeoutError:
        return


async def _serve(post: Post, bell: asyncio.Event) -> None:
    """Do the work of a post whenever it is called; what it has done may be due to others."""
    while True:
        await post.called.wait()
        post.called.clear()
        try:
            if await post.work():
                bell.set()
        except (Unavailable, OutcomeUnknown) as error:
            log.info("put off", post=post.name, reason=str(error))
            await asyncio.sleep(REST_S)
        except Exception:
            # One post's defect must not stop the others; it is logged, and tried again.
            log.exception("defect", post=post.name)
            await asyncio.sleep(DEFECT_REST_S)


async def _listen(runtime: Runtime, bell: asyncio.Event) -> None:
    async for _ in runtime.redis.subscribe(*WAKES):
        bell.set()
