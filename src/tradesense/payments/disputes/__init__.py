"""Money that the buyers' banks take back, or want to: held meanwhile, then ours again or lost."""
