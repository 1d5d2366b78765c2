"""One part of the matching per file; each writes what differs on the same sheet."""
