"""How prices become the tape: numbered, judged fit or unfit, cut into blocks, committed."""
