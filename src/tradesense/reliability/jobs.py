"""What reliability listens to."""

from tradesense.bus import Subscription
from tradesense.reliability import service

SUBSCRIPTION = Subscription(
    name="reliability",
    kinds=("ProviderContained", "ProviderRestored"),
    apply=service.hear,
)
