"""Following a cell subframe by subframe: tracking, the system frame number, and finding it again after a gap."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.phy.lte.cell import Cell
from picocell.phy.lte.downlink import DownlinkReceiver
from picocell.phy.lte.frame import SFN_MODULO, TTI_MODULO, cp_lengths
from picocell.phy.lte.pbch import PbchDecoder, PbchResult
from picocell.phy.lte.search_primary import FRAME, SAMPLE_RATE
from picocell.phy.lte.tracking import Tracker
from picocell.radio.memory import MemorySource
from picocell.ue.acquire import MIB_S, SEARCH_S, Acquired, acquire
from picocell.ue.stream import Stream

GIVE_UP: Final = 40
"""Subframes without lock after which the cell is searched again."""

KEEP_S: Final = 0.1

_N_SC_PBCH: Final = 72


@dataclass(frozen=True, slots=True)
class Subframe:
    """One subframe of a followed cell.

    Attributes:
        tti: 10 SFN + subframe.
        time: seconds from the start of the stream.
        grid: complex64 (n_rx, n_symb, n_sc); None if samples of it were lost.
        locked: whether the cell's reference signals are heard.
        mib: what the PBCH of this subframe said, if it decoded.
    """

    tti: int
    time: float
    grid: NDArray[np.complex64] | None
    locked: bool
    mib: PbchResult | None = None


class Follower:
    """Yields the subframes of a cell from the start of a stream to its end.

    Args:
        stream: samples at a rate that fits the cell; it must not have been read yet.
        acquired: the cell with its MIB, as :func:`picocell.ue.acquire.acquire` found it in the same source.
        receiver: demodulates the subframes.

    Attributes:
        tracker: state of the time and frequency loops.
        reacquired: how often the cell was lost and found again.

    Raises:
        ValueError: a cell without a MIB, or a rate that does not fit it.
    """

    def __init__(self, stream: Stream, acquired: Acquired, receiver: DownlinkReceiver) -> None:
        if acquired.cell is None or acquired.sfn is None:
            raise ValueError(f"cell {acquired.found.pci} has no MIB: its bandwidth and frame number are not known")
        self.cell: Cell = acquired.cell
        self.reacquired = 0
        self._stream = stream
        self._receiver = receiver
        self._length = receiver.samples_per_subframe
        self._advance = cp_lengths(receiver.fft, self.cell.cp)[-1] // 4
        self._pbch = PbchDecoder(self.cell.pci, self.cell.cp)
        self._doubts = 0
        self._unlocked = 0
        start, self._tti = self._start(acquired)
        self._track_from = acquired.mib_position * stream.rate / SAMPLE_RATE - self._length / 2
        self.tracker = Tracker(self.cell, stream.rate, start, acquired.found.cfo_hz)

    def __iter__(self) -> Iterator[Subframe]:
        """Subframes in order."""
        while True:
            at = self.tracker.next_start
            samples = self._stream.read(at, self._length)
            if samples is None and self._stream.ended and at + self._length > self._stream.end:
                return
            yield self._subframe(at, samples)
            self._tti = (self._tti + 1) % TTI_MODULO
            if self._unlocked >= GIVE_UP:
                self._reacquire()

    def _start(self, acquired: Acquired) -> tuple[float, int]:
        """Position and TTI of the first whole subframe of the stream."""
        assert acquired.sfn is not None
        frame_start = acquired.found.frame_start * self._stream.rate / SAMPLE_RATE
        subframes = int(np.ceil((0.0 - frame_start) / self._length))
        return frame_start + subframes * self._length, (10 * acquired.sfn + subframes) % TTI_MODULO

    def _subframe(self, at: int, samples: NDArray[np.complex64] | None) -> Subframe:
        """Demodulate a subframe and let the loops learn from it."""
        time = at / self._stream.rate
        if samples is None:
            self.tracker.coast()
            return Subframe(self._tti, time, None, False)
        tracker = self.tracker
        grid = self._receiver.demodulate(samples, cfo=tracker.cfo, phase=tracker.phase, window_advance=self._advance)
        if at < self._track_from:
            tracker.coast()
            locked = True
        else:
            tracker.update_grid(self._tti % 10, grid)
            locked = tracker.locked
            self._unlocked = 0 if locked else self._unlocked + 1
        # the MIB comes first: it may set the TTI right
        mib = self._check_sfn(grid) if self._tti % 10 == 0 else None
        return Subframe(self._tti, time, grid, locked, mib)

    def _check_sfn(self, grid: NDArray[np.complex64]) -> PbchResult | None:
        """Read the MIB, and set the frame number right where two in a row say that frames were lost."""
        first = self.cell.n_sc // 2 - _N_SC_PBCH // 2
        result = self._pbch.decode(np.ascontiguousarray(grid[:, :, first : first + _N_SC_PBCH]))
        if result is None or result.sfn == self._tti // 10:
            self._doubts = 0 if result is not None else self._doubts
            return result
        self._doubts += 1
        if self._doubts < 2:
            return None
        self._doubts = 0
        self._tti = 10 * (result.sfn % SFN_MODULO)
        return result

    def _reacquire(self) -> None:
        """Search for the cell in the samples to come, and go on where it is found.

        Else it is searched again soon if something was found in them, and behind them if not.
        """
        self._unlocked = 0
        stream, at = self._stream, self.tracker.next_start
        length = int((SEARCH_S + MIB_S) * stream.rate)
        samples = stream.read(at, length)
        if samples is None and stream.ended:
            at, samples = stream.rest(at)
        if samples is None:
            return
        window = Stream(MemorySource(samples, stream.rate), SAMPLE_RATE)
        found = acquire(window, pci=self.cell.pci)
        if not found:
            self._unlocked = min(GIVE_UP - samples.shape[1] // self._length, 0)
        for acquired in found:
            if acquired.cell == self.cell and acquired.sfn is not None:
                frames = -int(acquired.found.frame_start // FRAME)
                start = at + (acquired.found.frame_start + frames * FRAME) * stream.rate / SAMPLE_RATE
                self.tracker.reset(start, acquired.found.cfo_hz)
                # before the cell was heard again there is noise, on which the loops must not run
                self._track_from = at + acquired.mib_position * stream.rate / SAMPLE_RATE - self._length / 2
                self._tti = 10 * ((acquired.sfn + frames) % SFN_MODULO)
                self.reacquired += 1
                return
