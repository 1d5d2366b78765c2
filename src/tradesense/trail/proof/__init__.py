"""What a stranger can check: trees, signed notes, tiles, proofs. Pure: bytes in, bytes out."""
