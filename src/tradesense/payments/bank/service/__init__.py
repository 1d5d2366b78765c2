"""The verbs of the bank's part; none of them commits, and none asks anybody outside."""
