"""The rules of a challenge, written down a second time: from their text, not from the engine."""
