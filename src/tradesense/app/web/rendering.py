"""The templates and their few words for numbers."""

from pathlib import Path

from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader

HERE = Path(__file__).parent


def money(minor: int) -> str:
    """Return `-1,234.56`; every account here counts in hundredths."""
    whole, part = divmod(abs(minor), 100)
    return f"{'−' if minor < 0 else ''}{whole:,}.{part:02d}"  # noqa: RUF001 -- a true minus sign


def signed(minor: int) -> str:
    """Return the same with a plus sign where it is a gain."""
    return f"+{money(minor)}" if minor > 0 else money(minor)


def tone(minor: int) -> str:
    """Return the class that colours a gain or a loss."""
    return "up" if minor > 0 else "down" if minor < 0 else ""


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"money": money, "signed": signed, "tone": tone}
    return environment


TEMPLATES = Jinja2Templates(env=_environment())
