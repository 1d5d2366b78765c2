"""The payment sandbox as tests meet it: a process of its own that can be killed and restarted."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import stripe

API_KEY = "sk_test_tests"
MOLLIE_KEY = "test_tests"
WEBHOOK_SECRET = "whsec_tests"
START_TIMEOUT_S = 20


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class SandboxProcess:
    """`webhook_port` is where the sandbox believes the platform to be."""

    home: Path
    port: int = field(default_factory=free_port)
    webhook_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        environment = {
            "PYTHONPATH": os.pathsep.join(sys.path),
            "TRADESENSE_HOME": str(self.home),
            "TRADESENSE_PORT": str(self.webhook_port),
            "TRADESENSE_SANDBOX_PORT": str(self.port),
            "TRADESENSE_MOLLIE_API_BASE": self.base,
            "TRADESENSE_MOLLIE_API_KEY": MOLLIE_KEY,
            "TRADESENSE_STRIPE_API_BASE": self.base,
            "TRADESENSE_STRIPE_SECRET_KEY": API_KEY,
            "TRADESENSE_STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tradesense.app.processes", "sandbox"], env=environment
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._is_listening():
            assert self.process.poll() is None, "the sandbox did not start"
            assert time.monotonic() < deadline, "the sandbox does not listen"
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL, as the machine would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def wait_dead(self) -> int:
        """Wait for a death that a fault has brought about; return the exit code."""
        assert self.process is not None
        return self.process.wait(timeout=10)

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=10)

    def client(self) -> stripe.StripeClient:
        """The official client, set up as its documentation says."""
        return stripe.StripeClient(
            API_KEY, base_addresses={"api": self.base}, max_network_retries=0
        )

    def plant(self, kind: str, target: str, times: int = 1, **details: object) -> None:
        """Let the next `times` requests, cards or webhooks that match `target` meet a fault."""
        self.control("faults", kind=kind, target=target, times=times, **details)

    def planted(self) -> list[dict[str, Any]]:
        """Return every planted fault with how often it was `met`: a fault must have struck."""
        answer = httpx.get(f"{self.base}/sandbox/faults", headers=self._headers)
        return list(answer.json())

    def clear_faults(self) -> None:
        httpx.delete(f"{self.base}/sandbox/faults", headers=self._headers).raise_for_status()

    def pay(self, ref: str, method: str = "pm_card_visa") -> dict[str, Any]:
        """Pay as the buyer does, on the page or by the program."""
        return self.control("pay", ref=ref, method=method)

    def authenticate(self, ref: str, *, confirmed: bool = True) -> dict[str, Any]:
        """Answer the question of the buyer's bank."""
        return self.control("authenticate", ref=ref, confirmed=confirmed)

    def lapse(self, ref: str) -> None:
        """Let an authorisation end without a capture, as banks do after some days."""
        self.control("lapse", ref=ref)

    def dispute(self, ref: str, reason: str = "fraudulent") -> str:
        """Let the buyer's bank take a payment back; return the dispute's id."""
        return str(self.control("disputes", ref=ref, reason=reason)["id"])

    def conclude(self, dispute: str, outcome: str) -> None:
        """End a dispute: won or lost."""
        self.control("disputes/conclude", ref=dispute, outcome=outcome)

    def fail_refund(self, ref: str) -> None:
        self.control("refunds/fail", ref=ref)

    def pay_out(self, provider: str = "stripe", currency: str = "usd") -> dict[str, Any]:
        """Pay all of a provider's balance out to our bank."""
        return self.control("payouts", provider=provider, currency=currency)

    def fail_payout(self, ref: str) -> None:
        self.control("payouts/fail", ref=ref)

    def statement(self, currency: str = "usd", **days: str) -> str:
        """Return our bank's statement, camt.053."""
        answer = httpx.get(
            f"{self.base}/sandbox/bank/statement",
            params={"currency": currency, **days},
            headers=self._headers,
        )
        answer.raise_for_status()
        return answer.text

    def order(self, file: bytes) -> httpx.Response:
        """Give our bank a pain.001."""
        return httpx.post(f"{self.base}/sandbox/bank/orders", content=file, headers=self._headers)

    def close_statement(self, currency: str = "usd") -> bytes:
        """Return our bank's next numbered statement: what none has shown before."""
        return str(self.control("bank/statements", currency=currency)["camt053"]).encode()

    def control(self, what: str, **asked: object) -> dict[str, Any]:
        """Play the rest of the world."""
        answer = httpx.post(f"{self.base}/sandbox/{what}", json=asked, headers=self._headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {API_KEY}"}

    def _is_listening(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
