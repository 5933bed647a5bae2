"""Physical uplink shared channel, transport block and control information to grid and back (TS 36.211 5.3, 5.5.2.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from math import pi
from typing import Final, NamedTuple

import numpy as np
import scipy.special
from numpy.typing import ArrayLike, NDArray

from picocell.kernels import gold, modem, sch
from picocell.kernels.ulsch import PuschSender
from picocell.phy.lte import evm, pusch_dmrs, uci, ul_estimation, ulsch
from picocell.phy.lte.cell import N_SC_RB, Cell
from picocell.phy.lte.frame import SUBCARRIER_SPACING
from picocell.phy.lte.ul_grant import PuschGrant
from picocell.phy.lte.uplink_config import UplinkConfig

DTX_FALSE_ALARM: Final = 0.01
"""Rate at which noise passes as a PUSCH by its reference signal; a CRC that matches is believed anyway."""

_TRIALS: Final = 2 / 3
"""Chances for noise by each subcarrier of a block, since the timing offset is the best of many; found by simulation."""


@dataclass(frozen=True, slots=True)
class PuschResult:
    """A received PUSCH.

    Attributes:
        payload: the transport block's bytes, right only where ``crc_ok``; empty if there is none.
        crc_ok: whether its CRC matched.
        iterations: turbo iterations, mean over the code blocks.
        detected: whether anything was sent: the reference signal stands out of the noise, or the CRC matched.
        dtx_metric: share of the reference symbols' power that is coherent over one or two resource blocks: 1 without
            noise, 1/12 (odd number of resource blocks) or 1/24 on average for noise alone.
        ack: HARQ-ACK bits, 1 for ACK; None where none were expected or none were found.
        ack_metric: how far they stand out (:class:`picocell.phy.lte.uci.BlockDecision`), 0 where none were expected.
        ri: rank indication bits; None where none were expected.
        ri_metric: as ``ack_metric``.
        cqi: bits of the CQI/PMI report; None where none was expected.
        cqi_ok: whether they can be believed (:class:`picocell.phy.lte.uci.CqiDecision`).
        snr_db: of the reference signal, per antenna.
        timing_offset_s: delay of the signal; positive means late.
        cfo_hz: carrier frequency offset.
        power: mean signal power of a resource element and antenna, linear.
        noise_var: noise power of a resource element and antenna, linear.
        evm: RMS error of the equalised symbols to the nearest constellation points, relative to unit power; measured
            only if the symbols were kept.
        symbols: equalised symbols complex64 (n_symb, m_sc), if they were kept.
    """

    payload: bytes
    crc_ok: bool
    iterations: float
    detected: bool
    dtx_metric: float
    ack: tuple[int, ...] | None
    ack_metric: float
    ri: tuple[int, ...] | None
    ri_metric: float
    cqi: tuple[int, ...] | None
    cqi_ok: bool
    snr_db: float
    timing_offset_s: float
    cfo_hz: float
    power: float
    noise_var: float
    evm: float | None = None
    symbols: NDArray[np.complex64] | None = None


def n_re(ul: UplinkConfig, grant: PuschGrant) -> int:
    """Resource elements of a PUSCH without its reference signal; its coded bits are this many times Q_m."""
    return N_SC_RB * grant.n_prb * len(pusch_dmrs.data_symbols(ul, grant.srs_symbol))


def encode(
    cell: Cell,
    ul: UplinkConfig,
    subframe: int,
    grant: PuschGrant,
    payload: bytes | bytearray | memoryview,
    grid: NDArray[np.complex64],
    *,
    ack: ArrayLike = (),
    ri: ArrayLike = (),
    cqi: ArrayLike = (),
    amplitude: float = 1.0,
) -> None:
    """Encode a PUSCH with its reference signal and write it into the grid (TS 36.212 5.2.2, TS 36.211 5.3, 5.5.2.1).

    Args:
        cell: the cell.
        ul: its uplink.
        subframe: subframe 0..9.
        grant: what to send.
        payload: ``grant.tbs // 8`` bytes.
        grid: complex64 (n_symb, n_sc), or (1, n_symb, n_sc), written in place.
        ack: HARQ-ACK bits, ``grant.uci.n_ack`` of them, 1 for ACK.
        ri: rank indication bits, ``grant.uci.n_ri``.
        cqi: bits of the CQI/PMI report, as many as the grant says for that rank.
        amplitude: beta_PUSCH, the root of a resource element's mean power.

    Raises:
        ValueError: contents or a grid of the wrong size, a grant that does not fit the cell or leaves no room.
    """
    flat = grid[0] if grid.ndim == 3 and len(grid) == 1 else grid
    if flat.shape != (ul.n_symb, ul.n_sc) or flat.dtype != np.complex64 or not flat.flags.c_contiguous:
        raise ValueError(f"grid is {grid.dtype} {grid.shape}, not C-contiguous complex64 {(ul.n_symb, ul.n_sc)}")
    _check_place(ul, subframe, grant)
    symbols = pusch_dmrs.data_symbols(ul, grant.srs_symbol)
    coded, source = ulsch.parts_of(ul, grant, payload, ack, ri, cqi)
    _sender(N_SC_RB * grant.n_prb).send(
        coded,
        source,
        grant.q_m,
        _scrambling(_c_init(cell, subframe, grant.rnti), len(source) * grant.q_m),
        pusch_dmrs.sequence(cell, ul, subframe, grant.n_prb, grant.cyclic_shift),
        (N_SC_RB * grant.prb_start[0], N_SC_RB * grant.prb_start[1]),
        symbols,
        pusch_dmrs.symbols(ul),
        flat,
        placeholders=bool(grant.uci),
        amplitude=amplitude,
    )


@cache
def _sender(m_sc: int) -> PuschSender:
    return PuschSender(m_sc)


def decode(
    cell: Cell,
    ul: UplinkConfig,
    subframe: int,
    grant: PuschGrant,
    grid: NDArray[np.complex64],
    decoder: sch.SchDecoder,
    soft: sch.SoftBuffer | None = None,
    *,
    others: Sequence[int] = (),
    cfo_hz: float = 0.0,
    keep: bool = False,
) -> PuschResult:
    """Receive a PUSCH.

    Args:
        cell: the cell.
        ul: its uplink.
        subframe: subframe 0..9.
        grant: what to receive.
        grid: complex64 (n_rx, n_symb, n_sc).
        decoder: the turbo decoder to use.
        soft: soft bits of the HARQ process, combined in place; None to decode this transmission alone.
        others: cyclic shift fields of other transmissions on the same resource blocks.
        cfo_hz: frequency offset known from before, for a PUSCH that hops between its slots.
        keep: also return the equalised symbols and their EVM.

    Raises:
        ValueError: a grid of the wrong shape, a grant that does not fit the cell or has neither data nor a report.
    """
    _check_place(ul, subframe, grant)
    scrambling = _scrambling(_c_init(cell, subframe, grant.rnti), n_re(ul, grant) * grant.q_m)
    front = None if others else _front(cell, ul, subframe, grant, grid, scrambling, cfo_hz)
    if front is None:
        front = _front_of_several(cell, ul, subframe, grant, grid, scrambling, others, cfo_hz)
    symbols, flat = front.symbols, front.symbols.reshape(-1)
    found = ulsch.decode(ul, grant, ulsch.Received(front.llr, flat, front.variance, scrambling), decoder, soft)
    noise_var, snr_db, timing_offset_s, cfo_hz, power, dtx_metric = front.levels
    detected = found.crc_ok or dtx_metric > dtx_threshold(grant.n_prb, grid.shape[0])
    ack, rank, report = found.ack, found.ri, found.cqi
    return PuschResult(
        payload=found.payload,
        crc_ok=found.crc_ok,
        iterations=found.iterations,
        detected=detected,
        dtx_metric=dtx_metric,
        ack=uci.as_tuple(ack.bits) if ack and ack.detected and detected else None,
        ack_metric=float(ack.metric) if ack else 0.0,
        ri=uci.as_tuple(rank.bits) if rank else None,
        ri_metric=float(rank.metric) if rank else 0.0,
        cqi=uci.as_tuple(report.bits) if report else None,
        cqi_ok=bool(report and report.ok and detected),
        snr_db=snr_db,
        timing_offset_s=timing_offset_s,
        cfo_hz=cfo_hz,
        power=power,
        noise_var=noise_var,
        evm=evm.evm(flat, grant.q_m) if keep else None,
        symbols=symbols if keep else None,
    )


class _Front(NamedTuple):
    """What comes before decoding."""

    symbols: NDArray[np.complex64]  # (n_symb, m_sc), equalised
    variance: NDArray[np.float32]  # (n_symb,), their noise power
    llr: NDArray[np.int16]
    levels: tuple[float, float, float, float, float, float]  # noise, SNR in dB, delay, frequency, power, coherence


def _front(
    cell: Cell,
    ul: UplinkConfig,
    subframe: int,
    grant: PuschGrant,
    grid: NDArray[np.complex64],
    scrambling: NDArray[np.uint64],
    cfo_hz: float,
) -> _Front | None:
    """Channel, symbols and soft bits of a PUSCH that has its resource blocks alone; None where nothing came."""
    if grid.dtype != np.complex64 or grid.ndim != 3 or not grid.flags.c_contiguous:
        return None
    found = ul_estimation.receiver(ul, grant.n_prb).receive(
        grid,
        pusch_dmrs.sequence(cell, ul, subframe, grant.n_prb, grant.cyclic_shift),
        (N_SC_RB * grant.prb_start[0], N_SC_RB * grant.prb_start[1]),
        pusch_dmrs.data_symbols(ul, grant.srs_symbol),
        grant.q_m,
        scrambling,
        cfo_hz,
    )
    if found is None:
        return None
    symbols, variance, llr, (noise, snr_db, *rest) = found
    low, high = ul_estimation.SNR_LIMITS_DB
    delay, cfo, power, coherence = rest
    return _Front(symbols, variance, llr, (noise, min(max(snr_db, low), high), delay, cfo, power, coherence))


def _front_of_several(
    cell: Cell,
    ul: UplinkConfig,
    subframe: int,
    grant: PuschGrant,
    grid: NDArray[np.complex64],
    scrambling: NDArray[np.uint64],
    others: Sequence[int],
    cfo_hz: float,
) -> _Front:
    """The same step by step, for a PUSCH on whose resource blocks there are others, or nothing at all."""
    channel = ul_estimation.estimate_pusch(
        cell, ul, subframe, grid, grant.prb_start, grant.n_prb, grant.cyclic_shift, others=others, cfo_hz=cfo_hz
    )
    which = pusch_dmrs.data_symbols(ul, grant.srs_symbol)
    symbols, variance = ul_estimation.equalise_pusch(grid, channel, which)
    noise = np.repeat(variance, symbols.shape[1])
    llr = modem.demodulate(symbols.reshape(-1), noise, grant.q_m, scrambling)
    coherence = _coherence(cell, ul, subframe, grant, grid, channel.timing_offset_s)
    levels = (channel.noise_var, channel.snr_db, channel.timing_offset_s, channel.cfo_hz, channel.power, coherence)
    return _Front(symbols, variance, llr, levels)


@lru_cache(maxsize=256)
def _scrambling(c_init: int, n_bits: int) -> NDArray[np.uint64]:
    """Packed scrambling sequence: a UE's comes again every frame."""
    words = gold.packed(c_init, n_bits)
    words.setflags(write=False)
    return words


