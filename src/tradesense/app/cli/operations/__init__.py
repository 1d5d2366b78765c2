"""Commands for those who run the firm: one file per subject, each with a `register`."""
