"""The sealed log: signed checkpoint, inclusion proofs, hash-linked entries. Knows no trading."""
