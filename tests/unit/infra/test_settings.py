"""Settings: what is set is used, what is wrong is named with what would be right."""

import pytest

from tradesense.infra.embedded import Secrets
from tradesense.infra.settings import VARIABLES, BadSetting, Settings

URLS = {
    "TRADESENSE_DATABASE_URL": "postgresql://app:a@db/tradesense",
    "TRADESENSE_OWNER_URL": "postgresql://owner:o@db/tradesense",
    "TRADESENSE_SEALER_URL": "postgresql://sealer:s@db/tradesense",
}


def read(tmp_path, **values):
    environ = {f"TRADESENSE_{name}": text for name, text in values.items()}
    return Settings.read({"TRADESENSE_HOME": str(tmp_path), "HOME": "/root", **environ})


def test_nothing_need_be_set(tmp_path):
    settings = read(tmp_path)
    assert settings.home == tmp_path
    assert settings.embedded_postgres
    assert settings.embedded_valkey
    assert settings.database_url == ""  # not before the servers' first start
    assert settings.clock == "system"
    assert settings.public_url == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://127.0.0.1:8000"),
        ("::1", "http://[::1]:8000"),
        ("10.1.2.3", "http://10.1.2.3:8000"),
    ],
)
def test_processes_of_this_machine_reach_the_api_wherever_it_listens(tmp_path, host, url):
    assert read(tmp_path, HOST=host).own_url == url


def test_the_embedded_servers_addresses_come_from_the_data_folder(tmp_path):
    secrets = Secrets(postgres_port=15001, valkey_port=15002)
    secrets.save(tmp_path)
    settings = read(tmp_path)
    assert settings.database_url == (
        f"postgresql://tradesense_app_login:{secrets.app}@127.0.0.1:15001/tradesense"
    )
    assert settings.owner_url.startswith(f"postgresql://tradesense_owner:{secrets.owner}@")
    assert settings.sealer_url.startswith(f"postgresql://tradesense_sealer_login:{secrets.sealer}@")
    assert settings.redis_url == f"redis://:{secrets.valkey}@127.0.0.1:15002/0"
    assert settings.secret == secrets.master


def test_named_servers_are_used(tmp_path):
    settings = Settings.read(
        {**URLS, "TRADESENSE_HOME": str(tmp_path), "TRADESENSE_REDIS_URL": "redis://cache:6379"}
    )
    assert settings.database_url == URLS["TRADESENSE_DATABASE_URL"]
    assert settings.owner_url == URLS["TRADESENSE_OWNER_URL"]
    assert settings.sealer_url == URLS["TRADESENSE_SEALER_URL"]
    assert not settings.embedded_postgres
    assert not settings.embedded_valkey


@pytest.mark.parametrize("missing", sorted(URLS))
def test_a_named_database_needs_all_three_roles(missing):
    given = {name: url for name, url in URLS.items() if name != missing}
    with pytest.raises(BadSetting, match=missing):
        Settings.read(given)


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("DATABSE_URL", "DATABASE_URL"),
        ("PRT", "PORT"),
        ("SEEDS", "SEED"),
        ("prices", "PRICES"),
        ("", ""),
    ],
)
def test_an_unknown_variable_is_named_with_the_nearest_known(tmp_path, wrong, nearest):
    with pytest.raises(BadSetting, match=f"TRADESENSE_{wrong}; .*TRADESENSE_{nearest}"):
        read(tmp_path, **{wrong: "1"})


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("PORT", "http", "1 to 65535"),
        ("PORT", "0", "1 to 65535"),
        ("PORT", "65536", "1 to 65535"),
        ("PORT", "-1", "1 to 65535"),
        ("PORT", "٣", "1 to 65535"),
        ("SANDBOX_PORT", "8e3", "1 to 65535"),
        ("SEED", "1.5", "0 to 9223372036854775807"),
        ("CLOCK", "sundial", "system, driven"),
        ("LOG_LEVEL", "INFO", "info, debug, warning, error"),
        ("DEMO", "true", "no, yes"),
        ("REDIS_URL", "localhost:6379", "redis://"),
        ("PUBLIC_URL", "example.com", "https://"),
        ("PUBLIC_URL", "http://h:port", "https://"),
        ("PRICES", "/nowhere/eurusd.zip", "no file /nowhere/eurusd.zip"),
        ("PRICES", "a" * 300, "no file a+: file name too long"),
        ("PORT", "9" * 5_000, "'9{40}…': write a whole number from 1 to 65535"),
        ("SEED", "9" * 5_000, "write a whole number from 0 to 9223372036854775807"),
        ("SEED", "-1", "write a whole number"),
        ("CLOCK", "x" * 5_000, "write one of system, driven"),
        ("SECRET", "hunter2", "64 hexadecimal"),
        ("STRIPE_SECRET_KEY", "sk_live_1", "WEBHOOK_SECRETS"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_1", "SECRET_KEY"),
        ("STRIPE_API_BASE", "http://127.0.0.1:1", "SECRET_KEY"),
    ],
)
def test_a_bad_value_is_answered_with_what_is_allowed(tmp_path, name, text, allowed):
    with pytest.raises(BadSetting, match=allowed) as refused:
        read(tmp_path, **{name: text})
    assert f"TRADESENSE_{name}" in str(refused.value)


