"""The battery of `tests/breaker_battery.py`, asked of every breaker that the lock file installs."""
