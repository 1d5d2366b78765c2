"""An account's proof in one file: everything a stranger needs to judge it again."""

from tradesense.challenges.evidence.gather import NotYetSealed, bundle_of

__all__ = ["NotYetSealed", "bundle_of"]