def _c_init(cell: Cell, subframe: int, rnti: int) -> int:
    """Start of the scrambling sequence (TS 36.211 5.3.1)."""
    return rnti << 14 | subframe << 9 | cell.pci


def _check_place(ul: UplinkConfig, subframe: int, grant: PuschGrant) -> None:
    if not 0 <= subframe <= 9:
        raise ValueError(f"subframe {subframe} is outside 0..9")
    if max(grant.prb_start) + grant.n_prb > ul.n_prb:
        raise ValueError(
            f"{grant.n_prb} resource blocks from {grant.prb_start} on do not fit the {ul.n_prb} of the cell"
        )


def _block_length(n_prb: int) -> int:
    """Subcarriers over which the channel is taken as flat, once the timing offset is out."""
    return N_SC_RB * (2 - n_prb % 2)


@lru_cache(maxsize=1024)
def dtx_threshold(n_prb: int, n_rx: int, false_alarm: float = DTX_FALSE_ALARM) -> float:
    """What ``dtx_metric`` of noise alone exceeds at a given rate: the quantile of a beta distribution."""
    n, length = 2 * n_rx * N_SC_RB * n_prb, _block_length(n_prb)
    blocks = n // length
    return float(scipy.special.betaincinv(blocks, n - blocks, 1 - false_alarm / (_TRIALS * length)))


