"""Our processes as a test runs them: real ones, that can be killed and started again."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from payment_sandbox import API_KEY, MOLLIE_KEY, WEBHOOK_SECRET, free_port

START_TIMEOUT_S = 30


@dataclass
class Processes:
    """The platform on one database, without a supervisor: each process by its name."""

    database_url: str
    owner_url: str
    sealer_url: str
    redis_url: str
    home: Path
    port: int = field(default_factory=free_port)
    sandbox_port: int = field(default_factory=free_port)
    provider_rest_s: int = 1
    has_mollie: bool = False
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    buyers: list["Buyer"] = field(default_factory=list)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sandbox(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"

    def start(self, *names: str) -> None:
        for name in names:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "tradesense.app.processes", name],
                env=self.environment(),
            )

    def kill(self, name: str) -> None:
        """SIGKILL, as the machine would."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def buyer(self, name: str = "ada") -> "Buyer":
        """Return somebody new, who has signed in."""
        buyer = Buyer(httpx.Client(base_url=self.base, timeout=20), name)
        self.buyers.append(buyer)
        buyer.sign_up()
        return buyer

    def stop(self) -> None:
        for buyer in self.buyers:
            buyer.client.close()
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            process.wait(timeout=20)

    def wait_ready(self) -> None:
        """Wait until the API and the sandbox answer."""
        deadline = time.monotonic() + START_TIMEOUT_S
        for address in (f"{self.base}/readyz", f"{self.sandbox}/"):
            while not _answers(address):
                assert time.monotonic() < deadline, f"{address} does not answer"
                time.sleep(0.05)

    def environment(self) -> dict[str, str]:
        ours = {
            "HOME": str(self.home),
            "DATABASE_URL": self.database_url,
            "OWNER_URL": self.owner_url,
            "SEALER_URL": self.sealer_url,
            "REDIS_URL": self.redis_url,
            "PORT": str(self.port),
            "SANDBOX_PORT": str(self.sandbox_port),
            "SECRET": "5e" * 32,
            "STRIPE_API_BASE": self.sandbox,
            "STRIPE_SECRET_KEY": API_KEY,
            "STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET,
            "PROVIDER_REST_S": str(self.provider_rest_s),
            "LOG_LEVEL": "warning",
        }
        if self.has_mollie:
            ours |= {"MOLLIE_API_BASE": self.sandbox, "MOLLIE_API_KEY": MOLLIE_KEY}
        return {
            "PYTHONPATH": os.pathsep.join(sys.path),
            **{f"TRADESENSE_{name}": value for name, value in ours.items()},
        }


@contextmanager
def processes(**where):
    """Lend the processes of an instance; they are stopped afterwards, however the test ends."""
    lent = Processes(**where)
    try:
        yield lent
    finally:
        lent.stop()


@dataclass
class Buyer:
    """A person with a browser: signs up, orders, pays at the provider."""

    client: httpx.Client
    name: str
    purchase_id: str = ""

    def sign_up(self) -> None:
        login = {"email": f"{self.name}@example.com", "password": f"password of {self.name}"}
        self._post("/api/v1/signup", login, key=f"sign up {self.name}")
        token = self._post("/api/v1/sessions", login)["token"]
        self.client.headers["Authorization"] = f"Bearer {token}"

    def order(self, plan: str, **body: str) -> None:
        self.purchase_id = self._post(
            "/api/v1/purchases", {"plan": plan, **body}, key=f"order of {self.name}"
        )["id"]

    def purchase(self) -> dict:
        answer = self.client.get(f"/api/v1/purchases/{self.purchase_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait_for(self, condition, within_s: float) -> dict:
        """Return the purchase as soon as it is as `condition` says."""
        deadline = time.monotonic() + within_s
        while not condition(seen := self.purchase()):
            assert time.monotonic() < deadline, f"still {seen}"
            time.sleep(0.02)
        return seen

    def pay(self, method: str = "pm_card_visa") -> None:
        payment = self.wait_for(lambda seen: (seen["payment"] or {}).get("pay_url"), 15)["payment"]
        paid = httpx.post(
            payment["pay_url"],
            data={"client_secret": payment["client_secret"], "payment_method": method},
        )
        assert paid.status_code < 400, paid.text

    def _post(self, path: str, body: dict, key: str | None = None) -> dict:
        headers = {"Idempotency-Key": key} if key else {}
        answer = self.client.post(path, json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.json()


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=1).status_code < 500
    except httpx.HTTPError:
        return False
