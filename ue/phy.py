"""A UE's physical layer on a stream of samples: it finds a cell, keeps its time, receives and sends subframes.

Samples are pushed as they come; positions count them from the start of the stream. An amplitude of 1 in a resource
element stands for 1 mW (0 dBm), so that powers need no calibration.
"""

import logging
from functools import lru_cache
from math import log10
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.ofdm import mix
from picocell.mac.ue_mac import Preamble, UeTransmission
from picocell.phy.lte import timing_advance
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.downlink import DownlinkReceiver
from picocell.phy.lte.frame import SFN_MODULO, SUBCARRIER_SPACING, TTI_MODULO, cp_lengths, fft_size
from picocell.phy.lte.pbch import PbchDecoder
from picocell.phy.lte.search_primary import SAMPLE_RATE
from picocell.phy.lte.tracking import Tracker
from picocell.phy.lte.uplink import PucchTransmission, UplinkTransmitter
from picocell.phy.lte.uplink_config import UplinkConfig
from picocell.radio.memory import MemorySource
from picocell.ue.acquire import SEARCH_S, Acquired, acquire
from picocell.ue.prefix_offset import AMBIGUITY_HZ, PrefixOffset
from picocell.ue.stream import Stream

_LOG: Final = logging.getLogger(__name__)
_N_SC_PBCH: Final = 72
_N_SC_PRB: Final = 12
_SURE: Final = 0.6
"""Quality of a MIB that was received; without a signal it is half at most."""
_TINY: Final = 1e-30


class ReceivedSubframe(NamedTuple):
    """A downlink subframe that has come in.

    Attributes:
        tti: 10 SFN + subframe.
        grid: complex64 (n_rx, n_symb, n_sc).
        locked: whether the cell's reference signals are heard.
    """

    tti: int
    grid: NDArray[np.complex64]
    locked: bool


class Burst(NamedTuple):
    """Samples to send.

    Attributes:
        start: position of the first in the stream.
        samples: complex64 (n,).
    """

    start: int
    samples: NDArray[np.complex64]


@lru_cache(maxsize=64)
def _advance(n_ta: int, sample_rate: int) -> float:
    """Samples by which the uplink begins early: the same for long, and a fraction takes its time to work out."""
    return float(timing_advance.samples(n_ta, sample_rate))


