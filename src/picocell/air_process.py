"""A process that is the air between one eNB and some phones: ZeroMQ on all sides, a channel and noise for each.

It stands between the eNB's ports and the phones' as each one's peer, and moves a millisecond at a time: what the eNB
sends reaches every phone through its channel, and what the phones send is added up.
"""

import argparse
import signal

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.propagation import Noise
from picocell.radio.air import Path
from picocell.radio.zmq.radio import ZmqRadio


class Air:
    """The air of one cell.

    Args:
        enb: arguments of the radio that is the eNB's peer.
        ues: arguments of the radios that are the phones' peers.
        sample_rate: of all of them.
        n_ports: antennas of the eNB.
        channel: ``AWGN`` or a profile and its Doppler frequency.
        snr_db: of a resource element, both ways.
        seed: of channels and noise.

    Raises:
        ValueError: arguments or a channel that are not allowed.
        RadioError: a port cannot be bound.
    """

    def __init__(
        self,
        enb: str,
        ues: list[str],
        sample_rate: float,
        *,
        n_ports: int = 1,
        channel: str = "AWGN",
        snr_db: float = 30.0,
        seed: int = 0,
    ) -> None:
        self._n = round(sample_rate / 1000)
        self._down = [Path(sample_rate, n_ports, 1, channel=channel, seed=[seed, i, 0]) for i in range(len(ues))]
        self._up = [Path(sample_rate, 1, 1, channel=channel, seed=[seed, i, 1]) for i in range(len(ues))]
        self._noise = [Noise([seed, i, 2]) for i in range(len(ues) + 1)]
        # with a UE's default gains its PUSCH arrives as strong as the reference signals
        self._noise_power = 10 ** (-snr_db / 10)
        self._enb = ZmqRadio(enb, sample_rate, n_tx=1, n_rx=n_ports)
        self._ues = [ZmqRadio(args, sample_rate) for args in ues]
        self._k = 0

    def step(self) -> bool:
        """Move a millisecond; False where the eNB gives none."""
        at = self._k * self._n
        received = self._enb.receive(self._n, timeout=0.5)
        if received.samples.shape[1] == 0:
            return False
        for path, noise, radio in zip(self._down, self._noise[1:], self._ues, strict=True):
            arriving = path.apply(received.samples, self._n)
            assert arriving is not None
            noise.add(arriving, self._noise_power)
            radio.transmit(arriving, at)
        total = self._noise[0].draw((1, self._n), self._noise_power)
        for path, radio in zip(self._up, self._ues, strict=True):
            total += self._from(radio, path)
        self._enb.transmit(total, at)
        self._k += 1
        return True

    def close(self) -> None:
        """Close the ports."""
        for radio in (self._enb, *self._ues):
            radio.close()

    def _from(self, radio: ZmqRadio, path: Path) -> NDArray[np.complex64]:
        """A phone's millisecond, waited for however long it takes."""
        while True:
            sent = radio.receive(self._n).samples
            if sent.shape[1]:
                arriving = path.apply(sent, self._n)
                assert arriving is not None
                return arriving


def main() -> None:
    """Run until a signal ends it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--enb", required=True)
    parser.add_argument("--ue", action="append", required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--ports", type=int, default=1)
    parser.add_argument("--channel", default="AWGN")
    parser.add_argument("--snr", type=float, default=30.0)
    options = parser.parse_args()
    air = Air(options.enb, options.ue, options.rate, n_ports=options.ports, channel=options.channel, snr_db=options.snr)
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        while not stopped:
            air.step()
    finally:
        air.close()


if __name__ == "__main__":
    main()
