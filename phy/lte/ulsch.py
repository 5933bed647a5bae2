"""UL-SCH with control information: shares, multiplexing and channel interleaver (TS 36.212 5.2.2.6 to 5.2.2.8, 5.2.4).

Coded bits are handled in groups of Q_m, one a modulation symbol, and symbols in the order of transmission: those of the
first SC-FDMA symbol first, which is the interleaver's matrix read column by column.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from picocell.kernels import sch, ulsch
from picocell.kernels.turbo import SIZES
from picocell.phy.lte import uci
from picocell.phy.lte.cell import N_SC_RB, CyclicPrefix
from picocell.phy.lte.ul_grant import PuschGrant, PuschUci, beta_offset, n_data_symbols
from picocell.phy.lte.uplink_config import UplinkConfig

RI_COLUMNS: Final = {CyclicPrefix.NORMAL: (1, 4, 7, 10), CyclicPrefix.EXTENDED: (0, 3, 5, 8)}
"""Columns of the interleaver that take rank indication (TS 36.212 Table 5.2.2.8-1)."""

ACK_COLUMNS: Final = {CyclicPrefix.NORMAL: (2, 3, 8, 9), CyclicPrefix.EXTENDED: (1, 2, 6, 7)}
"""Columns that take HARQ-ACK, beside the reference signals (TS 36.212 Table 5.2.2.8-2)."""

CONTROL_SYMBOLS: Final = 4
"""SC-FDMA symbols' worth of modulation symbols that HARQ-ACK, or RI, may take at most (TS 36.212 5.2.2.6)."""

_BOTH: Final = np.arange(2)

_EIGHTHS: Final = 8
"""Every beta offset is a multiple of 1/8, so that the shares are computed in integers."""


