"""The settings of an instance that exists: for processes and commands that start nothing."""

from tradesense.infra.settings import Settings
from tradesense.kernel.errors import Invalid


class NoInstance(Invalid):
    """The data folder holds no instance, and no setting names one elsewhere."""

    code = "app.no_instance"


def instance_settings(*, needs_database: bool = True) -> Settings:
    """
    Return the settings of this process's instance. Raises BadSetting, NoInstance.

    Whoever does without the database (the payment sandbox) only needs the provider's secrets.
    """
    settings = Settings.from_environment()
    is_set_up = settings.secret and settings.database_url
    if not (is_set_up if needs_database else settings.stripe_secret_key):
        raise NoInstance(
            f"nothing has been set up in {settings.home}: start `tradesense up` there once, "
            "or name real servers (`tradesense settings` lists the variables)"
        )
    return settings
