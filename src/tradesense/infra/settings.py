"""What an operator decides, read once from `TRADESENSE_*`; the only reader of the environment."""

import difflib
import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypedDict
from urllib.parse import urlsplit

from tradesense.infra.embedded import postgres, valkey
from tradesense.infra.embedded.secrets import Secrets
from tradesense.kernel.errors import Invalid

PREFIX = "TRADESENSE_"
STRIPE_API = "https://api.stripe.com"
MOLLIE_API = "https://api.mollie.com"

# What each variable means; `tradesense settings` and the error for an unknown one show it.
VARIABLES = {
    "HOME": "folder for everything this instance keeps (default .tradesense)",
    "DATA": "folder of sample price files; read by the tests and benchmarks only",
    "DATABASE_URL": "PostgreSQL as the app's role; needs OWNER_URL and SEALER_URL",
    "OWNER_URL": "PostgreSQL as the owner of the tables; used by migrations",
    "SEALER_URL": "PostgreSQL as the sealer's role",
    "REDIS_URL": "Redis or Valkey; default: an embedded Valkey",
    "HOST": "address to listen on (default 127.0.0.1)",
    "PORT": "port of the pages and the API (default 8000)",
    "SANDBOX_PORT": "port of the payment sandbox (default 8001)",
    "PUBLIC_URL": "address under which others reach us (default http://HOST:PORT)",
    "CLOCK": "system, or driven (time moves only when a story moves it)",
    "PRICES": "price files to replay, separated by ':' (default: a simulated market)",
    "LAYOUT": "layout of the price files (default: detected)",
    "SEED": "integer from which all chance follows (default 1)",
    "STRIPE_API_BASE": "address of the payment provider (default: Stripe with a key, else ours)",
    "STRIPE_SECRET_KEY": "secret key of the payment provider",
    "STRIPE_WEBHOOK_SECRETS": "webhook signing secrets, newest first, separated by ','",
    "MOLLIE_API_BASE": "address of the second payment provider (default: Mollie with a key)",
    "MOLLIE_API_KEY": "key of the second payment provider (default: ours beside our Stripe)",
    "PROVIDER_REST_S": "seconds a payment provider is left alone after 5 failures (default 60)",
    "PAYOUT_ALONE_MAX": "largest payout that one operator may approve alone, in whole units of its"
    " currency (default 0: it always takes two)",
    "SECRET": "master secret, 64 hexadecimal digits (default: made once in the data folder)",
    "LOG_LEVEL": "debug, info, warning or error (default info)",
    "DEMO": "yes or no: make the demo logins and keep their accounts trading (default no)",
}