class UePhy:
    """Receiver and transmitter of one UE.

    Args:
        sample_rate: samples per second, a multiple of 1.92 Msps.
        n_rx: receive antennas.
        start: position of the first sample that will be pushed.

    Attributes:
        cell: the cell that is followed; None while it is searched for.
        mib: its MIB, 3 bytes.
        tti: TTI of the next subframe.
        tti_received: TTI of the subframe before it.
        gain: amplitude by which received samples are multiplied.
        rx_gain_db: of the radio before it: what makes a sample of 1 out of less than 1 mW.
        position: sample at which the subframe received last started.
        restarts: times that the cell went on with another frame number, as after its eNB was started anew.
        mib_misses: times in a row that the MIB was not there.

    Raises:
        ValueError: a sample rate that is no multiple of 15 kHz times 128.
    """

    _tracker: Tracker
    _receiver: DownlinkReceiver
    _transmitter: UplinkTransmitter
    position: float

    def __init__(self, sample_rate: float, *, n_rx: int = 1, start: int = 0) -> None:
        fft, rest = divmod(sample_rate, SUBCARRIER_SPACING)
        if rest or fft % 128:
            raise ValueError(f"sample rate {sample_rate:.12g} is not a multiple of 1.92e6")
        self.sample_rate, self.n_rx = float(sample_rate), n_rx
        self.fft = int(fft)
        self.cell: Cell | None = None
        self.mib: bytes | None = None
        self.tti = 0
        self.gain = 1.0
        self.rx_gain_db = 0.0
        self._store = np.zeros((n_rx, 0), np.complex64)
        self._parts = self._store.view(np.float32)
        self._first = self._last = 0
        self._origin = start
        self._searching = True
        self._doubts = 0
        self.restarts = self.mib_misses = 0

    # receiving

    def push(self, samples: NDArray[np.complex64]) -> None:
        """Take the next samples, complex64 (n_rx, n)."""
        n = samples.shape[1]
        kept = self._last - self._first
        crowded = self._last + n > self._store.shape[1]
        # moved to the front also where that costs little, so that the samples stay in the cache
        if crowded or 4 * kept < n or self._first > 2 * (kept + n):
            self._make_room(kept, n)
        # as real numbers, which the gain is too: half the work
        parts = np.ascontiguousarray(samples, np.complex64).view(np.float32)
        np.multiply(parts, np.float32(self.gain), out=self._parts[:, 2 * self._last : 2 * (self._last + n)])
        self._last += n

    @property
    def end(self) -> int:
        """Position of the next sample that will be pushed."""
        return self._origin + self._last - self._first

    @property
    def missing(self) -> int | None:
        """Samples to come until the next subframe is whole, 0 or fewer where it is; None without a cell."""
        if self.cell is None:
            return None
        return self._tracker.next_start + self._receiver.samples_per_subframe - self.end

    def skip(self, n: int) -> None:
        """Let samples pass that were not heard; what had come is forgotten."""
        self._origin += self._last - self._first + n
        self._first = self._last = 0

    def miss(self, n: int) -> None:
        """Samples were lost: as `skip`, and the subframes that they were of pass as well."""
        self.skip(n)
        while self.cell is not None and self._tracker.next_start < self._origin:
            self._tracker.coast()
            self.tti = (self.tti + 1) % TTI_MODULO

    def search(self) -> Acquired | None:
        """Look for a cell in what has come, once there is enough of it; None where none is found yet."""
        needed = int(SEARCH_S * self.sample_rate)
        if not self._searching or self._buffer.shape[1] < needed:
            return None
        self._level()
        stream = Stream(MemorySource(self._buffer, self.sample_rate), SAMPLE_RATE, keep_s=2 * SEARCH_S)
        readable = [a for a in acquire(stream) if a.cell is not None and self._holds(a.cell)]
        if not readable:
            self._drop(self._buffer.shape[1] - needed // 4)
            return None
        self._follow(readable[0])
        return readable[0]

    def next_subframe(self, *, wanted: bool = True) -> ReceivedSubframe | None:
        """The next subframe, where all its samples have come.

        Args:
            wanted: False to pass over it without a look, which costs nothing: then the grid is empty.
        """
        if self.cell is None:
            return None
        tracker = self._tracker
        begin = tracker.next_start - self._origin
        if begin + self._receiver.samples_per_subframe > self._last - self._first:
            return None
        self.position = tracker.next_start + tracker.fraction
        tti = self.tti
        self.tti = (tti + 1) % TTI_MODULO
        if wanted and begin >= 0:
            begin += self._first
            samples = self._store[:, begin : begin + self._receiver.samples_per_subframe]
            result = self._receive(tti, samples)
        else:
            tracker.coast()
            result = ReceivedSubframe(tti, np.zeros((self.n_rx, 0, 0), np.complex64), tracker.locked)
        self._drop(tracker.next_start - self.samples_margin - self._origin)
        return result

    @property
    def tti_received(self) -> int:
        """TTI of the subframe that was received last."""
        return (self.tti - 1) % TTI_MODULO

    @property
    def receiver(self) -> DownlinkReceiver:
        """The cell's receiver."""
        return self._receiver

    @property
    def samples_margin(self) -> int:
        """Samples kept before the next subframe, for the tracker to step back into."""
        return 32

    @property
    def cfo_hz(self) -> float:
        """Carrier offset of the cell as the receiver sees it."""
        return self._tracker.cfo_hz

    @property
    def locked(self) -> bool:
        """Whether the cell is heard."""
        return self.cell is not None and self._tracker.locked

    def rsrp_dbm(self, rsrp: float) -> float:
        """Power of a reference signal's element at the antenna from what the receiver measured."""
        return 10 * log10(max(rsrp, _TINY) / self.gain**2) - self.rx_gain_db

    def lose_cell(self) -> None:
        """Give the cell up and search anew."""
        self.cell = self.mib = None
        self._searching = True

    # sending

    def set_uplink(self, ul: UplinkConfig) -> None:
        """The cell's uplink, as its SIB2 says.

        Raises:
            ValueError: an uplink that the sample rate does not hold.
        """
        if self.cell is None:
            raise ValueError("an uplink without a cell is not allowed")
        self._transmitter = UplinkTransmitter(self.cell, ul, self.fft)

    def transmit(self, sent: UeTransmission, tti: int, subframes_ahead: int) -> Burst:
        """Samples of a transmission and when they start.

        Args:
            sent: what goes out; its power sets the amplitude.
            tti: of the uplink subframe.
            subframes_ahead: subframes from the one that was received last to this one.

        Raises:
            ValueError: a transmission that does not fit the cell.
        """
        transmitter = self._transmitter
        power = 10 ** (sent.power_dbm / 10)
        if isinstance(sent.sent, Preamble):
            # of the same power as resource elements of 1 mW each would have in all
            samples = transmitter.preamble(sent.sent.number) * np.float32((power / self.fft) ** 0.5)
        else:
            n_prb = 1 if isinstance(sent.sent, PucchTransmission) else sent.sent.grant.n_prb
            samples = transmitter.subframe(tti, sent.sent, (power / (_N_SC_PRB * n_prb)) ** 0.5)[0]
        advance = _advance(sent.n_ta, int(self.sample_rate))
        start = self.position + subframes_ahead * transmitter.samples_per_subframe - advance
        return Burst(round(start), mix(samples, self._tracker.cfo))

    # inside

    @property
    def _buffer(self) -> NDArray[np.complex64]:
        """The samples that are kept; the first is at `_origin`."""
        return self._store[:, self._first : self._last]

    def _make_room(self, kept: int, n: int) -> None:
        """Move the samples to the front of a store that takes n more and is not far too large."""
        store, capacity = self._store, self._store.shape[1]
        if not kept + n <= capacity <= 8 * (kept + n):
            store = np.empty((self.n_rx, 3 * (kept + n)), np.complex64)
        if kept:
            store[:, :kept] = self._buffer
        if store is not self._store:
            self._store, self._parts = store, store.view(np.float32)
        self._first, self._last = 0, kept

    def _holds(self, cell: Cell) -> bool:
        """Whether the sample rate is enough for a cell's bandwidth."""
        return fft_size(cell.n_prb, shortened=True) <= self.fft

    def _level(self) -> None:
        """Bring what has come to unit power, and what will come with it."""
        power = float(np.mean(np.abs(self._buffer) ** 2))
        if power > 0:
            step = power**-0.5
            buffer = self._buffer
            buffer *= np.float32(step)
            self.gain *= step

    def _follow(self, acquired: Acquired) -> None:
        """Start tracking a cell at the first whole subframe of the buffer."""
        assert acquired.cell is not None
        assert acquired.sfn is not None
        self.cell, self.mib, self._searching = acquired.cell, acquired.mib, False
        self.mib_misses = 0
        self._receiver = DownlinkReceiver(self.cell, self.fft)
        length = self._receiver.samples_per_subframe
        frame_start = acquired.found.frame_start * self.sample_rate / SAMPLE_RATE
        subframes = int(np.ceil(-frame_start / length))
        self.tti = (10 * acquired.sfn + subframes) % TTI_MODULO
        self.position = self._origin + frame_start + subframes * length
        self._tracker = Tracker(self.cell, self.sample_rate, self.position, acquired.found.cfo_hz)
        self._advance = cp_lengths(self.fft, self.cell.cp)[-1] // 4
        self._pbch = PbchDecoder(self.cell.pci, self.cell.cp, self.cell.n_ports)
        self._prefixes = PrefixOffset(self.fft, self.cell.cp, self.sample_rate)
        _LOG.info(
            "found cell %d: %d PRB, %d ports, SFN %d", self.cell.pci, self.cell.n_prb, self.cell.n_ports, acquired.sfn
        )

    def _receive(self, tti: int, samples: NDArray[np.complex64]) -> ReceivedSubframe:
        """Demodulate a subframe and let the loops learn from it."""
        assert self.cell is not None
        tracker = self._tracker
        if self._prefixes.left:
            self._check_offset(samples)
        grid = self._receiver.demodulate(samples, cfo=tracker.cfo, phase=tracker.phase, window_advance=self._advance)
        tracker.update_grid(tti % 10, grid)
        if tti % 40 == 0:
            self._check_sfn(tti // 10, grid)
        return ReceivedSubframe(tti, grid, tracker.locked)

    def _check_offset(self, samples: NDArray[np.complex64]) -> None:
        """A search that noise disturbed may be a multiple of what the loops cannot tell apart off."""
        self._prefixes.add(samples)
        offset = self._prefixes.offset_hz()
        if offset is None:
            return
        steps = round((offset - self._tracker.cfo_hz) / AMBIGUITY_HZ)
        if steps:
            _LOG.info("carrier offset corrected by %g Hz", steps * AMBIGUITY_HZ)
            self._tracker.cfo += steps * AMBIGUITY_HZ / self.sample_rate

    def _check_sfn(self, sfn: int, grid: NDArray[np.complex64]) -> None:
        """Read the MIB now and then; two in a row with another frame number set it right."""
        assert self.cell is not None
        first = self.cell.n_sc // 2 - _N_SC_PBCH // 2
        self._pbch.reset()
        result = self._pbch.decode(np.ascontiguousarray(grid[:, :, first : first + _N_SC_PBCH]))
        # where nothing is sent, soft bits of zero are a MIB of zeros, whose CRC fits
        if result is None or result.n_prb != self.cell.n_prb or not result.quality >= _SURE:
            self.mib_misses += 1
            return
        self.mib_misses = 0
        self._doubts = 0 if result.sfn == sfn else self._doubts + 1
        if self._doubts >= 2:
            _LOG.warning("SFN %d turns out to be %d", sfn, result.sfn)
            self.tti = 10 * (result.sfn % SFN_MODULO) + 1
            self._doubts = 0
            self.restarts += 1

    def _drop(self, n: int) -> None:
        """Forget the first samples of the buffer."""
        if n > 0:
            n = min(n, self._last - self._first)
            self._first += n
            self._origin += n
