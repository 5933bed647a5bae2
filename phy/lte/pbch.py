"""Physical broadcast channel, both ends: MIB to grid, and blind decoding (TS 36.211 6.6, TS 36.212 5.3.1)."""

from collections import deque
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.kernels import conv, crc, gold, modem
from picocell.phy.lte import crs, precoding
from picocell.phy.lte.cell import Cell, CyclicPrefix, PhichDuration, PhichResource
from picocell.phy.lte.estimation import Estimator
from picocell.phy.lte.frame import SFN_MODULO
from picocell.phy.lte.mib import Mib
from picocell.phy.lte.tables import rows

N_SC: Final = 72
"""Subcarriers in the middle of the carrier that the PBCH lies in."""

N_FRAMES: Final = 4
"""Frames over which one MIB is sent; each holds a quarter, and each quarter decodes by itself."""

N_BITS: Final = 24
N_CRC: Final = 16

MIN_QUALITY: Final = (0.72, 0.68, 0.65, 0.64)
"""Least share of the soft bits' weight that agrees with the message encoded again, for 1 to 4 frames combined.

One frame at -4.3 dB gives 0.81 on the average and hardly ever less than the bound. Of noise alone 1.6 % reach it (one
frame; less for more frames), 2^-16 of these the CRC, and 6 of 8 bandwidths exist. So with 12 hypotheses of one frame,
and at most 9 of several, a wrong MIB comes of about 3e-6 of the frames that hold noise alone.
"""

_PORTS: Final = (1, 2, 4)


@dataclass(frozen=True, slots=True)
class PbchResult:
    """A decoded MIB.

    Attributes:
        mib: its three bytes.
        n_prb: downlink bandwidth.
        n_ports: antenna ports, told by the CRC mask.
        phich_duration: PHICH duration.
        phich_resource: PHICH resource.
        sfn: system frame number of the frame that was decoded last.
        frames: frames whose soft bits were combined.
        quality: share of the soft bits' weight that agrees with the message encoded again, 0..1.
    """

    mib: bytes
    n_prb: int
    n_ports: int
    phich_duration: PhichDuration
    phich_resource: PhichResource
    sfn: int
    frames: int
    quality: float


def n_coded_bits(cp: CyclicPrefix) -> int:
    """Coded bits of a MIB over its four frames: 1920, or 1728 with extended prefix (TS 36.211 6.6.1)."""
    return 1920 if cp is CyclicPrefix.NORMAL else 1728


