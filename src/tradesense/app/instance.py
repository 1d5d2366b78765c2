"""The settings of an instance that exists: for processes and commands that start nothing."""

from tradesense.infra.settings import Settings
from tradesense.kernel.errors import Invalid


class NoInstance(Invalid):
    """The data folder holds no instance, and no setting names one elsewhere."""

    code = "app.no_instance"


def instance_settings() -> Settings:
    """Return the settings of this process's instance. Raises BadSetting, NoInstance."""
    settings = Settings.from_environment()
    if not (settings.database_url and settings.secret):
        raise NoInstance(
            f"nothing has been set up in {settings.home}: start `tradesense up` there once, "
            "or name real servers (`tradesense settings` lists the variables)"
        )
    return settings
