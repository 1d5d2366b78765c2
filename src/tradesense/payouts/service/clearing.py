"""What stands between owed money and the bank: who the trader is, and the challenge's payment."""

from tradesense import challenges, payments
from tradesense.challenges import Challenge
from tradesense.infra.db import Transaction
from tradesense.kernel.errors import InvariantBroken
from tradesense.kernel.ids import derive
from tradesense.payments.model import DisputeStatus
from tradesense.payouts import rules
from tradesense.payouts.model import Payout
from tradesense.payouts.store import identities


async def challenge_of(tx: Transaction, payout: Payout) -> Challenge:
    """Return the challenge that a payout is of. Raises InvariantBroken."""
    challenge = await challenges.find_by_account(tx, payout.account_id)
    if challenge is None:
        raise InvariantBroken(f"payout {payout.id} is of an account that no challenge trades")
    return challenge


async def require_sendable(tx: Transaction, payout: Payout) -> None:
    """
    Raise NotClear if the challenge is suspended or revoked, or its payment is disputed.

    A challenge that has failed is not suspended any more when its payment is disputed.
    """
    challenge = await challenge_of(tx, payout)
    payment_id = derive(challenge.purchase_id, "payment")
    disputes = await payments.list_disputes(tx, payment_id)
    is_disputed = any(each.status is DisputeStatus.OPEN for each in disputes)
    rules.require_sendable(challenge, is_disputed=is_disputed)


async def require_known(tx: Transaction, payout: Payout) -> None:
    """Raise IdentityUnknown unless we have established who the trader is."""
    rules.require_known(await identities.find_identity(tx, payout.user_id))
