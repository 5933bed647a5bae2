"""The ends of the air in virtual time: an eNB with its transmitter and receiver, and what a phone sends.

Powers are set so that a signal-to-noise ratio means the same both ways: of a resource element at the receiver, for the
downlink's reference signals, and for a PUSCH that power control has brought to its target. A resource element of 1
stands for 1 mW.
"""

from collections import deque
from math import log10
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.air import Air, Link, LocalEndpoint, Member
from picocell.enb.enb import Enb
from picocell.mac.enb_mac import DownlinkSubframe
from picocell.network_cell import Cell
from picocell.phy.fapi_uplink import UlConfigRequest, UlIndication
from picocell.phy.lte.downlink import DownlinkTransmitter
from picocell.phy.lte.frame import SUBCARRIER_SPACING, TTI_MODULO, fft_size
from picocell.phy.lte.uplink import UplinkReceiver
from picocell.rrc_nas.rrc.radio_config import pdsch_config
from picocell.ue.phy import Burst

PATH_LOSS_DB: Final = 80.0
"""Between a cell and a phone at first: with the powers of the default SIB2 nothing is limited by it."""

_N_SC_PRB: Final = 12


def common_fft(cells: list[Cell]) -> int:
    """FFT size at which all cells are sent and heard."""
    return max(fft_size(cell.n_prb) for cell in cells)


def sample_rate(fft: int) -> float:
    """Samples per second."""
    return float(fft * SUBCARRIER_SPACING)


class CellSite:
    """An eNB with its transmitter and receiver, a member of the air.

    Args:
        air: the air.
        name: of the member.
        cell: the cell as its user described it.
        fft: FFT size.
        address: of the eNB.
        mme_address: of the MME.
        reference_snr_db: which a phone's uplink has that is at its power control's target.

    Attributes:
        cell: the cell.
        enb: the eNB.
        member: on the air.
        n_rx: receive antennas.
        power_dbm: of a reference signal's element at the antenna.
        late: subframes by which the uplink is looked at late: preambles longer than a subframe are waited for.
    """

    def __init__(
        self, air: Air, name: str, cell: Cell, fft: int, *, address: str, mme_address: str, reference_snr_db: float
    ) -> None:
        settings = cell.enb_settings()
        self.cell = cell
        self.enb = Enb(settings, address=address, mme_address=mme_address)
        self._transmitter = DownlinkTransmitter(self.enb.cell, fft)
        self._receiver = UplinkReceiver(self.enb.cell, self.enb.ul, fft)
        self.power_dbm = pdsch_config(settings.sibs()[2]).reference_signal_power_dbm
        self._amplitude = np.float32(10 ** (self.power_dbm / 20))
        self.n_rx = cell.n_rx
        self.samples_per_subframe = self._transmitter.samples_per_subframe
        self.late = -(-self._receiver.prach_samples // self.samples_per_subframe) - 1
        self._blocks = deque[NDArray[np.complex64]](maxlen=self.late + 1)
        self._request: UlConfigRequest | None = None
        self.endpoint = LocalEndpoint()
        self.member = air.cell(name, self.endpoint, cell.n_ports, cell.carrier, n_rx=cell.n_rx)
        power = self.enb.ul.power
        target_dbm = power.p0_nominal_pusch + (power.alpha - 1) * PATH_LOSS_DB - 10 * log10(_N_SC_PRB)
        self.member.noise_dbfs = target_dbm - reference_snr_db

    @property
    def n_tx(self) -> int:
        """Transmit antennas: antenna ports."""
        return self.enb.cell.n_ports

    @property
    def sample_rate(self) -> float:
        """Samples per second."""
        return 1000.0 * self.samples_per_subframe

    def transmit(self, subframe: DownlinkSubframe) -> None:
        """Put a subframe on the air."""
        samples = self._transmitter.subframe(subframe.config, subframe.tx, subframe.hi_dci0)
        self.endpoint.sent = samples * self._amplitude

    def listen(self, now: int) -> None:
        """See whether anything can come in millisecond ``now``; where it cannot, nothing is received."""
        at = now - self.late
        self._request = request = self.enb.uplink(at) if at >= 0 else None
        if request is not None and not (
            request.ulsch or request.uci or self._receiver.is_prach_opportunity(at % TTI_MODULO)
        ):
            self._request = None
        self.endpoint.listening = self._request is not None or self.late > 0

    def receive(self) -> UlIndication | None:
        """What is heard in the subframe that is `late` ms ago; None where nothing was awaited."""
        if not self.endpoint.listening or self.endpoint.heard is None:
            return None
        self._blocks.append(self.endpoint.heard)
        if self._request is None or len(self._blocks) <= self.late:
            return None
        samples = np.concatenate(list(self._blocks), axis=1) if self.late else self._blocks[-1]
        return self._receiver.receive(self._request, samples, soft_buffers=self.enb.soft_buffer)


class PhoneLink:
    """A phone's end of the air.

    Args:
        air: the air.
        name: of the member.
        sites: the cells; the first one's powers are those that ``snr_db`` goes by.
        carrier: of the phone.
        n_rx: receive antennas.
        channel: ``AWGN`` or a profile with its Doppler frequency.
        snr_db: of a resource element and receive antenna, both ways.
        reference_snr_db: the SNR that the cells' noise is made for.
        distance_m: for the propagation delay.

    Attributes:
        member: on the air.
        links: to the cells; loss, delay, offset and channel of each may be changed at any time.
        endpoint: its samples.
    """

    def __init__(
        self,
        air: Air,
        name: str,
        sites: list[CellSite],
        *,
        carrier: int | str,
        n_rx: int,
        channel: str,
        snr_db: float,
        reference_snr_db: float,
        distance_m: float,
    ) -> None:
        self._n = round(air.sample_rate / 1000)
        self._power_dbm = sites[0].power_dbm
        self._reference_snr_db = reference_snr_db
        self._pending: dict[int, NDArray[np.complex64]] = {}
        self.endpoint = LocalEndpoint()
        self.member: Member = air.phone(name, self.endpoint, carrier=carrier, n_rx=n_rx)
        self.links: list[Link] = [air.link(name, site.member.name) for site in sites]
        for link in self.links:
            link.loss_db, link.distance_m = PATH_LOSS_DB, distance_m
        self.channel = channel
        self.snr_db = snr_db

    @property
    def snr_db(self) -> float:
        """Signal-to-noise ratio of a resource element, both ways, where the path loss is `PATH_LOSS_DB`."""
        return self._snr_db

    @snr_db.setter
    def snr_db(self, value: float) -> None:
        self._snr_db = value
        self.member.noise_dbfs = self._power_dbm - PATH_LOSS_DB - value
        # a cell has one noise; a phone of another SNR is heard so much weaker or stronger
        for link in self.links:
            link.ul_loss_db = -(value - self._reference_snr_db)

    @property
    def channel(self) -> str:
        """Name of the channel; of the first cell's, where they differ."""
        return self.links[0].channel

    @channel.setter
    def channel(self, name: str) -> None:
        for link in self.links:
            link.channel = name

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

    def put_on_air(self, now: int) -> None:
        """Give the air what the phone sends in millisecond ``now``."""
        self.endpoint.sent = self._pending.pop(now, None)