@cache
def re_index(cell: Cell) -> NDArray[np.int32]:
    """Resource elements of the PBCH in subframe 0, ``l * n_sc + k`` in the order of mapping (TS 36.211 6.6.4).

    The reference signals of four ports are left out whatever the cell has.
    """
    narrow = Cell(cell.pci, 6, 4, cell.cp)
    free = ~crs.occupied(narrow)
    l, k = np.nonzero(free[cell.n_symb_slot : cell.n_symb_slot + 4])
    index = ((l + cell.n_symb_slot) * cell.n_sc + k + cell.n_sc // 2 - N_SC // 2).astype(np.int32)
    index.flags.writeable = False
    return index


@cache
def _masks() -> dict[int, int]:
    """CRC mask by number of antenna ports (TS 36.212 Table 5.3.1.1-1)."""
    text = next(row["values"] for row in rows("small_tables") if row["table"] == "36.212 5.3.1.1-1")
    masks = {}
    for entry in text.split(";"):
        ports, pattern = entry.strip().split(":")
        bits = {"0000 (16x0)": "0" * 16, "ffff (16x1)": "1" * 16}.get(pattern, pattern)
        masks[int(ports)] = int(bits, 2)
    return masks


@cache
def _scrambling(pci: int, n_bits: int) -> NDArray[np.uint8]:
    return gold.sequence(pci, n_bits)


def encode(cell: Cell, mib: bytes) -> NDArray[np.complex64]:
    """Symbols of a MIB, complex64 (4, n): one row a frame, the frame with SFN mod 4 = 0 first (TS 36.211 6.6.1-6.6.2).

    Raises:
        ValueError: a MIB that is not three bytes.
    """
    if len(mib) != N_BITS // 8:
        raise ValueError(f"a MIB has 3 bytes, not {len(mib)}")
    parity = crc.crc16(mib) ^ _masks()[cell.n_ports]
    bits = np.unpackbits(np.frombuffer(mib + parity.to_bytes(2, "big"), np.uint8))
    n_bits = n_coded_bits(cell.cp)
    coded = conv.rate_match(conv.encode(bits), n_bits) ^ _scrambling(cell.pci, n_bits)
    return modem.modulate(coded, 2).reshape(N_FRAMES, -1)


def map(cell: Cell, sfn: int, mib: bytes, grid: NDArray[np.complex64]) -> None:
    """Write a frame's quarter of a MIB into the grid of its subframe 0 (TS 36.211 6.6.3, 6.6.4).

    Args:
        cell: the cell.
        sfn: system frame number; its two lowest bits choose the quarter.
        mib: three bytes.
        grid: C-contiguous complex64 (n_ports, n_symb, n_sc), written in place.

    Raises:
        ValueError: a MIB that is not three bytes, a grid of another shape.
    """
    if grid.shape != (cell.n_ports, cell.n_symb, cell.n_sc) or not grid.flags.c_contiguous:
        raise ValueError(f"grid of shape {grid.shape} is not C-contiguous ({cell.n_ports}, {cell.n_symb}, {cell.n_sc})")
    grid.reshape(cell.n_ports, -1)[:, re_index(cell)] = _quarter(cell, bytes(mib), sfn % N_FRAMES)


@lru_cache(maxsize=2048)
def _quarter(cell: Cell, mib: bytes, number: int) -> NDArray[np.complex64]:
    """What the ports send of a quarter of a MIB; kept, for the same ones come again with the frame number."""
    return precoding.transmit_diversity(_encoded(cell, mib)[number], cell.n_ports)


@lru_cache(maxsize=16)
def _encoded(cell: Cell, mib: bytes) -> NDArray[np.complex64]:
    """All four quarters, which follow on one another."""
    return encode(cell, mib)


class PbchDecoder:
    """Reads the MIB of one cell frame by frame, without knowing its frame number, or its ports.

    Every frame is tried with 1, 2 and 4 ports as each of the four quarters, alone and combined with the frames before
    it that belong to the same MIB.

    Args:
        pci: physical-layer cell identity.
        cp: cyclic prefix.
        n_ports: antenna ports, where they are known already: the others are not tried.
    """

    def __init__(self, pci: int, cp: CyclicPrefix, n_ports: int | None = None) -> None:
        self._ports = _PORTS if n_ports is None else (n_ports,)
        self._cell = Cell(pci, 6, 4, cp)
        self._index = re_index(self._cell)
        self._estimators = [Estimator(Cell(pci, 6, ports, cp)) for ports in self._ports]
        self._n_bits = n_coded_bits(cp)
        self._signs = (1 - 2 * _scrambling(pci, self._n_bits).astype(np.int16)).reshape(N_FRAMES, -1)
        self._earlier: deque[NDArray[np.int16]] = deque(maxlen=N_FRAMES - 1)

    def reset(self) -> None:
        """Forget the earlier frames: the next one does not follow them."""
        self._earlier.clear()

    def decode(self, grid: NDArray[np.complex64]) -> PbchResult | None:
        """Try to read the MIB after one more frame.

        Args:
            grid: the 72 central subcarriers of subframe 0 of the frame that follows the last one, complex64
                (n_rx, n_symb, 72).

        Returns:
            The MIB, or None. Of frames without a PBCH about 3e-6 give a wrong one (see `MIN_QUALITY`).

        Raises:
            ValueError: a grid of another shape.
        """
        if grid.ndim != 3 or grid.shape[1:] != (self._cell.n_symb, N_SC):
            raise ValueError(f"grid has shape {grid.shape}, not (n_rx, {self._cell.n_symb}, {N_SC})")
        received = [*self._earlier, self._soft_bits(grid)]
        self._earlier.append(received[-1])
        hypotheses, llr = self._hypotheses(received)
        starts = np.arange(len(hypotheses), dtype=np.int32) * self._n_bits
        lengths = np.full(len(hypotheses), self._n_bits, np.int32)
        k = np.full(len(hypotheses), N_BITS + N_CRC, np.int32)
        bits, masks, quality = conv.search(llr.reshape(-1), starts, lengths, k)
        best: PbchResult | None = None
        for (ports, quarter, frames), row, mask, agreement in zip(hypotheses, bits, masks, quality, strict=True):
            if (
                mask == _masks()[ports]
                and agreement >= MIN_QUALITY[frames - 1]
                and (best is None or agreement > best.quality)
            ):
                best = _result(row, ports, quarter, frames, float(agreement)) or best
        return best

    def _soft_bits(self, grid: NDArray[np.complex64]) -> NDArray[np.int16]:
        """Scrambled soft bits of a frame, int16: one row for each number of ports."""
        result = np.empty((len(self._ports), self._n_bits // N_FRAMES), np.int16)
        for row, estimator in zip(result, self._estimators, strict=True):
            symbols, variance = precoding.receive(grid, estimator.estimate(0, grid), self._index)
            row[:] = modem.demodulate(symbols, variance, 2)
        return result

    def _hypotheses(self, received: list[NDArray[np.int16]]) -> tuple[list[tuple[int, int, int]], NDArray[np.int16]]:
        """(ports, quarter, frames combined) of each hypothesis, and its soft bits int16 (n, n_bits)."""
        choices = [
            (ports, quarter, frames)
            for ports in self._ports
            for quarter in range(N_FRAMES)
            for frames in sorted({1, min(quarter + 1, len(received))})
        ]
        llr = np.zeros((len(choices), N_FRAMES, self._n_bits // N_FRAMES), np.int16)
        for row, (ports, quarter, frames) in zip(llr, choices, strict=True):
            for back in range(frames):
                row[quarter - back] = received[-1 - back][self._ports.index(ports)] * self._signs[quarter - back]
        return choices, llr


def _result(bits: NDArray[np.uint8], ports: int, quarter: int, frames: int, quality: float) -> PbchResult | None:
    """A decoded message as a result; None if its bandwidth does not exist."""
    mib = np.packbits(bits[:N_BITS]).tobytes()
    try:
        fields = Mib.decode(mib)
    except ValueError:
        return None
    sfn = (N_FRAMES * fields.sfn_high + quarter) % SFN_MODULO
    return PbchResult(mib, fields.n_prb, ports, fields.phich_duration, fields.phich_resource, sfn, frames, quality)
