"""Decisions about statements, references, matches and books; all of them pure."""
