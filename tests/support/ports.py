"""Ports of this machine that no other test has, in whatever process it runs."""

import socket
from collections.abc import Iterator
from typing import Final

_FIRST: Final = 12_000
_END: Final = 32_000
"""The system gives ports from 32768 on to connections: one of these could take a port that a test is about to use."""
_BLOCK: Final = 100


def free_ports(n: int) -> list[int]:
    """Ports that neither TCP nor UDP uses at present, and no test that runs at the same time is given as well."""
    return [next(_PORTS) for _ in range(n)]


def _own() -> Iterator[int]:
    """Each port of a block of this process, and then those of another block."""
    held = []  # until this process ends
    for first in range(_FIRST, _END, _BLOCK):
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            lock.bind(f"\0picocell-test-ports-{first}")  # a name that is no file, and goes with the process
        except OSError:
            lock.close()
            continue
        held.append(lock)
        yield from (port for port in range(first, first + _BLOCK) if _is_free(port))
    raise RuntimeError(f"all ports from {_FIRST} to {_END} are in use")


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                return False
    return True


_PORTS: Final = _own()
