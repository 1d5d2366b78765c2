"""What notifications listen to."""

from tradesense.bus import Subscription
from tradesense.notifications import service
from tradesense.notifications.rules import TELLINGS

SUBSCRIPTION = Subscription(name="notifications", kinds=tuple(TELLINGS), apply=service.hear)
