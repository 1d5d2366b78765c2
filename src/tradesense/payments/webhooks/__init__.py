"""What providers tell us unasked: proven, kept as it came, and looked into afterwards."""
