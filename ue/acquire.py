"""First contact with a cell: search, then its MIB (TS 36.213 4.1, TS 36.211 6.6)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.ofdm import Ofdm
from picocell.phy.lte.cell import Cell, CyclicPrefix
from picocell.phy.lte.frame import SFN_MODULO
from picocell.phy.lte.pbch import PbchDecoder
from picocell.phy.lte.search import CellSearch, FoundCell
from picocell.phy.lte.search_primary import FRAME, SAMPLE_RATE
from picocell.ue.stream import Stream

SEARCH_S: Final = 0.04
"""Seconds of samples that one search takes."""

MIB_S: Final = 0.32
"""Seconds after which a cell without a readable MIB is given up: the MIB repeats every 10 ms."""

_FFT: Final = 128
_SUBFRAME: Final = FRAME // 10
_WINDOW_ADVANCE: Final = 2

Progress = Callable[[float], None]
"""Told the position in the stream, in seconds."""


@dataclass(frozen=True, slots=True)
class Acquired:
    """A cell that a search found, with what its MIB says.

    Attributes:
        found: the search's result; its frame_start counts samples at 1.92 Msps from the start of the stream.
        cell: identity, bandwidth, ports and PHICH configuration; None if no MIB could be read.
        mib: the MIB's three bytes, or None.
        sfn: system frame number of the frame that starts at ``found.frame_start``, or None.
        mib_position: where the frame starts in which the MIB was read.
    """

    found: FoundCell
    cell: Cell | None = None
    mib: bytes | None = None
    sfn: int | None = None
    mib_position: float = 0.0


def acquire(
    stream: Stream, position: int = 0, *, pci: int | None = None, progress: Progress | None = None
) -> list[Acquired]:
    """Search a stream at 1.92 Msps from a position on until a stretch has cells, and read their MIBs.

    Args:
        stream: samples at 1.92 Msps.
        position: where to begin.
        pci: look for this cell alone.
        progress: told how far the search has come.

    Returns:
        The cells of the first stretch that has any, strongest first; empty if the stream ends without one.
    """
    for start, samples in _stretches(stream, position):
        if progress is not None:
            progress(start / SAMPLE_RATE)
        cells = [found for found in CellSearch().search(samples) if pci in (None, found.pci)]
        if cells:
            return [_with_mib(stream, start, found) for found in cells]
    return []


def _stretches(stream: Stream, position: int) -> Iterator[tuple[int, NDArray[np.complex64]]]:
    """Consecutive stretches of a stream; the last may be shorter, down to the 5 ms that a search needs."""
    length = int(SEARCH_S * SAMPLE_RATE)
    while True:
        samples = stream.read(position, length)
        if samples is not None:
            yield position, samples
            position += length
        elif stream.ended:
            break
        else:
            position += length // 4
    start, rest = stream.rest(position)
    if rest.shape[1] >= FRAME // 2:
        yield start, rest


def _with_mib(stream: Stream, start: int, found: FoundCell) -> Acquired:
    """Read frames from the search's stretch on until the MIB decodes."""
    found = replace(found, frame_start=found.frame_start + start)
    ofdm = Ofdm(6, _FFT, found.cp is CyclicPrefix.EXTENDED)
    decoder = PbchDecoder(found.pci, found.cp)
    first = -(-(start - round(found.frame_start)) // FRAME)
    for number in range(first, first + round(MIB_S * 100)):
        at = round(found.frame_start + number * FRAME)
        samples = stream.read(at, _SUBFRAME)
        if samples is None:
            continue
        grid = ofdm.demodulate(samples, cfo=found.cfo_hz / SAMPLE_RATE, window_advance=_WINDOW_ADVANCE)
        result = decoder.decode(grid)
        if result is not None:
            cell = Cell(
                found.pci,
                result.n_prb,
                result.n_ports,
                found.cp,
                result.phich_duration,
                result.phich_resource,
                found.duplex,
            )
            return Acquired(found, cell, result.mib, (result.sfn - number) % SFN_MODULO, float(at))
    return Acquired(found)
