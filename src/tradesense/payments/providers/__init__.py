"""
Who takes money for us: one file each, all of them `payments.model.Provider`.

What can go wrong with any of them is said in the same words, so that no caller needs to know
which one it was.
"""

from tradesense.kernel.errors import Invalid, NotFound, OutcomeUnknown, Unavailable


class ProviderRefused(Invalid):
    """The provider says no to what we ask; asking again would not help."""

    code = "payments.provider_refused"


class UnknownAtProvider(NotFound):
    """The provider does not know the object."""

    code = "payments.unknown_at_provider"


class ProviderAway(Unavailable):
    """The provider could not be reached, or would not serve us now; nothing has happened."""

    code = "payments.provider_away"


class ProviderSilent(OutcomeUnknown):
    """The call left and no answer came; repeating it finds out."""

    code = "payments.provider_silent"


class ProviderFailed(OutcomeUnknown):
    """The provider answered with a failure of its own (5xx, or nonsense)."""

    code = "payments.provider_failed"
