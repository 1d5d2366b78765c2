"""What others offer for the same work; each runs under its own interpreter, apart from ours."""