class BadSetting(Invalid):
    """A variable is unknown, or its value is not allowed. The message says what is."""

    code = "infra.bad_setting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one process. Addresses are empty before the first start of the servers."""

    home: Path
    database_url: str = field(default="", repr=False)
    owner_url: str = field(default="", repr=False)
    sealer_url: str = field(default="", repr=False)
    redis_url: str = field(default="", repr=False)
    embedded_postgres: bool = True
    embedded_valkey: bool = True
    host: str = "127.0.0.1"
    port: int = 8000
    sandbox_port: int = 8001
    public_url: str = "http://127.0.0.1:8000"
    clock: str = "system"
    prices: tuple[Path, ...] = ()
    layout: str | None = None
    seed: int = 1
    stripe_api_base: str = "http://127.0.0.1:8001"
    stripe_secret_key: str = field(default="", repr=False)
    stripe_webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    mollie_api_base: str = "http://127.0.0.1:8001"
    mollie_api_key: str = field(default="", repr=False)
    """Empty where there is no second provider: a real Stripe, and no key for Mollie."""
    provider_rest_s: int = 60
    payout_alone_max: int = 0
    secret: str = field(default="", repr=False)
    log_level: str = "info"
    demo: bool = False

    @classmethod
    def from_environment(cls) -> Self:
        """Read the settings of this process. Raises BadSetting."""
        return cls.read(os.environ)  # noqa: TID251 -- the one place that reads the environment

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Return the settings that `environ` and the data folder name. Raises BadSetting."""
        values = _known(environ)
        home = Path(values.get("HOME", ".tradesense")).absolute()
        secrets = Secrets.find(home)
        secret = _secret(values, secrets)
        host = values.get("HOST", "127.0.0.1")
        port = _integer(values, "PORT", 8000, low=1, high=65_535)
        sandbox_port = _integer(values, "SANDBOX_PORT", 8001, low=1, high=65_535)
        return cls(
            home=home,
            **_databases(values, secrets),
            **_redis(values, secrets),
            host=host,
            port=port,
            sandbox_port=sandbox_port,
            public_url=_address(values, "PUBLIC_URL", ("http", "https"), _url(host, port)),
            clock=_one_of(values, "CLOCK", ("system", "driven")),
            prices=_files(values, "PRICES"),
            layout=values.get("LAYOUT"),
            seed=_integer(values, "SEED", 1, low=0, high=2**63 - 1),
            **_provider(values, secret, sandbox_port),
            provider_rest_s=_integer(values, "PROVIDER_REST_S", 60, low=1, high=3_600),
            payout_alone_max=_integer(values, "PAYOUT_ALONE_MAX", 0, low=0, high=10**9),
            secret=secret,
            log_level=_one_of(values, "LOG_LEVEL", ("info", "debug", "warning", "error")),
            demo=_one_of(values, "DEMO", ("no", "yes")) == "yes",
        )

    @property
    def own_host(self) -> str:
        """Return where processes of this machine reach the API: "everywhere" is no address."""
        return "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104 -- compared

    @property
    def own_url(self) -> str:
        """Return the API's address for processes of this machine."""
        return _url(self.own_host, self.port)

    def key_for(self, purpose: str) -> bytes:
        """Return 32 secret bytes for `purpose`, the same on every start. Raises BadSetting."""
        if not self.secret:
            raise BadSetting(f"no master secret: start `tradesense up` once, or set {PREFIX}SECRET")
        return _derive(self.secret, purpose)


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _derive(secret: str, purpose: str) -> bytes:
    return hmac.digest(bytes.fromhex(secret), purpose.encode(), hashlib.sha256)


def _known(environ: Mapping[str, str]) -> dict[str, str]:
    """Return our variables without the prefix, the empty ones left out."""
    ours = {
        name.removeprefix(PREFIX): text.strip()
        for name, text in environ.items()
        if name.startswith(PREFIX)
    }
    for name in ours:
        if name not in VARIABLES:
            near = difflib.get_close_matches(name.upper(), VARIABLES, n=1, cutoff=0.0)[0]
            raise BadSetting(f"unknown variable {PREFIX}{name}; the nearest known: {PREFIX}{near}")
    return {name: text for name, text in ours.items() if text}


def _integer(values: Mapping[str, str], name: str, default: int, *, low: int, high: int) -> int:
    text = values.get(name, str(default))
    digits = len(str(high))  # beyond, Python would not even read the number
    if re.fullmatch(f"[0-9]{{1,{digits}}}", text) is None or not low <= int(text) <= high:
        raise BadSetting(
            f"{PREFIX}{name}={_shown(text)}: write a whole number from {low} to {high}"
        )
    return int(text)


def _shown(text: str) -> str:
    length = 40
    return repr(text if len(text) <= length else f"{text[:length]}…")


