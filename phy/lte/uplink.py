"""Whole uplink subframes: a UE's transmissions, and a base station's reception of all its UEs (TS 36.211 5)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.ofdm import Ofdm
from picocell.kernels.sch import SoftBuffer
from picocell.phy.fapi_uplink import (
    CqiPdu,
    CrcPdu,
    HarqPdu,
    RxPdu,
    SrPdu,
    UlConfigRequest,
    UlIndication,
    UlMeasurement,
    UlschPdu,
)
from picocell.phy.lte import prach, pucch, pusch, scfdma, ul_estimation
from picocell.phy.lte.cell import Cell, CyclicPrefix
from picocell.phy.lte.frame import SUBCARRIER_SPACING, TTI_MODULO, cp_lengths, fft_size
from picocell.phy.lte.prach_detect import PrachDetector
from picocell.phy.lte.pucch import PucchResult
from picocell.phy.lte.pusch import PuschResult
from picocell.phy.lte.ul_grant import PuschGrant
from picocell.phy.lte.uplink_config import UplinkConfig
from picocell.phy.lte.uplink_jobs import Job, UplinkJobs, preambles_us, pucch_us, pusch_us
from picocell.phy.workers import Workers

UplinkSoftBuffers = Callable[[PuschGrant], SoftBuffer | None]
"""Gives the soft buffer of a grant's HARQ process, cleared where the transmission is new; MAC decides that."""


@dataclass(frozen=True, slots=True)
class PuschTransmission:
    """What a UE sends on PUSCH: a grant, its transport block (empty for control only) and control information."""

    grant: PuschGrant
    payload: bytes = b""
    ack: tuple[int, ...] = ()
    ri: tuple[int, ...] = ()
    cqi: tuple[int, ...] = ()
    amplitude: float = 1.0


@dataclass(frozen=True, slots=True)
class PucchTransmission:
    """What a UE sends on PUCCH: format, resource and bits (format 1 has none)."""

    rnti: int
    format: str
    n_pucch: int
    bits: tuple[int, ...] = ()
    amplitude: float = 1.0


class UplinkTransmitter:
    """A UE's uplink.

    Args:
        cell: the cell.
        ul: its uplink.
        fft: FFT size; the bandwidth's standard one when None.

    Raises:
        ValueError: an FFT size that does not hold the uplink.
    """

    def __init__(self, cell: Cell, ul: UplinkConfig, fft: int | None = None) -> None:
        self.cell, self.ul = cell, ul
        self.fft = fft or fft_size(ul.n_prb)
        self._ofdm = Ofdm(ul.n_prb, self.fft, ul.cp is CyclicPrefix.EXTENDED, half_shift=True)

    @property
    def samples_per_subframe(self) -> int:
        """Samples of 1 ms."""
        return self._ofdm.samples_per_subframe

    def subframe(
        self, tti: int, sent: PuschTransmission | PucchTransmission, gain: float = 1.0
    ) -> NDArray[np.complex64]:
        """Samples of a subframe with one transmission, complex64 (1, samples_per_subframe).

        Without timing advance: the caller sends them N_TA earlier (:mod:`picocell.phy.lte.timing_advance`).

        Args:
            tti: 10 SFN + subframe.
            sent: what is sent.
            gain: factor on its amplitude.

        Raises:
            ValueError: a transmission that does not fit the cell.
        """
        subframe = _subframe(tti)
        grid = np.zeros((1, self._ofdm.n_symb, self._ofdm.n_sc), np.complex64)
        if isinstance(sent, PuschTransmission):
            pusch.encode(
                self.cell,
                self.ul,
                subframe,
                sent.grant,
                sent.payload,
                grid,
                ack=sent.ack,
                ri=sent.ri,
                cqi=sent.cqi,
                amplitude=gain * sent.amplitude,
            )
        else:
            pucch.encode(self.cell, self.ul, subframe, sent.rnti, sent.format, sent.n_pucch, sent.bits, grid)
            if gain * sent.amplitude != 1:
                grid *= np.float32(gain * sent.amplitude)
        return self._ofdm.modulate(grid)

    def preamble(self, number: int) -> NDArray[np.complex64]:
        """Samples of a random access preamble from the start of its subframe, complex64 (n,), of unit mean power."""
        return prach.generate(self.ul, number, self.fft * SUBCARRIER_SPACING)


