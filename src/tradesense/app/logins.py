"""Who may sign in to a demonstration; known to everyone, so only made where DEMO is `yes`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Login:
    """What a person types to sign in."""

    email: str
    password: str


DEMO = Login("demo@tradesense.example", "demo-trader-2014")
