"""An instance as others find it: its settings, where it is set up, and whether it can serve."""

import asyncio

from tradesense.infra.settings import Settings
from tradesense.kernel.errors import Invalid

_ANSWER_PATIENCE_S = 2.0


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


async def is_serving(settings: Settings) -> bool:
    """Ask the API whether it can serve; no HTTP client, which would cost us its memory."""
    try:
        reader, writer = await asyncio.open_connection(settings.own_host, settings.port)
        writer.write(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")
        async with asyncio.timeout(_ANSWER_PATIENCE_S):
            line = await reader.readline()
        writer.close()
    except (OSError, TimeoutError):
        return False
    return b" 200 " in line