class Sizes(NamedTuple):
    """Modulation symbols Q' of the parts of a PUSCH.

    Attributes:
        total: all of the PUSCH.
        ack: HARQ-ACK, which take the places of data or CQI.
        ri: rank indication.
        cqi: CQI/PMI.
        data: UL-SCH, those that HARQ-ACK overwrites included.
    """

    total: int
    ack: int
    ri: int
    cqi: int
    data: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts stand; symbols count in the order of transmission.

    Attributes:
        source: int32 (total,), what each symbol carries, as a place in CQI, UL-SCH, RI, HARQ-ACK one after the other.
        coded: int32 (cqi + data,), the symbol of each CQI and UL-SCH symbol; -1 where HARQ-ACK overwrites it.
        ri: intp (ri,).
        ack: intp (ack,).
    """

    source: NDArray[np.int32]
    coded: NDArray[np.int32]
    ri: NDArray[np.intp]
    ack: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class UlschResult:
    """What a PUSCH carried.

    Attributes:
        payload: the transport block's bytes, right only where ``crc_ok``; empty if there is none.
        crc_ok: whether its CRC matched.
        iterations: turbo iterations, mean over the code blocks.
        ack: decision on HARQ-ACK; None if none was expected.
        ri: decision on the rank indication.
        cqi: decision on the CQI/PMI report.
    """

    payload: bytes
    crc_ok: bool
    iterations: float
    ack: uci.BlockDecision | None
    ri: uci.BlockDecision | None
    cqi: uci.CqiDecision | None


@lru_cache(maxsize=1024)
def code_block_bits(tbs: int) -> int:
    """Sum of the code block sizes K_r of a transport block (TS 36.212 5.1.2)."""
    with_crc = tbs + 24
    if with_crc <= SIZES[-1]:
        return next(k for k in SIZES if k >= with_crc)
    count = -(-with_crc // (SIZES[-1] - 24))
    needed = with_crc + 24 * count
    larger = next(i for i, k in enumerate(SIZES) if count * k >= needed)
    k_plus, k_minus = SIZES[larger], SIZES[larger - 1]
    n_minus = (count * k_plus - needed) // (k_plus - k_minus)
    return n_minus * k_minus + (count - n_minus) * k_plus


def _share(n_bits: int, area: int, beta: float, rate_bits: int, rate_beta: float = 1.0) -> int:
    """ceil(O * area * beta / (rate_beta * rate_bits)), exactly."""
    over = rate_bits * int(rate_beta * _EIGHTHS)
    return -(-n_bits * area * int(beta * _EIGHTHS) // over)


def _with_crc(n_cqi: int) -> int:
    return n_cqi + (uci.CQI_CRC_BITS if n_cqi > uci.MAX_BLOCK_BITS else 0)


def sizes(ul: UplinkConfig, grant: PuschGrant, higher_rank: bool = False) -> Sizes:
    """Shares of control information and data (TS 36.212 5.2.2.6, 5.2.4.1).

    Args:
        ul: the cell's uplink.
        grant: the PUSCH.
        higher_rank: the RI on it tells more than rank 1, on which the report's size may depend.

    Raises:
        ValueError: neither a transport block nor a report, a reserved beta offset, or no room for the data.
    """
    total = N_SC_RB * grant.n_prb * n_data_symbols(ul, grant.srs_symbol)
    if grant.tbs and not grant.uci:
        return Sizes(total, 0, 0, 0, total)
    initial = grant.initial_n_prb or grant.n_prb, grant.initial_n_symb or n_data_symbols(ul, grant.srs_symbol)
    return _shares(total, grant.n_prb, grant.tbs, initial, grant.uci, higher_rank)


@lru_cache(maxsize=4096)
def _shares(total: int, n_prb: int, tbs: int, initial: tuple[int, int], wanted: PuschUci, higher_rank: bool) -> Sizes:
    """Shares of ``total`` symbols; ``initial`` gives resource blocks and data symbols of the first transmission."""
    most = CONTROL_SYMBOLS * N_SC_RB * n_prb
    beta_ack = beta_offset("harq_ack", wanted.beta_ack) if wanted.n_ack else 1.0
    beta_ri = beta_offset("ri", wanted.beta_ri) if wanted.n_ri else 1.0
    if not tbs:
        if not wanted.n_cqi:
            raise ValueError("a PUSCH without transport block needs a CQI report")
        minimum, beta_cqi = _with_crc(wanted.n_cqi), beta_offset("cqi", wanted.beta_cqi)
        ack = min(_share(wanted.n_ack, total, beta_ack, minimum, beta_cqi), most)
        ri = min(_share(wanted.n_ri, total, beta_ri, minimum, beta_cqi), most)
        return Sizes(total, ack, ri, total - ri, 0)
    area, code_bits = N_SC_RB * initial[0] * initial[1], code_block_bits(tbs)
    ack = min(_share(wanted.n_ack, area, beta_ack, code_bits), most)
    ri = min(_share(wanted.n_ri, area, beta_ri, code_bits), most)
    n_cqi, cqi = _report_bits(wanted, higher_rank), 0
    if n_cqi:
        beta_cqi = beta_offset("cqi", wanted.beta_cqi)
        cqi = min(_share(_with_crc(n_cqi), area, beta_cqi, code_bits), total - ri)
    return Sizes(total, ack, ri, cqi, total - ri - cqi)


def report_bits(grant: PuschGrant, higher_rank: bool = False) -> int:
    """Bits of the CQI/PMI report by what the RI tells."""
    return _report_bits(grant.uci, higher_rank)


def _report_bits(wanted: PuschUci, higher_rank: bool) -> int:
    if higher_rank and wanted.n_cqi_higher_rank is not None:
        return wanted.n_cqi_higher_rank
    return wanted.n_cqi


def layout(ul: UplinkConfig, grant: PuschGrant, higher_rank: bool = False) -> Layout:
    """Multiplexing and channel interleaver of a PUSCH as tables (TS 36.212 5.2.2.7, 5.2.2.8), read-only.

    Raises:
        ValueError: as :func:`sizes`.
    """
    return _layout(ul.cp, N_SC_RB * grant.n_prb, sizes(ul, grant, higher_rank))


def _columns_from_below(columns: tuple[int, ...], count: int, m_sc: int) -> NDArray[np.intp]:
    """Symbols of RI or HARQ-ACK: from the last row up, the columns of a row in the order 0, 3, 2, 1 of the set."""
    i = np.arange(count)
    return np.array(columns, np.intp)[3 * i % 4] * m_sc + m_sc - 1 - i // 4


@lru_cache(maxsize=256)
def _layout(cp: CyclicPrefix, m_sc: int, parts: Sizes) -> Layout:
    ri = _columns_from_below(RI_COLUMNS[cp], parts.ri, m_sc)
    ack = _columns_from_below(ACK_COLUMNS[cp], parts.ack, m_sc)
    free = np.ones(parts.total, np.bool_)
    free[ri] = False
    in_rows = np.arange(parts.total).reshape(-1, m_sc).T.reshape(-1)
    places = in_rows[free[in_rows]]
    source = np.empty(parts.total, np.int32)
    source[places] = np.arange(places.size)
    source[ri] = places.size + np.arange(parts.ri)
    source[ack] = places.size + parts.ri + np.arange(parts.ack)
    punctured = np.zeros(parts.total, np.bool_)
    punctured[ack] = True
    coded = np.where(punctured[places], -1, places).astype(np.int32)
    result = Layout(source, coded, ri, ack)
    for array in (source, coded, ri, ack):
        array.flags.writeable = False
    return result


def has_room(grant: PuschGrant, parts: Sizes) -> bool:
    """Whether every code block gets at least one modulation symbol, if there is data."""
    with_crc = grant.tbs + 24
    code_blocks = 1 if with_crc <= SIZES[-1] else -(-with_crc // (SIZES[-1] - 24))
    return not grant.tbs or parts.data >= code_blocks


def encode(
    ul: UplinkConfig,
    grant: PuschGrant,
    payload: bytes | bytearray | memoryview,
    ack: ArrayLike = (),
    ri: ArrayLike = (),
    cqi: ArrayLike = (),
) -> NDArray[np.uint8]:
    """Coded bits of a PUSCH in the order of transmission, before scrambling (TS 36.212 5.2.2, 5.2.4).

    Args:
        ul: the cell's uplink.
        grant: the PUSCH; its ``uci`` gives the numbers of control bits.
        payload: ``grant.tbs // 8`` bytes.
        ack: HARQ-ACK bits, 1 for ACK.
        ri: rank indication bits.
        cqi: CQI/PMI bits.

    Returns:
        Uint8 with placeholders among the values (:mod:`picocell.phy.lte.uci`).

    Raises:
        ValueError: contents of other sizes than the grant's, or no room for the data.
    """
    coded, source = parts_of(ul, grant, payload, ack, ri, cqi)
    return ulsch.gather_bits(coded, source, grant.q_m)


def parts_of(
    ul: UplinkConfig,
    grant: PuschGrant,
    payload: bytes | bytearray | memoryview,
    ack: ArrayLike = (),
    ri: ArrayLike = (),
    cqi: ArrayLike = (),
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Coded bits of CQI, UL-SCH, RI and HARQ-ACK one after the other, and which of them each symbol carries.

    The arguments are those of :func:`encode`, which puts the bits in the order of transmission.

    Raises:
        ValueError: as :func:`encode`.
    """
    acks, ranks, report = uci.as_bits(ack), uci.as_bits(ri), uci.as_bits(cqi)
    wanted, higher_rank = grant.uci, any(ranks)
    parts = sizes(ul, grant, higher_rank)
    expected = (grant.tbs // 8, wanted.n_ack, wanted.n_ri, _report_bits(wanted, higher_rank))
    given = (len(payload), len(acks), len(ranks), len(report))
    if given != expected:
        raise ValueError(f"bytes of payload, bits of ACK, RI and CQI are {given}, the grant says {expected}")
    if not has_room(grant, parts):
        raise ValueError(f"{parts.data} symbols are too few for a transport block of {grant.tbs} bits")
    q_m, coded = grant.q_m, []
    if parts.cqi:
        coded.append(uci.encode_cqi(report, parts.cqi * q_m))
    if grant.tbs:
        coded.append(sch.encode(payload, parts.data * q_m, q_m, 1, grant.rv))
    if parts.ri:
        coded.append(uci.encode_ack(ranks, q_m, parts.ri))
    if parts.ack:
        coded.append(uci.encode_ack(acks, q_m, parts.ack))
    bits = coded[0] if len(coded) == 1 else np.concatenate(coded)
    return bits, _layout(ul.cp, N_SC_RB * grant.n_prb, parts).source


@dataclass(frozen=True, slots=True)
class Received:
    """Soft values of a PUSCH in the order of transmission.

    Attributes:
        llr: int16 (total * Q_m,), descrambled.
        symbols: equalised complex64 (total,).
        noise_var: float32, noise power of each SC-FDMA symbol's modulation symbols.
        scrambling: packed scrambling sequence.
    """

    llr: NDArray[np.int16]
    symbols: NDArray[np.complex64]
    noise_var: NDArray[np.float32]
    scrambling: NDArray[np.uint64]


def _control(received: Received, places: NDArray[np.intp], m_sc: int, n_bits: int, q_m: int) -> uci.BlockDecision:
    """Decision on HARQ-ACK or RI; one and two bits lie on outermost points, which the plain LLRs do not know."""
    if n_bits > 2:
        return uci.decode_ack(received.llr.reshape(-1, q_m)[places].reshape(-1), n_bits)
    bits = uci.packed_bits(received.scrambling, (places * q_m)[:, None] + _BOTH)
    noise = received.noise_var[places // m_sc]
    return uci.decode_ack(uci.corner_llr(received.symbols[places], noise, q_m, bits, n_bits == 1), n_bits)


def decode(
    ul: UplinkConfig,
    grant: PuschGrant,
    received: Received,
    decoder: sch.SchDecoder,
    soft: sch.SoftBuffer | None = None,
) -> UlschResult:
    """Take apart and decode what :func:`encode` made.

    Args:
        ul: the cell's uplink.
        grant: the PUSCH.
        received: its soft values.
        decoder: the turbo decoder to use.
        soft: soft bits of the HARQ process, combined in place; None to decode this transmission alone.

    Raises:
        ValueError: soft values of another size than the grant's, or as :func:`sizes`.
    """
    wanted, q_m = grant.uci, grant.q_m
    parts = sizes(ul, grant)
    if received.llr.size != parts.total * q_m:
        raise ValueError(f"{received.llr.size} LLRs, the grant has {parts.total * q_m}")
    m_sc = N_SC_RB * grant.n_prb
    places = _layout(ul.cp, m_sc, parts)
    rank = _control(received, places.ri, m_sc, wanted.n_ri, q_m) if parts.ri else None
    higher_rank = rank is not None and bool(rank.bits.any())
    if higher_rank and wanted.n_cqi_higher_rank is not None:
        parts, places = sizes(ul, grant, True), layout(ul, grant, True)
    ack = _control(received, places.ack, m_sc, wanted.n_ack, q_m) if parts.ack else None
    llr = ulsch.gather_llr(received.llr, places.coded, q_m)
    border = parts.cqi * q_m
    report = uci.decode_cqi(llr[:border], report_bits(grant, higher_rank)) if border else None
    if not grant.tbs or not has_room(grant, parts):
        return UlschResult(b"", False, 0.0, ack, rank, report)
    block = decoder.decode(llr[border:], grant.tbs, q_m, 1, grant.rv, soft)
    return UlschResult(block.payload, block.crc_ok, block.iterations, ack, rank, report)
