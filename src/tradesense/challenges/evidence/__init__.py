"""An account's proof in one file: everything a stranger needs to judge it again."""
