"""The SQL of reconciliation: copied movements, the sides as they stand, cases and runs."""
