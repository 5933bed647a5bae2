"""Physical uplink control channel, both ends: formats 1, 1a, 1b, 2, 2a, 2b (TS 36.211 5.4, TS 36.213 10.1).

The receiver separates the UEs of a resource block by cyclic shift and orthogonal sequence. Each UE's delay is searched
within +-2.2 us. Cyclic shifts are orthogonal only for equal delays: next to each other (Delta_shift 1, and always in
formats 2) a difference of 2 us leaks -7 dB, two apart -15 dB; so strong UEs are taken out before weak ones are decided,
and one that is more than 17 dB below its neighbour's worst leakage is not believed. Orthogonal sequences leak -27 dB at
200 Hz.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log10, pi
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from picocell.kernels.pucch import Joint
from picocell.phy.lte import pucch_format1, pucch_format2
from picocell.phy.lte.cell import N_SC_RB, Cell, CyclicPrefix
from picocell.phy.lte.pucch_detect import DELAY_UNIT_S, Candidates, Signal, detect, prepare
from picocell.phy.lte.pucch_tables import ACK_BITS, PucchFormat, ack_symbol, carriers, prb_pair, shortened_format
from picocell.phy.lte.uci import MAX_PUCCH_BITS, encode_20
from picocell.phy.lte.uplink_config import UplinkConfig

__all__ = [
    "FALSE_ALARM",
    "PucchFormat",
    "PucchRequest",
    "PucchResult",
    "check_request",
    "encode",
    "n_resources",
    "receive",
    "resource_blocks",
]

FALSE_ALARM: Final = 1e-3
"""Probability that noise on one resource is taken for a signal. TS 36.104 8.3 allows 1 % for an ACK, but a false
scheduling request costs a grant. At the SNRs of that clause under 1 % of the ACKs are missed with it."""

_MIN_DB: Final = -99.0


@dataclass(frozen=True, slots=True)
class PucchRequest:
    """What one UE may send on PUCCH in a subframe (TS 36.213 10.1).

    Attributes:
        rnti: its C-RNTI.
        n_pucch_sr: resource n_PUCCH,SRI^(1) where the UE has an opportunity to request; else None.
        n_pucch_ack: resource n_PUCCH^(1) of its HARQ-ACK; None where none is due, or where it comes with a report.
        n_ack: HARQ-ACK bits due, 0..2; a negative or positive answer comes on `n_pucch_sr` if there is a request too.
        n2_pucch: resource n_PUCCH^(2) of a channel report; None where none is due.
        n_cqi: bits of the report, 1..13, with HARQ-ACK and extended prefix together at most 13.
        ack_with_cqi: simultaneousAckNackAndCQI; without it the UE drops the report when it has HARQ-ACK.

    Raises:
        ValueError: no resource at all, or bits without a resource.
    """

    rnti: int
    n_pucch_sr: int | None = None
    n_pucch_ack: int | None = None
    n_ack: int = 0
    n2_pucch: int | None = None
    n_cqi: int = 0
    ack_with_cqi: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.rnti <= 0xFFFF:
            raise ValueError(f"rnti {self.rnti} is outside 0..65535")
        if self.n_ack not in (0, 1, 2):
            raise ValueError(f"n_ack {self.n_ack} is not allowed: use 0, 1 or 2")
        if self.n_pucch_sr is None and self.n_pucch_ack is None and self.n2_pucch is None:
            raise ValueError("a request without any resource is not allowed")
        if (self.n_ack == 0) != (self.n_pucch_ack is None) and not (self.n_ack and self.ack_with_cqi and self.n_cqi):
            raise ValueError(f"n_ack {self.n_ack} with n_pucch_ack {self.n_pucch_ack} is not allowed: both or neither")
        if (self.n_cqi == 0) != (self.n2_pucch is None) or not 0 <= self.n_cqi <= MAX_PUCCH_BITS:
            raise ValueError(f"n_cqi {self.n_cqi} with n2_pucch {self.n2_pucch} is not allowed: both or neither, to 13")
        if self.n_pucch_sr is not None and self.n_pucch_sr == self.n_pucch_ack:
            raise ValueError(f"n_pucch_sr and n_pucch_ack are the same resource {self.n_pucch_sr}")


@dataclass(frozen=True, slots=True)
class PucchResult:
    """What one UE sent.

    A UE that missed its downlink assignment sends a request as format 1, which reads as 1a or 1b with NACK, and a
    report as format 2, which reads as 2a or 2b with NACK: the signals are the same.

    Attributes:
        rnti: its C-RNTI.
        format: the format found; None (DTX) where nothing was sent.
        sr: whether it requests a grant.
        ack: HARQ-ACK bits, 1 for ACK; empty where none came.
        cqi: bits of its report, first bit first; empty where none came.
        metric: energy that the signal explains over the noise power of one resource element and antenna.
        threshold: metric from which on the signal counts as sent.
        snr_db: per resource element and antenna.
        power: of a resource element and antenna, linear, noise taken off.
        noise_var: noise power of a resource element and antenna.
        timing_offset_s: how late the signal is; 0 for DTX.
        cfo_hz: carrier offset, from -445 to 445 Hz; 0 for DTX.
    """

    rnti: int
    format: PucchFormat | None
    sr: bool
    ack: tuple[int, ...]
    cqi: tuple[int, ...]
    metric: float
    threshold: float
    snr_db: float
    power: float
    noise_var: float
    timing_offset_s: float
    cfo_hz: float

    @property
    def dtx(self) -> bool:
        """Whether nothing was sent."""
        return self.format is None

    @property
    def cqi_value(self) -> int:
        """The report as a number, its first bit highest: the CQI of a wideband report."""
        return int("".join(map(str, self.cqi)) or "0", 2)


def resource_blocks(cell: Cell, ul: UplinkConfig, fmt: PucchFormat | str, n_pucch: int) -> tuple[int, int]:
    """Resource blocks of a resource in the even and the odd slot (TS 36.211 5.4.3).

    Raises:
        ValueError: a resource that the uplink does not have.
    """
    del cell
    on_n1 = PucchFormat(fmt).on_n1
    m = (pucch_format1.table(ul) if on_n1 else pucch_format2.table(ul)).m
    _check_resource(on_n1, n_pucch, len(m))
    first, second = prb_pair(ul, m[n_pucch])
    return int(first), int(second)


def n_resources(ul: UplinkConfig) -> tuple[int, int]:
    """How many resources n_PUCCH^(1) and n_PUCCH^(2) an uplink has.

    Raises:
        ValueError: a configuration that the standard does not have.
    """
    return len(pucch_format1.table(ul).m), len(pucch_format2.table(ul).m)


def check_request(ul: UplinkConfig, request: PucchRequest) -> None:
    """Raise ValueError where :func:`receive` would refuse a request."""
    plan, (n_1, n_2) = _plan(ul, [request]), n_resources(ul)
    for n_pucch in plan.n1:
        _check_resource(True, n_pucch, n_1)
    for n_pucch in plan.n2:
        _check_resource(False, n_pucch, n_2)


def _check_resource(on_n1: bool, n_pucch: int, n: int) -> None:
    if not 0 <= n_pucch < n:
        raise ValueError(f"resource n_PUCCH^({1 if on_n1 else 2}) {n_pucch} is outside 0..{n - 1}")


def encode(
    cell: Cell,
    ul: UplinkConfig,
    subframe: int,
    rnti: int,
    fmt: PucchFormat | str,
    n_pucch: int,
    bits: ArrayLike,
    grid: NDArray[np.complex64],
    shortened: bool | None = None,
) -> None:
    """Write one PUCCH into a UE's grid, at power 1 a resource element.

    Args:
        cell: the cell.
        ul: its uplink.
        subframe: 0..9.
        rnti: of the UE; it scrambles formats 2, 2a, 2b.
        fmt: the format.
        n_pucch: resource n_PUCCH^(1) or n_PUCCH^(2), by format.
        bits: control information: none in format 1; one or two HARQ-ACK bits in 1a and 1b, 1 being ACK; the report of
            up to 13 bits in format 2 (extended prefix: followed by HARQ-ACK bits if any); the report and one or two
            HARQ-ACK bits in 2a and 2b.
        grid: complex64 ``(n_symb, n_sc)`` or ``(1, n_symb, n_sc)``; the PUCCH's resource elements are overwritten.
        shortened: formats 1, 1a, 1b without the last symbol; None: as the cell's sounding asks.

    Raises:
        ValueError: an argument outside its range, or format 2a or 2b with extended prefix.
    """
    uci = tuple(map(int, bits if isinstance(bits, tuple) else np.asarray(bits).reshape(-1)))
    view = _grid(ul, grid, 1)[0]
    (first, second), wave = _wave(cell, ul, subframe, rnti, PucchFormat(fmt), n_pucch, uci, shortened)
    view[0, :, first] = wave[0]
    view[1, :, second] = wave[1]


@lru_cache(maxsize=512)
def _wave(
    cell: Cell,
    ul: UplinkConfig,
    subframe: int,
    rnti: int,
    form: PucchFormat,
    n_pucch: int,
    uci: tuple[int, ...],
    shortened: bool | None,
) -> tuple[tuple[int, int], NDArray[np.complex64]]:
    """Resource blocks of both slots, and what is sent there ``(2, n_symb_slot, 12)``: few are sent again and again."""
    carrier = carriers(cell, ul, subframe)
    n_ack = form.n_ack
    if form.on_n1:
        if len(uci) != n_ack:
            raise ValueError(f"{len(uci)} bits are not allowed in format {form}: {n_ack} are needed")
        one = pucch_format1.table(ul, shortened_format(cell, ul, subframe) if shortened is None else shortened)
        _check_resource(True, n_pucch, len(one.m))
        m, shift = one.m[n_pucch], one.shift[n_pucch]
        time = one.codes[n_pucch, :, 0] + one.codes[n_pucch, :, 1] * ack_symbol(uci)
    else:
        if n_ack and ul.cp is CyclicPrefix.EXTENDED:
            raise ValueError(
                f"format {form} is not allowed with extended cyclic prefix: use 2 with HARQ-ACK bits added"
            )
        two = pucch_format2.table(ul)
        _check_resource(False, n_pucch, len(two.m))
        m, shift = two.m[n_pucch], two.shift[n_pucch]
        report, ack = uci[: len(uci) - n_ack], ack_symbol(uci[len(uci) - n_ack :])
        signs = (1 - 2 * encode_20(report).astype(np.float32)) * pucch_format2.scrambling(cell, subframe, rnti)
        time = pucch_format2.time_signature(ul, pucch_format2.qpsk(signs)[None], np.array([ack]))[0]
    slope = np.exp(2j * np.pi / N_SC_RB * (shift[:, None] * np.arange(N_SC_RB) % N_SC_RB))
    first, second = prb_pair(ul, m).tolist()
    return (first, second), np.asarray(carrier * time[:, :, None] * slope[:, None], np.complex64)


def _grid(ul: UplinkConfig, grid: NDArray[np.complex64], n_antennas: int | None) -> NDArray[np.complex64]:
    """A grid as ``(n_antennas, 2, n_symb_slot, n_prb, 12)``, without a copy."""
    shape = np.shape(grid) if np.ndim(grid) == 3 else (1, *np.shape(grid))
    if shape[1:] != (ul.n_symb, ul.n_sc) or shape[0] != (n_antennas or shape[0]) or grid.dtype != np.complex64:
        antennas = n_antennas or "n_rx"
        raise ValueError(
            f"grid {grid.dtype} {np.shape(grid)} does not fit: complex64 ({antennas}, {ul.n_symb}, {ul.n_sc}) is needed"
        )
    if not grid.flags.c_contiguous:
        raise ValueError("grid is not C-contiguous")
    return grid.reshape(shape[0], 2, ul.n_symb_slot, ul.n_prb, N_SC_RB)


@dataclass(slots=True)
class _Plan:
    """Signals to look for, by resource space, as parallel lists, and whose each is."""

    n1: list[int]
    n_data: list[int]
    owner_1: list[int]
    n2: list[int]
    n_bits: list[int]
    n_ack: list[int]
    owner_2: list[int]


def _plan(ul: UplinkConfig, requests: Sequence[PucchRequest]) -> _Plan:
    """Resources on which each request may be answered (TS 36.213 7.2, 10.1)."""
    plan = _Plan([], [], [], [], [], [], [])
    extended = ul.cp is CyclicPrefix.EXTENDED
    for i, request in enumerate(requests):
        joint = request.n_ack if request.ack_with_cqi else 0
        if request.n_pucch_sr is not None:
            plan.n1.append(request.n_pucch_sr)
            plan.n_data.append(1 << request.n_ack)
            plan.owner_1.append(i)
        if request.n_pucch_ack is not None and not (request.n_cqi and joint):
            plan.n1.append(request.n_pucch_ack)
            plan.n_data.append(1 << request.n_ack)
            plan.owner_1.append(i)
        if request.n2_pucch is not None:
            bits = request.n_cqi + (joint if extended else 0)
            if bits > MAX_PUCCH_BITS:
                raise ValueError(f"n_cqi {request.n_cqi} and n_ack {joint} are more than {MAX_PUCCH_BITS} bits")
            plan.n2.append(request.n2_pucch)
            plan.n_bits.append(bits)
            plan.n_ack.append(0 if extended else joint)
            plan.owner_2.append(i)
    return plan


def _candidates(
    cell: Cell, ul: UplinkConfig, subframe: int, requests: Sequence[PucchRequest], plan: _Plan
) -> tuple[Candidates, NDArray[np.intp]]:
    """The signals to look for, and m of their pairs of resource blocks."""
    one = pucch_format1.table(ul, shortened_format(cell, ul, subframe))
    two = pucch_format2.table(ul)
    for on_n1, resources, n in ((True, plan.n1, len(one.m)), (False, plan.n2, len(two.m))):
        for n_pucch in resources:
            _check_resource(on_n1, n_pucch, n)
    n1, n2 = np.array(plan.n1, np.intp), np.array(plan.n2, np.intp)
    m, block = np.unique(np.concatenate([one.m[n1], two.m[n2]]), return_inverse=True)
    codes = one.codes[n1]
    signs = [pucch_format2.scrambling(cell, subframe, requests[i].rnti) for i in plan.owner_2]
    candidates = Candidates(
        block=block,
        shift=np.concatenate([one.shift[n1], two.shift[n2]]),
        cover=np.concatenate([one.cover[n1], np.full((len(n2), 2), -1)]),
        n_symbols=np.concatenate(
            [(codes != 0).sum(axis=(2, 3)), np.full((len(n2), 2), ul.n_symb_slot)], dtype=np.float32
        ),
        codes=codes,
        n_data=np.array(plan.n_data, np.intp),
        signs=np.array(signs, np.float32).reshape(-1, 20),
        n_bits=np.array(plan.n_bits, np.intp),
        n_ack=np.array(plan.n_ack, np.intp),
    )
    return candidates, m


def receive(
    cell: Cell,
    ul: UplinkConfig,
    subframe: int,
    grid: NDArray[np.complex64],
    requests: Sequence[PucchRequest],
    false_alarm: float = FALSE_ALARM,
) -> list[PucchResult]:
    """Decide what all UEs sent on PUCCH in a subframe.

    Args:
        cell: the cell.
        ul: its uplink.
        subframe: 0..9.
        grid: received complex64 ``(n_rx, n_symb, n_sc)``, C-contiguous.
        requests: what each UE may send. All UEs of a resource block should be named: others are noise to them.
        false_alarm: probability that noise on one resource is taken for a signal. Half of that is the probability of
            DTX to ACK in format 1a, and that an ACK bit is seen in 1b.

    Returns:
        One result a request, in their order.

    Raises:
        ValueError: a resource or subframe that does not exist, a grid that is not the uplink's, or a probability that
            is not between 0 and 1.
    """
    carrier = carriers(cell, ul, subframe)
    _grid(ul, grid, None)
    if not requests:
        return []
    prepared = _prepare(cell, ul, subframe, tuple(requests), grid.shape[0], false_alarm)
    found = detect(ul.cp, prepared.joint, grid, carrier)
    margin = [signal.metric / signal.threshold for signal in found]
    best: list[int] = [-1] * len(requests)
    for k, owner in enumerate(prepared.owners):
        if best[owner] < 0 or margin[k] > margin[best[owner]]:
            best[owner] = k
    plan, terms, branches = prepared.plan, prepared.terms, 2 * grid.shape[0]
    return [_result(ul, plan, requests[i], found[k], k, terms[k], branches) for i, k in enumerate(best)]


class _Prepared(NamedTuple):
    """What does not depend on the samples."""

    plan: _Plan
    owners: list[int]  # request of each signal
    terms: list[float]  # resource elements of each signal, times antennas
    joint: Joint


@lru_cache(maxsize=512)
def _prepare(
    cell: Cell, ul: UplinkConfig, subframe: int, requests: tuple[PucchRequest, ...], n_rx: int, false_alarm: float
) -> _Prepared:
    """Kept, because few UEs come with the same requests again and again."""
    plan = _plan(ul, requests)
    candidates, m = _candidates(cell, ul, subframe, requests, plan)
    n_used = np.full(len(m), ul.n_symb)
    if shortened_format(cell, ul, subframe):
        n_used -= np.bincount(candidates.block[len(plan.n1) :], minlength=len(m)) == 0
    joint = prepare(candidates, prb_pair(ul, m), n_used, ul.n_symb, n_rx, false_alarm)
    terms = (candidates.n_symbols.sum(axis=1) * (N_SC_RB * n_rx)).tolist()
    return _Prepared(plan, [*plan.owner_1, *plan.owner_2], terms, joint)


def _result(
    ul: UplinkConfig, plan: _Plan, request: PucchRequest, found: Signal, k: int, terms: float, branches: int
) -> PucchResult:
    """The best signal of a request, or DTX."""
    power = max(found.energy - branches * found.noise, 0.0) / terms
    snr_db = max(10 * log10(power / found.noise), _MIN_DB) if power > 0 else _MIN_DB
    levels = (found.metric, found.threshold, snr_db, power, found.noise)
    if found.metric <= found.threshold:
        return PucchResult(request.rnti, None, False, (), (), *levels, 0.0, 0.0)
    offsets = (found.delay * DELAY_UNIT_S, found.turn * ul.n_symb / (2e-3 * pi))
    ack = ACK_BITS[request.n_ack][found.ack]
    if k < len(plan.n1):
        form = (PucchFormat.F1, PucchFormat.F1A, PucchFormat.F1B)[request.n_ack]
        return PucchResult(request.rnti, form, plan.n1[k] == request.n_pucch_sr, ack, (), *levels, *offsets)
    j = k - len(plan.n1)
    bits = tuple(map(int, f"{found.payload:0{plan.n_bits[j]}b}"))
    if plan.n_bits[j] > request.n_cqi:
        # extended prefix: HARQ-ACK follows the report in the block code
        report, ack = bits[: request.n_cqi], bits[request.n_cqi :]
        return PucchResult(request.rnti, PucchFormat.F2, False, ack, report, *levels, *offsets)
    form = (PucchFormat.F2, PucchFormat.F2A, PucchFormat.F2B)[plan.n_ack[j]]
    return PucchResult(request.rnti, form, False, ack if plan.n_ack[j] else (), bits, *levels, *offsets)
