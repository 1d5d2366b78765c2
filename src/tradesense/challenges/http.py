"""Challenges over HTTP: plans, challenges, keys, accounts and their evidence."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel

from tradesense import identity
from tradesense.challenges import evidence, service, standing, store
from tradesense.challenges.model import Challenge, Plan, Verdict
from tradesense.challenges.standing import Standing
from tradesense.identity.caller import CallerFromRequest
from tradesense.identity.model import Caller
from tradesense.infra.db import Transaction
from tradesense.infra.idempotency import OnceFromRequest
from tradesense.infra.runtime import FromRequest
from tradesense.kernel.canonical import jsonable
from tradesense.kernel.errors import Forbidden

router = APIRouter(prefix="/api/v1", tags=["challenges"])


class MayNotIssueKeys(Forbidden):
    """An API key acts for its challenge; it does not make other keys."""

    code = "challenges.may_not_issue_keys"


class IssuedKey(BaseModel):
    """An API key. The secret is shown once; the key follows the challenge through its phases."""

    key_id: str
    secret: str


@router.get("/plans")
async def list_plans() -> list[dict[str, Any]]:
    """List what is on sale, each rule with its numbers and the page it stands on."""
    return [_plan(plan) for plan in service.list_plans()]


@router.get("/challenges")
async def list_challenges(caller: CallerFromRequest, runtime: FromRequest) -> list[dict[str, Any]]:
    """List the caller's challenges, oldest first."""
    async with runtime.db.reading() as tx:
        found = await store.list_by_user(tx, caller.user_id)
        return [await _challenge(tx, each) for each in found if _may_see(caller, each)]


@router.get("/challenges/{challenge_id}")
async def read_challenge(
    challenge_id: UUID, caller: CallerFromRequest, runtime: FromRequest
) -> dict[str, Any]:
    """Show one challenge: where it stands, and the account of each phase so far."""
    async with runtime.db.reading() as tx:
        found = await service.get(tx, challenge_id, user_id=caller.user_id)
        if not _may_see(caller, found):
            raise service.UnknownChallenge(f"this key has no challenge {challenge_id}")
        return await _challenge(tx, found)


@router.post("/challenges/{challenge_id}/keys", status_code=201, response_model=IssuedKey)
async def issue_key(
    challenge_id: UUID, caller: CallerFromRequest, once: OnceFromRequest, runtime: FromRequest
) -> Response:
    """Make an API key for the challenge; the same Idempotency-Key gives the same key."""
    if caller.challenge_id is not None:
        raise MayNotIssueKeys("sign in to make keys; an API key acts for its challenge only")
    now = runtime.now()

    async def verb(tx: Transaction) -> IssuedKey:
        await service.get(tx, challenge_id, user_id=caller.user_id)
        issued = await identity.issue_key(
            tx,
            user_id=caller.user_id,
            challenge_id=challenge_id,
            request_key=once.key,
            instance_secret=identity.instance_secret(runtime.settings),
            now=now,
        )
        return IssuedKey(key_id=issued.key_id, secret=issued.secret)

    return await once.answer(verb, principal=f"user:{caller.user_id}", status=201)


@router.get("/accounts/{account_id}")
async def read_account(
    account_id: UUID, caller: CallerFromRequest, runtime: FromRequest
) -> dict[str, Any]:
    """Show how an account stands: floors, target, days, next reset, verdict with its sums."""
    now = runtime.now()
    async with runtime.db.reading() as tx:
        await _require_owned(tx, caller, account_id)
        found = await standing.get_standing(tx, account_id, user_id=caller.user_id, now=now)
    return _standing(found)


@router.get("/accounts/{account_id}/evidence", response_class=Response)
async def read_evidence(
    account_id: UUID, caller: CallerFromRequest, runtime: FromRequest
) -> Response:
    """Download everything a stranger needs to judge the account again."""
    async with runtime.db.reading() as tx:
        await _require_owned(tx, caller, account_id)
    bundle = await evidence.evidence_of(runtime, account_id)
    name = f'attachment; filename="tradesense-{account_id}.zip"'
    return Response(bundle, media_type="application/zip", headers={"content-disposition": name})


async def _require_owned(tx: Transaction, caller: Caller, account_id: UUID) -> None:
    """Raise UnknownAccount unless the account is the caller's, and the key's if it is a key."""
    owned = await standing.find_owned(tx, account_id, user_id=caller.user_id)
    if not _may_see(caller, owned):
        raise service.UnknownAccount(f"you have no account {account_id}")


def _may_see(caller: Caller, challenge: Challenge) -> bool:
    return caller.challenge_id is None or caller.challenge_id == challenge.id


def _plan(plan: Plan) -> dict[str, Any]:
    programme = plan.programme
    return {
        "code": plan.code,
        "title": plan.title,
        "currency": plan.initial.currency,
        "initial_minor": plan.initial.minor,
        "price_minor": plan.price.minor,
        "price_currency": plan.price.currency,
        "leverage": plan.leverage,
        "symbols": plan.symbols,
        "programme": programme.title,
        "source": programme.source,
        "chosen": programme.chosen,
        "reset": {"time": programme.reset_time, "zone": programme.reset_zone},
        "limits": jsonable(programme.limits),
        "phases": jsonable(programme.phases),
    }


async def _challenge(tx: Transaction, challenge: Challenge) -> dict[str, Any]:
    accounts = []
    for phase, account_id in await store.list_accounts(tx, challenge.id):
        verdict = await store.find_verdict(tx, account_id)
        accounts.append(
            {
                "account_id": account_id,
                "phase": phase,
                "status": _status(challenge, verdict),
            }
        )
    return {
        "id": challenge.id,
        "plan": challenge.plan,
        "status": challenge.status if challenge.suspended_for is None else "suspended",
        "why": standing.why_of(challenge),
        "phase": challenge.phase,
        "account_id": challenge.account_id,
        "accounts": accounts,
        "started_at": challenge.started_at,
        "terms_sha256": challenge.terms.sha256,
    }


def _status(challenge: Challenge, verdict: Verdict | None) -> str:
    """Return how one of the challenge's accounts stands, as far as the challenge knows."""
    if verdict is not None:
        return verdict.outcome.value
    if challenge.revoked_for is not None:
        return challenge.status.value
    return "running" if challenge.suspended_for is None else "suspended"


def _standing(found: Standing) -> dict[str, Any]:
    told = jsonable(found)
    if not isinstance(told, dict):
        raise TypeError("a standing is an object")
    return {**told}