@lru_cache(maxsize=1024)
def _conjugate(cell: Cell, ul: UplinkConfig, subframe: int, n_prb: int, cyclic_shift: int) -> NDArray[np.complex64]:
    """Conjugate of the reference signal ``(2, m_sc)``."""
    return pusch_dmrs.sequence(cell, ul, subframe, n_prb, cyclic_shift).conj()


def _coherence(
    cell: Cell, ul: UplinkConfig, subframe: int, grant: PuschGrant, grid: NDArray[np.complex64], delay_s: float
) -> float:
    """Share of the reference symbols' power that adds up coherently within blocks of subcarriers."""
    length, m_sc = _block_length(grant.n_prb), N_SC_RB * grant.n_prb
    turn = np.exp(2j * pi * SUBCARRIER_SPACING * delay_s * np.arange(length)).astype(np.complex64)
    coherent = total = 0.0
    conjugate = _conjugate(cell, ul, subframe, grant.n_prb, grant.cyclic_shift)
    for symbol, start, reference in zip(pusch_dmrs.symbols(ul), grant.prb_start, conjugate, strict=True):
        pilots = grid[:, symbol, N_SC_RB * start : N_SC_RB * start + m_sc] * reference
        sums = np.matmul(pilots.reshape(-1, length), turn)
        coherent += np.vdot(sums, sums).real
        total += np.vdot(pilots, pilots).real
    return float(coherent / (length * total)) if total > 0 else 0.0