def _one_of(values: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    """Return the value of `name`, by default the first of `allowed`."""
    text = values.get(name, allowed[0])
    if text not in allowed:
        raise BadSetting(f"{PREFIX}{name}={_shown(text)}: write one of {', '.join(allowed)}")
    return text


def _address(
    values: Mapping[str, str], name: str, schemes: tuple[str, ...], default: str = ""
) -> str:
    text = values.get(name, default)
    try:
        parts = urlsplit(text)
        usable = parts.scheme in schemes and bool(parts.netloc) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        allowed = " or ".join(f"{scheme}://HOST:PORT" for scheme in schemes)
        raise BadSetting(f"{PREFIX}{name} is not an address; write {allowed}")
    return text.rstrip("/")


def _files(values: Mapping[str, str], name: str) -> tuple[Path, ...]:
    paths = tuple(Path(part) for part in values.get(name, "").split(":") if part)
    for path in paths:
        try:
            path.stat()
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise BadSetting(f"{PREFIX}{name}: there is no file {path}: {why}") from None
    return tuple(path.absolute() for path in paths)


def _secret(values: Mapping[str, str], secrets: Secrets | None) -> str:
    text = values.get("SECRET", secrets.master if secrets else "")
    if text and re.fullmatch("[0-9a-fA-F]{64}", text) is None:
        raise BadSetting(f"{PREFIX}SECRET: write 64 hexadecimal digits (`openssl rand -hex 32`)")
    return text


class _Databases(TypedDict):
    database_url: str
    owner_url: str
    sealer_url: str
    embedded_postgres: bool


def _databases(values: Mapping[str, str], secrets: Secrets | None) -> _Databases:
    names = ("DATABASE_URL", "OWNER_URL", "SEALER_URL")
    given = [name for name in names if name in values]
    if not given:
        urls = [
            postgres.url(secrets, role) if secrets and secrets.postgres_port else ""
            for role in (postgres.APP, postgres.OWNER, postgres.SEALER)
        ]
    elif len(given) < len(names):
        missing = " and ".join(PREFIX + name for name in names if name not in values)
        raise BadSetting(
            f"{PREFIX}{given[0]} is set, {missing} not: the app, the owner of the tables and the "
            "sealer are three roles, so that the app cannot rewrite the trail; name all three"
        )
    else:
        urls = [_address(values, name, ("postgresql", "postgres")) for name in names]
    return _Databases(
        database_url=urls[0],
        owner_url=urls[1],
        sealer_url=urls[2],
        embedded_postgres=not given,
    )


class _Redis(TypedDict):
    redis_url: str
    embedded_valkey: bool


def _redis(values: Mapping[str, str], secrets: Secrets | None) -> _Redis:
    if "REDIS_URL" in values:
        url = _address(values, "REDIS_URL", ("redis", "rediss"))
    else:
        url = valkey.url(secrets) if secrets and secrets.valkey_port else ""
    return _Redis(redis_url=url, embedded_valkey="REDIS_URL" not in values)


class _Provider(TypedDict):
    stripe_api_base: str
    stripe_secret_key: str
    stripe_webhook_secrets: tuple[str, ...]
    mollie_api_base: str
    mollie_api_key: str


def _provider(values: Mapping[str, str], secret: str, sandbox_port: int) -> _Provider:
    """Return the payment providers: the real ones if their keys are given, else our sandbox."""
    key = values.get("STRIPE_SECRET_KEY", "")
    signing = tuple(part for part in values.get("STRIPE_WEBHOOK_SECRETS", "").split(",") if part)
    if not (key or signing or "STRIPE_API_BASE" in values):
        if secret:
            key = f"sk_test_{_derive(secret, 'sandbox key').hex()[:32]}"
            signing = (f"whsec_{_derive(secret, 'sandbox webhooks').hex()}",)
        base = f"http://127.0.0.1:{sandbox_port}"
    elif key and signing:
        base = _address(values, "STRIPE_API_BASE", ("https", "http"), STRIPE_API)
    else:
        raise BadSetting(
            f"{PREFIX}STRIPE_SECRET_KEY and {PREFIX}STRIPE_WEBHOOK_SECRETS go together, and with "
            f"{PREFIX}STRIPE_API_BASE: set both, or none of the three for the sandbox"
        )
    mollie_base, mollie_key = _mollie(values, secret, sandbox_port)
    return _Provider(
        stripe_api_base=base,
        stripe_secret_key=key,
        stripe_webhook_secrets=signing,
        mollie_api_base=mollie_base,
        mollie_api_key=mollie_key,
    )


def _mollie(values: Mapping[str, str], secret: str, sandbox_port: int) -> tuple[str, str]:
    """Return Mollie's address and key: the sandbox's where Stripe is the sandbox too."""
    key = values.get("MOLLIE_API_KEY", "")
    if key:
        return _address(values, "MOLLIE_API_BASE", ("https", "http"), MOLLIE_API), key
    if "MOLLIE_API_BASE" in values:
        raise BadSetting(f"{PREFIX}MOLLIE_API_BASE needs {PREFIX}MOLLIE_API_KEY: set both, or none")
    if secret and "STRIPE_SECRET_KEY" not in values:
        key = f"test_{_derive(secret, 'sandbox mollie key').hex()[:30]}"
    return f"http://127.0.0.1:{sandbox_port}", key
