"""Whole downlink subframes, received into FAPI-style indications."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.ofdm import Ofdm
from picocell.kernels.sch import SchDecoder, SoftBuffer
from picocell.phy.fapi import (
    DciIndication,
    DlIndication,
    DlschIndication,
    HiIndication,
)
from picocell.phy.lte import dci, pdcch_search, pdsch
from picocell.phy.lte.cell import Cell, CyclicPrefix
from picocell.phy.lte.control import ControlReceiver
from picocell.phy.lte.dci import DciFormat
from picocell.phy.lte.downlink_transmitter import DownlinkTransmitter as DownlinkTransmitter
from picocell.phy.lte.estimation import ChannelEstimate, Estimator, Method
from picocell.phy.lte.frame import TTI_MODULO, fft_size
from picocell.phy.lte.grant import PdschGrant, from_dci


class HarqBuffers(Protocol):
    """What MAC keeps of a receiver's HARQ processes; it decides which transmissions combine."""

    def previous_tbs(self, rnti: int, harq_process: int) -> int | None:
        """Transport block size of a process's last grant, for an MCS that names the modulation only."""
        ...

    def soft_buffer(self, grant: PdschGrant) -> SoftBuffer | None:
        """Soft buffer of a grant's process, cleared where the transmission is new; None to decode it alone."""
        ...


_DL_GRANTS: Final = (DciFormat.FORMAT_1, DciFormat.FORMAT_1A, DciFormat.FORMAT_1C)


@dataclass(frozen=True, slots=True)
class RntiSearch:
    """An RNTI to look for on the PDCCH.

    Attributes:
        rnti: the RNTI.
        formats: DCI formats to try; None for those that its kind of RNTI uses (TS 36.213 7.1).
    """

    rnti: int
    formats: tuple[DciFormat, ...] | None = None


@dataclass(frozen=True, slots=True)
class ControlRegion:
    """One received subframe up to its control region.

    Attributes:
        tti: 10 SFN + subframe.
        grid: received resource grid, complex64 (n_rx, n_symb, n_sc).
        channel: its channel estimate.
        cfi: control format indicator.
        cfi_quality: share of the PCFICH's soft weight that agrees, 0..1.
        pdcch: soft bits of the PDCCH.
    """

    tti: int
    grid: NDArray[np.complex64]
    channel: ChannelEstimate
    cfi: int
    cfi_quality: float
    pdcch: pdcch_search.Control

    @property
    def subframe(self) -> int:
        """Subframe 0..9."""
        return self.tti % 10


