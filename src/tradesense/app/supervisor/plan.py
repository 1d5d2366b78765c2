"""Which programs make up the platform, in the order in which they start."""

from threading import Lock

from tradesense.app.supervisor.child import Launch, Program, python
from tradesense.infra.embedded import Postgres, Valkey
from tradesense.infra.settings import Settings

PROCESSES = "tradesense.app.processes"
# The engine last: it finds the prices and the accounts it needs.
ALWAYS = ("api", "worker", "scheduler", "sealer", "feed", "engine")


def servers(settings: Settings) -> list[Program]:
    """Return the embedded servers that no setting replaces by a real one."""
    programs = []
    turn = Lock()
    if settings.embedded_postgres:
        programs.append(_embedded("postgres", Postgres(settings.home), turn))
    if settings.embedded_valkey:
        programs.append(_embedded("valkey", Valkey(settings.home), turn))
    return programs


def processes(settings: Settings) -> list[Program]:
    """Return our own processes; the sandbox unless a real provider is named."""
    names = list(ALWAYS)
    if uses_sandbox(settings):
        names.insert(0, "sandbox")
    if settings.demo:
        names.append("demo")
    return [python(name, PROCESSES, name) for name in names]


def uses_sandbox(settings: Settings) -> bool:
    """Say whether payments go to the sandbox of this instance."""
    here = f"http://127.0.0.1:{settings.sandbox_port}"
    return here in {settings.stripe_api_base, settings.mollie_api_key and settings.mollie_api_base}


def _embedded(name: str, server: Postgres | Valkey, turn: Lock) -> Program:
    def prepare() -> None:
        with turn:  # both note their port in the file of secrets
            server.prepare()

    def launch() -> Launch:
        command = server.command()
        return Launch(command.argv, command.options(), command.stop_signal)

    return Program(name=name, launch=launch, prepare=prepare, ready=server.wait_ready)
