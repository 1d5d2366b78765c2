"""Settings that cannot work are refused when they are written down, with the field named."""

import math


class BadSetting(ValueError):
    """A setting that cannot work. `field` names it; the message says what would."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field} {message}")
        self.field = field


def require_seconds(field: str, value: float, *, or_zero: bool = False) -> None:
    """Raise BadSetting unless `value` is a finite duration above zero (or zero, if allowed)."""
    _require_number(field, value)
    if value < 0 or (value == 0 and not or_zero):
        raise BadSetting(field, f"is a time {'not below' if or_zero else 'above'} 0, not {value}")


def require_count(field: str, value: int, *, least: int = 1) -> None:
    """Raise BadSetting unless `value` is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadSetting(field, f"is a whole number, not {value!r}")
    if value < least:
        raise BadSetting(field, f"is at least {least}, not {value}")


def require_share(field: str, value: float, *, or_zero: bool = False) -> None:
    """Raise BadSetting unless `value` is a share: above 0 (or 0, if allowed), at most 1."""
    _require_number(field, value)
    if not 0 <= value <= 1 or (value == 0 and not or_zero):
        least = "from 0 to 1" if or_zero else "above 0, at most 1"
        raise BadSetting(field, f"is a share {least}, not {value}")


def require_factor(field: str, value: float) -> None:
    """Raise BadSetting unless `value` is a finite number of at least 1."""
    _require_number(field, value)
    if value < 1:
        raise BadSetting(field, f"is a factor of at least 1, not {value}")


def _require_number(field: str, value: object) -> None:
    # True would quietly mean one second; not-a-number would never compare as too late.
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadSetting(field, f"is a finite number, not {value!r}")
