"""An account's proof in one file: everything a stranger needs to judge it again."""

from tradesense.challenges.evidence.gather import NotYetSealed, evidence_of

__all__ = ["NotYetSealed", "evidence_of"]
