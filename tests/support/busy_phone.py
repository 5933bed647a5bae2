"""A phone as a process that pings an address and moves TCP to and from its gateway, all at once.

python tests/support/busy_phone.py --address 172.16.0.1 [--any.key value of picocell ue]

It prints ``answer SEQUENCE SENT`` for each answer, as `pinging_phone` does, and, twice a second, ``moved N``: bytes
that went there and back so far. SIGUSR1 ends the pings, or begins them; SIGUSR2 does so with TCP, off at first.
"""

import argparse
import signal
import sys
import time
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from picocell.config import load
from picocell.inet import ConnectionFailedError, IpHost, TcpConnection
from picocell.inet.services import ECHO
from picocell.ip_device import IpDeviceError
from picocell.tun import HostDevice
from picocell.ue import run
from picocell.ue.config import UeConfig
from support.pinging_phone import Pings

GATEWAY: Final = "172.16.0.1"
MOST_UNDER_WAY: Final = 24_000
"""Bytes that were sent and have not come back: more, and pings wait behind them for long."""
_CHUNK: Final = bytes(4000)
_PERIOD_S: Final = 0.5


class Transfers:
    """TCP both ways at once: what the gateway's host sends back. A connection that ended is made anew."""

    def __init__(self, device: HostDevice) -> None:
        self._device = device
        self._host: IpHost | None = None
        self._connection: TcpConnection | None = None
        self._moved = self._under_way = 0
        self._next = 0.0
        self._on = False

    def toggle(self, *_: object) -> None:
        """Begin, or end."""
        self._on = not self._on

    def step(self) -> None:
        """Move what there is room for."""
        try:
            host = self._device.host
        except IpDeviceError:
            return
        now, connection = time.monotonic_ns() // 1_000_000, self._connection
        if not self._on:
            if connection is not None:
                connection.abort(now)
            self._connection = None
            return
        if connection is None or host is not self._host or connection.error is not None:
            self._host, self._under_way = host, 0
            self._connection = host.connect(GATEWAY, ECHO, now)
        elif connection.established:
            self._move(connection, now)
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _PERIOD_S
            print(f"moved {self._moved}", flush=True)

    def _move(self, connection: TcpConnection, now: int) -> None:
        try:
            returned = len(connection.recv(1 << 16, now))
            self._moved, self._under_way = self._moved + returned, self._under_way - returned
            if self._under_way < MOST_UNDER_WAY:
                self._under_way += connection.send(_CHUNK, now)
        except ConnectionFailedError:
            return


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", default=GATEWAY)
    options, words = parser.parse_known_args()
    device = HostDevice()
    pings, transfers = Pings(device, options.address), Transfers(device)
    signal.signal(signal.SIGUSR1, pings.toggle)
    signal.signal(signal.SIGUSR2, transfers.toggle)

    def each_step() -> None:
        pings.step()
        transfers.step()

    raise SystemExit(run.main(load(UeConfig, None, words), lambda *_: device, each_step=each_step))


if __name__ == "__main__":
    main()
