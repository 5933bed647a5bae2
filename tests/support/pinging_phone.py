"""A phone as a process that pings its gateway and prints a line an answer; SIGUSR1 ends the pings, or begins them.

python tests/support/pinging_phone.py --address 172.16.0.1 [--any.key value of picocell ue]

The line is ``answer SEQUENCE SENT``: when the ping was sent, by the clock that all processes of a machine share, as
the line itself may be read late.
"""

import argparse
import signal
import sys
import time
from typing import Final

from picocell.config import load
from picocell.ip_device import IpDeviceError
from picocell.tun import HostDevice
from picocell.ue import run
from picocell.ue.config import UeConfig

INTERVAL_S: Final = 0.25


class Pings:
    """Pings of a host in this process, sent as real time passes."""

    def __init__(self, device: HostDevice, address: str) -> None:
        self._device, self._address = device, address
        self._sent: dict[int, float] = {}
        self._sequence = 0
        self._next = 0.0
        self._quiet = False

    def toggle(self, *_: object) -> None:
        """Be quiet, or speak again."""
        self._quiet = not self._quiet

    def step(self) -> None:
        """Send what is due, and print what was answered: its sequence number, and when it was sent."""
        try:
            host = self._device.host
        except IpDeviceError:
            return
        now = time.monotonic()
        if now >= self._next and not self._quiet:
            self._next = now + INTERVAL_S
            self._sequence = (self._sequence + 1) % 65_536
            self._sent[self._sequence] = now
            self._sent.pop((self._sequence - 1000) % 65_536, None)
            host.ping(self._address, 1, self._sequence)
        while host.echo_replies:
            reply = host.echo_replies.popleft()
            sent = self._sent.pop(reply.sequence, None)
            if sent is not None:
                sys.stdout.write(f"answer {reply.sequence} {sent:.6f}\n")  # in one go, beside other threads' lines
                sys.stdout.flush()


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", required=True)
    options, words = parser.parse_known_args()
    device = HostDevice()
    pings = Pings(device, options.address)
    signal.signal(signal.SIGUSR1, pings.toggle)
    raise SystemExit(run.main(load(UeConfig, None, words), lambda *_: device, each_step=pings.step))


if __name__ == "__main__":
    main()
