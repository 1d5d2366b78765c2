"""Every SQL statement of market: the lines of the tape, and the records around it."""
