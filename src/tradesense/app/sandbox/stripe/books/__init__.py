"""The sandbox's own books at Stripe: balance, disputes, payouts to the bank."""
