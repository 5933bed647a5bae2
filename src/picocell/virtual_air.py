"""Samples between one cell and its phones in virtual time: what the cell sends, what each phone hears, and back.

Powers are set so that a signal-to-noise ratio means the same both ways: of a resource element at the receiver, for the
downlink's reference signals, and for a PUSCH that power control has brought to its target.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.enb.enb import Enb
from picocell.kernels.propagation import Noise
from picocell.mac.enb_mac import DownlinkSubframe
from picocell.phy.fapi_uplink import UlConfigRequest, UlIndication
from picocell.phy.lte.downlink import DownlinkTransmitter
from picocell.phy.lte.frame import TTI_MODULO
from picocell.phy.lte.uplink import UplinkReceiver
from picocell.radio.air import Path
from picocell.ue.phy import Burst

PATH_LOSS_DB: Final = 80.0
"""Between the cell and a phone: with the powers of the default SIB2 nothing is limited by it."""


class CellRadio:
    """The cell's transmitter and receiver.

    Args:
        enb: whose.
        fft: FFT size; the bandwidth's standard one when None.
        n_rx: receive antennas.
        reference_signal_power_dbm: of a resource element of the reference signals.
    """

    def __init__(self, enb: Enb, fft: int | None, n_rx: int, reference_signal_power_dbm: float) -> None:
        self._enb = enb
        self._transmitter = DownlinkTransmitter(enb.cell, fft)
        self._receiver = UplinkReceiver(enb.cell, enb.ul, fft)
        self._amplitude = np.float32(10 ** (reference_signal_power_dbm / 20))
        self.n_rx = n_rx
        self.samples_per_subframe = self._transmitter.samples_per_subframe
        # preambles longer than a subframe are waited for
        self.late = -(-self._receiver.prach_samples // self.samples_per_subframe) - 1

    @property
    def n_tx(self) -> int:
        """Transmit antennas: antenna ports."""
        return self._enb.cell.n_ports

    @property
    def sample_rate(self) -> float:
        """Samples per second."""
        return 1000.0 * self.samples_per_subframe

    def transmit(self, subframe: DownlinkSubframe) -> NDArray[np.complex64]:
        """Samples of a subframe, complex64 (n_tx, n)."""
        samples = self._transmitter.subframe(subframe.config, subframe.tx, subframe.hi_dci0)
        return samples * self._amplitude

    def listens(self, now: int) -> bool:
        """Whether preambles may begin in uplink subframe ``now``."""
        return self._receiver.is_prach_opportunity(now % TTI_MODULO)

    def receive(self, request: UlConfigRequest, samples: NDArray[np.complex64]) -> UlIndication:
        """What is heard in an uplink subframe; its samples begin at the first one."""
        return self._receiver.receive(request, samples, soft_buffers=self._enb.soft_buffer)


class PhoneLink:
    """The air between the cell and one phone.

    Args:
        radio: the cell's.
        n_rx: receive antennas of the phone.
        channel: ``AWGN`` or a profile with its Doppler frequency.
        snr_db: of a resource element and receive antenna, both ways.
        reference_snr_db: the SNR that the cell's noise is made for.
        distance_m: for the propagation delay.
        power_dbm: of a reference signal's element at the cell's antenna.
        seed: of channel and noise.

    Attributes:
        snr_db: may be changed at any time.
    """

    def __init__(
        self,
        radio: CellRadio,
        *,
        n_rx: int,
        channel: str,
        snr_db: float,
        reference_snr_db: float,
        distance_m: float,
        power_dbm: float,
        seed: int,
    ) -> None:
        self._n = radio.samples_per_subframe
        self._power_dbm = power_dbm
        self._reference_snr_db = reference_snr_db
        rate = radio.sample_rate
        self._down = Path(
            rate, radio.n_tx, n_rx, channel=channel, path_loss_db=PATH_LOSS_DB, distance_m=distance_m, seed=[seed, 1]
        )
        self._up = Path(
            rate, 1, radio.n_rx, channel=channel, path_loss_db=PATH_LOSS_DB, distance_m=distance_m, seed=[seed, 2]
        )
        self._noise_source = Noise([seed, 3])
        self._n_rx = n_rx
        self._pending: dict[int, NDArray[np.complex64]] = {}
        self.snr_db = snr_db

    @property
    def snr_db(self) -> float:
        """Signal-to-noise ratio of a resource element, both ways."""
        return self._snr_db

    @snr_db.setter
    def snr_db(self, value: float) -> None:
        self._snr_db = value
        self._noise = 10 ** ((self._power_dbm - PATH_LOSS_DB - value) / 10)
        # the cell has one noise; a phone of another SNR is heard so much weaker or stronger
        self._up.path_loss_db = PATH_LOSS_DB - (value - self._reference_snr_db)

    @property
    def channel(self) -> str:
        """Name of the channel."""
        return str(self._down.channel)

    @channel.setter
    def channel(self, name: str) -> None:
        self._down.set_channel(name)
        self._up.set_channel(name)

    def down(self, samples: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """What the phone hears of a millisecond, complex64 (n_rx, n)."""
        arriving = self._down.apply(samples, self._n)
        assert arriving is not None
        self._noise_source.add(arriving, self._noise)
        return arriving

    def asleep(self) -> None:
        """A millisecond passes to which the phone does not listen."""
        self._down.pass_by(self._n)

    def send(self, burst: Burst) -> None:
        """What the phone sends, at its place in the stream."""
        start, data = burst.start, burst.samples
        while len(data):
            block, offset = divmod(start, self._n)
            part = data[: self._n - offset]
            pending = self._pending.get(block)
            if pending is None:
                pending = self._pending[block] = np.zeros((1, self._n), np.complex64)
            pending[0, offset : offset + len(part)] += part
            start, data = start + len(part), data[len(part) :]

    def silence(self) -> None:
        """What the phone was about to send is not sent."""
        self._pending.clear()

    def up(self, now: int) -> NDArray[np.complex64] | None:
        """What the cell hears of the phone in millisecond ``now``, complex64 (n_rx, n); None for silence."""
        return self._up.apply(self._pending.pop(now, None), self._n)
