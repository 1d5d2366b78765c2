"""A port of our own on the loopback interface."""

import secrets
import socket

# Below Linux's ephemeral range (32768..60999, ip_local_port_range): a port inside it can be
# taken by anyone's outgoing connection while our server restarts, even by a client that is
# trying to reach it (TCP connects to itself).
_FIRST, _LAST = 15_000, 32_000
_TRIES = 200


def is_free(port: int) -> bool:
    """Say whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def choose() -> int:
    """Return a free port. Raises OSError if there is none."""
    for _ in range(_TRIES):
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)
        if is_free(port):
            return port
    raise OSError(f"no free port on 127.0.0.1 between {_FIRST} and {_LAST}")
