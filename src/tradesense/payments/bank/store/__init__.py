"""Every SQL statement of the bank's part."""
