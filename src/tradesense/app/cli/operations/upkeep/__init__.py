"""Commands for what is looked after day by day: the books, and what stands still."""
