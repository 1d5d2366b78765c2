"""The world around the providers: cards, a bank, and what goes wrong."""