def test_a_bad_secret_is_not_repeated(tmp_path):
    with pytest.raises(BadSetting) as refused:
        read(tmp_path, SECRET="hunter2")
    assert "hunter2" not in str(refused.value)


def test_secrets_are_not_shown(tmp_path):
    Secrets(postgres_port=15001, valkey_port=15002).save(tmp_path)
    settings = read(tmp_path)
    secrets = Secrets.find(tmp_path)
    for hidden in (secrets.app, secrets.owner, secrets.sealer, secrets.valkey, secrets.master):
        assert hidden not in repr(settings)


def test_an_empty_variable_is_as_good_as_none(tmp_path):
    assert read(tmp_path, PORT="", PRICES=" ").port == 8000


def test_several_price_files(tmp_path):
    for name in ("a.zip", "b.csv"):
        (tmp_path / name).touch()
    settings = read(tmp_path, PRICES=f"{tmp_path}/a.zip:{tmp_path}/b.csv")
    assert [path.name for path in settings.prices] == ["a.zip", "b.csv"]


def test_the_sandbox_and_we_share_keys_nobody_else_knows(tmp_path):
    Secrets().save(tmp_path)
    settings = read(tmp_path, SANDBOX_PORT="9001")
    assert settings.stripe_api_base == "http://127.0.0.1:9001"
    assert settings.stripe_secret_key.startswith("sk_test_")
    assert settings.stripe_webhook_secrets[0].startswith("whsec_")
    assert settings == read(tmp_path, SANDBOX_PORT="9001")


def test_a_real_provider_is_used_once_its_keys_are_given(tmp_path):
    settings = read(tmp_path, STRIPE_SECRET_KEY="sk_1", STRIPE_WEBHOOK_SECRETS="whsec_n,whsec_o")
    assert settings.stripe_api_base == "https://api.stripe.com"
    assert settings.stripe_webhook_secrets == ("whsec_n", "whsec_o")


def test_the_second_provider_is_the_sandbox_beside_the_first(tmp_path):
    Secrets().save(tmp_path)
    settings = read(tmp_path, SANDBOX_PORT="9001")
    assert settings.mollie_api_base == "http://127.0.0.1:9001"
    assert settings.mollie_api_key.startswith("test_")
    assert settings.mollie_api_key not in repr(settings)


def test_there_is_no_second_provider_beside_a_real_one_without_its_key(tmp_path):
    Secrets().save(tmp_path)
    stripe = {"STRIPE_SECRET_KEY": "sk_1", "STRIPE_WEBHOOK_SECRETS": "whsec_1"}
    assert read(tmp_path, **stripe).mollie_api_key == ""
    settings = read(tmp_path, **stripe, MOLLIE_API_KEY="live_1")
    assert (settings.mollie_api_base, settings.mollie_api_key) == (
        "https://api.mollie.com",
        "live_1",
    )
    with pytest.raises(BadSetting, match="MOLLIE_API_KEY"):
        read(tmp_path, MOLLIE_API_BASE="https://api.mollie.com")


def test_a_key_for_each_purpose(tmp_path):
    settings = read(tmp_path, SECRET="5e" * 32)
    assert len(settings.key_for("sessions")) == 32
    assert settings.key_for("sessions") != settings.key_for("answers")
    with pytest.raises(BadSetting, match="TRADESENSE_SECRET"):
        read(tmp_path).key_for("sessions")


def test_every_variable_says_what_it_is_for():
    assert all(meaning for meaning in VARIABLES.values())
