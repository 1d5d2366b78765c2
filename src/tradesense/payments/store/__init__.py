"""Every SQL statement of payments, a file for each subject."""