class UplinkReceiver:
    """A base station's uplink: one call receives a whole subframe for all its UEs.

    Args:
        cell: the cell.
        ul: its uplink.
        fft: FFT size; the bandwidth's standard one when None.
        max_iterations: of the turbo decoder.
        workers: threads that help with large subframes; what is received does not depend on them.

    Raises:
        ValueError: an FFT size that does not hold the uplink, or a PRACH configuration that is not supported.
    """

    def __init__(
        self,
        cell: Cell,
        ul: UplinkConfig,
        fft: int | None = None,
        *,
        max_iterations: int = 8,
        workers: Workers | None = None,
    ) -> None:
        self.cell, self.ul = cell, ul
        self.fft = fft or fft_size(ul.n_prb)
        self._ofdm = Ofdm(ul.n_prb, self.fft, ul.cp is CyclicPrefix.EXTENDED, half_shift=True)
        self._advance = cp_lengths(self.fft, ul.cp)[-1] // 4
        self._jobs = UplinkJobs(max_iterations, workers)
        ul_estimation.prepare()  # tables that would else be built in the first subframe
        for n_prb in scfdma.allowed_n_prb(ul.n_prb):
            ul_estimation.receiver(ul, n_prb)
        self._prach = PrachDetector(cell, ul, self.fft * SUBCARRIER_SPACING)

    @property
    def samples_per_subframe(self) -> int:
        """Samples of 1 ms."""
        return self._ofdm.samples_per_subframe

    @property
    def prach_samples(self) -> int:
        """Samples from the start of a subframe that a preamble takes."""
        return self._prach.samples_needed

    def is_prach_opportunity(self, tti: int) -> bool:
        """Whether preambles may begin in this subframe."""
        return prach.is_opportunity(self.ul, tti // 10, _subframe(tti))

    def demodulate(self, samples: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """Resource grid (n_rx, n_symb, n_sc) of a subframe's samples (n_rx, samples_per_subframe).

        The FFT starts a quarter of the shortest cyclic prefix early, so that a UE may be late or a little early.
        """
        return self._ofdm.demodulate(samples, window_advance=self._advance)

    def receive(
        self,
        request: UlConfigRequest,
        samples: NDArray[np.complex64],
        *,
        soft_buffers: UplinkSoftBuffers | None = None,
    ) -> UlIndication:
        """Receive a subframe: every PUSCH and PUCCH of the request, and preambles where they may begin.

        Args:
            request: what may come.
            samples: complex64 (n_rx, n), from the start of the subframe; at least ``samples_per_subframe``, and
                ``prach_samples`` for preambles to be looked for.
            soft_buffers: gives a grant's soft buffer; without it each transmission is decoded alone.

        Raises:
            ValueError: too few samples, a request that does not fit the cell.
        """
        result = UlIndication(request.tti)
        subframe = _subframe(request.tti)
        jobs: list[Job] = []
        if request.ulsch or request.uci:
            grid = self.demodulate(np.ascontiguousarray(samples[:, : self.samples_per_subframe]))
            jobs += [self._pusch(subframe, pdu, request.ulsch, grid, soft_buffers) for pdu in request.ulsch]
            if request.uci:
                requests = [pdu.request for pdu in request.uci]
                jobs.append(Job(lambda _: pucch.receive(self.cell, self.ul, subframe, grid, requests), pucch_us(grid)))
        if self.is_prach_opportunity(request.tti) and samples.shape[1] >= self.prach_samples:
            jobs.append(Job(lambda _: self._prach.detect(samples), preambles_us(samples)))
        found = iter(self._jobs.run(jobs))
        for pdu in request.ulsch:
            result.pusch.append(next(found))
            _report_pusch(result, pdu, result.pusch[-1])
        if request.uci:
            result.pucch = next(found)
            for uci, answer in zip(request.uci, result.pucch, strict=True):
                _report_pucch(result, uci.handle, uci.request.n_ack, uci.request.n_cqi, answer)
        result.rach = next(found, [])
        return result

    def _pusch(
        self,
        subframe: int,
        pdu: UlschPdu,
        all_pdus: Sequence[UlschPdu],
        grid: NDArray[np.complex64],
        soft_buffers: UplinkSoftBuffers | None,
    ) -> Job:
        """The reception of one PUSCH."""
        grant = pdu.grant
        place = (grant.prb_start, grant.n_prb)
        others = [
            o.grant.cyclic_shift for o in all_pdus if o is not pdu and (o.grant.prb_start, o.grant.n_prb) == place
        ]
        soft = soft_buffers(grant) if soft_buffers is not None and grant.tbs else None
        call = partial(pusch.decode, self.cell, self.ul, subframe, grant, grid, soft=soft, others=others)
        return Job(call, pusch_us(grant.n_prb, grid), grant.tbs, soft)


def _report_pusch(result: UlIndication, pdu: UlschPdu, found: PuschResult) -> None:
    """Indications of one PUSCH."""
    grant = pdu.grant
    measured = UlMeasurement(found.snr_db, found.timing_offset_s, found.cfo_hz)
    if grant.tbs:
        result.crc.append(CrcPdu(pdu.handle, grant.rnti, found.crc_ok, found.detected))
        if found.crc_ok:
            result.rx.append(RxPdu(pdu.handle, grant.rnti, found.payload, measured))
    if grant.uci.n_ack:
        result.harq.append(HarqPdu(pdu.handle, grant.rnti, found.ack or ()))
    if grant.uci.n_cqi or grant.uci.n_ri:
        bits = found.cqi if found.cqi_ok and found.cqi is not None else ()
        result.cqi.append(CqiPdu(pdu.handle, grant.rnti, bits, found.ri or ()))


def _report_pucch(result: UlIndication, handle: int, n_ack: int, n_cqi: int, found: PucchResult) -> None:
    """Indications of one UE's PUCCH."""
    if found.sr:
        measured = UlMeasurement(found.snr_db, found.timing_offset_s, found.cfo_hz)
        result.sr.append(SrPdu(handle, found.rnti, measured))
    if n_ack:
        result.harq.append(HarqPdu(handle, found.rnti, found.ack))
    if n_cqi:
        result.cqi.append(CqiPdu(handle, found.rnti, found.cqi))


def _subframe(tti: int) -> int:
    """Subframe of a TTI, checked."""
    if not 0 <= tti < TTI_MODULO:
        raise ValueError(f"TTI {tti} is outside 0..{TTI_MODULO - 1}")
    return tti % 10