class DownlinkReceiver:
    """Receives the subframes of one cell, as a UE or an observer does.

    Args:
        cell: the cell.
        fft: FFT size; the bandwidth's standard one when None.
        method: channel interpolation, see :class:`picocell.phy.lte.estimation.Estimator`.
        max_iterations: of the turbo decoder.

    Raises:
        ValueError: an FFT size that does not hold the cell, or an unknown method.
    """

    def __init__(
        self, cell: Cell, fft: int | None = None, *, method: Method = "wiener", max_iterations: int = 8
    ) -> None:
        self.cell = cell
        self.fft = fft or fft_size(cell.n_prb)
        self._ofdm = Ofdm(cell.n_prb, self.fft, cell.cp is CyclicPrefix.EXTENDED)
        self._estimator = Estimator(cell, method=method)
        self._control = ControlReceiver(cell)
        self._decoder = SchDecoder(max_iterations)

    @property
    def samples_per_subframe(self) -> int:
        """Samples of 1 ms."""
        return self._ofdm.samples_per_subframe

    def demodulate(
        self, samples: NDArray[np.complex64], *, cfo: float = 0.0, phase: float = 0.0, window_advance: int = 0
    ) -> NDArray[np.complex64]:
        """Resource grid of one subframe's samples.

        Args:
            samples: complex64 (n_rx, samples_per_subframe).
            cfo: carrier offset to remove, in cycles a sample.
            phase: of that offset's oscillator at the first sample, in cycles.
            window_advance: samples by which the FFT starts before the cyclic prefix ends.
        """
        return self._ofdm.demodulate(samples, cfo=cfo, phase=phase, window_advance=window_advance)

    def control(self, tti: int, grid: NDArray[np.complex64]) -> ControlRegion:
        """Channel estimate, PCFICH and the PDCCH's soft bits of a subframe.

        Args:
            tti: 10 SFN + subframe.
            grid: complex64 (n_rx, n_symb, n_sc).

        Raises:
            ValueError: a TTI outside 0..10239, a grid of another shape.
        """
        subframe = _subframe(tti)
        grid = np.ascontiguousarray(grid, np.complex64)
        channel = self._estimator.estimate(subframe, grid)
        cfi, quality, soft = self._control.decode(subframe, grid, channel)
        return ControlRegion(tti, grid, channel, cfi, quality, soft)

    def hi(self, region: ControlRegion, resources: Sequence[tuple[int, int]]) -> list[HiIndication]:
        """HARQ indicators of (group, sequence) pairs."""
        found = self._control.hi(region.subframe, region.grid, region.channel, resources)
        return [
            HiIndication(group, sequence, result.ack, result.metric)
            for (group, sequence), result in zip(resources, found, strict=True)
        ]

    def dlsch(
        self, region: ControlRegion, grant: PdschGrant, soft: SoftBuffer | None = None, *, keep_symbols: bool = False
    ) -> DlschIndication:
        """The transport block of a grant."""
        result = pdsch.decode(
            self.cell, region.subframe, grant, region.grid, region.channel, self._decoder, soft, keep=keep_symbols
        )
        return DlschIndication(grant, result.payload, result.crc_ok, result.iterations, result.n_re, result.symbols)

    def receive(
        self,
        tti: int,
        grid: NDArray[np.complex64],
        searches: Sequence[RntiSearch] = (),
        *,
        hi: Sequence[tuple[int, int]] = (),
        harq: HarqBuffers | None = None,
    ) -> DlIndication:
        """Receive a whole subframe: the DCIs of some RNTIs, the transport blocks that they grant, the PHICH.

        Args:
            tti: 10 SFN + subframe.
            grid: complex64 (n_rx, n_symb, n_sc).
            searches: RNTIs to look for.
            hi: PHICH resources (group, sequence) to read.
            harq: HARQ processes; without them each transmission is decoded alone, and a retransmission whose MCS does
                not tell its size is passed over.
        """
        region = self.control(tti, grid)
        channel = region.channel
        result = DlIndication(
            tti, region.cfi, channel.rsrp, channel.rssi, channel.snr_db, channel.noise_var, region.cfi_quality
        )
        for search in searches:
            result.dci += self._search(region, search)
        for found in result.dci:
            if found.format in _DL_GRANTS and not isinstance(found.dci, dci.DciPdcchOrder):
                process = getattr(found.dci, "harq_process", 0)
                previous = harq.previous_tbs(found.rnti, process) if harq is not None else None
                try:
                    grant = from_dci(
                        self.cell, region.subframe, region.cfi, found.rnti, found.dci, previous_tbs=previous
                    )
                except ValueError:
                    continue  # not legal here: a false alarm of the blind search, or a format of a later release
                result.dlsch.append(self.dlsch(region, grant, harq.soft_buffer(grant) if harq is not None else None))
        if hi:
            result.hi = self.hi(region, hi)
        return result

    def _search(self, region: ControlRegion, search: RntiSearch) -> list[DciIndication]:
        """DCIs of one RNTI that unpack."""
        found = []
        for hit in pdcch_search.search_rnti(self.cell, region.subframe, region.pdcch, search.rnti, search.formats):
            indication = unpacked(self.cell, hit, hit.rnti)
            if indication is not None:
                found.append(indication)
        return found


def unpacked(cell: Cell, hit: pdcch_search.FoundDci, rnti: int) -> DciIndication | None:
    """A found message with its fields; None if its bits are no legal message of its format."""
    if hit.format is None:
        return None
    try:
        fields = dci.unpack(cell, hit.format, hit.bits, rnti)
    except ValueError:
        return None
    return DciIndication(rnti, hit.format, fields, hit.first_cce, hit.aggregation_level, hit.quality)


def _subframe(tti: int) -> int:
    """Subframe of a TTI, checked."""
    if not 0 <= tti < TTI_MODULO:
        raise ValueError(f"TTI {tti} is outside 0..{TTI_MODULO - 1}")
    return tti % 10
