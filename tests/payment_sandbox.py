"""The payment sandbox as tests meet it: a process of its own that can be killed and restarted."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import stripe

API_KEY = "sk_test_tests"
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

    def plant(self, kind: str, target: str, times: int = 1) -> None:
        response = httpx.post(
            f"{self.base}/sandbox/faults",
            json={"kind": kind, "target": target, "times": times},
            headers={"Authorization": f"Bearer {API_KEY}"},
        )
        assert response.status_code == 200, response.text

    def pay(self, intent_id: str, method: str = "pm_card_visa") -> None:
        """Pay as the buyer does."""
        httpx.post(
            f"{self.base}/v1/payment_intents/{intent_id}/confirm",
            data={"payment_method": method},
            headers={"Authorization": f"Bearer {API_KEY}"},
        )

    def _is_listening(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
