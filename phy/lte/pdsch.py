"""Physical downlink shared channel, transport block to grid and back (TS 36.211 6.3, 6.4, TS 36.212 5.3.2).

One port and transmit diversity are here, spatial multiplexing in :mod:`picocell.phy.lte.spatial`.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from picocell.kernels import dltx, gold, modem, sch
from picocell.phy.lte import crs, evm, precoding
from picocell.phy.lte.allocation import SlotPrbs
from picocell.phy.lte.cell import N_SC_RB, Cell, Duplex
from picocell.phy.lte.estimation import ChannelEstimate
from picocell.phy.lte.frame import SubframeKind, has_pss, has_sss, pss_symbol, sss_symbol, subframe_kind
from picocell.phy.lte.grant import PdschGrant, TransmissionScheme
from picocell.phy.lte.regs import n_control_symbols


@dataclass(frozen=True, slots=True)
class PdschResult:
    """A received transport block.

    Attributes:
        payload: the transport block's bytes, right only where ``crc_ok``; empty if nothing could be decoded.
        crc_ok: whether the transport block's CRC matched.
        iterations: turbo iterations, mean over the code blocks.
        n_re: resource elements of the grant.
        evm: RMS error of the equalised symbols to the nearest constellation points, relative to unit power; measured
            only if the symbols were kept.
        symbols: equalised symbols complex64 (n_re,), if they were kept.
    """

    payload: bytes
    crc_ok: bool
    iterations: float
    n_re: int
    evm: float | None = None
    symbols: NDArray[np.complex64] | None = None


@dataclass(frozen=True, slots=True)
class _Mapping:
    """Resource elements of an allocation: flat index, and which lie in symbols with CRS."""

    index: NDArray[np.int32]
    with_crs: NDArray[np.bool_]


def re_index(cell: Cell, subframe: int, prbs: SlotPrbs, cfi: int) -> NDArray[np.int32]:
    """Resource elements of a PDSCH in the order of mapping (TS 36.211 6.3.5): symbols, in each ascending subcarriers.

    Left out are the control region, cell-specific reference signals, PSS and SSS (72 central subcarriers each), the
    PBCH with the reference signals of four ports around it, and what lies beyond DwPTS in a special subframe.

    Returns:
        Read-only int32 ``l * n_sc + k``.

    Raises:
        ValueError: PRBs outside the cell, an uplink subframe, a cfi that does not exist.
    """
    return _mapping(cell, _representative(cell, subframe), prbs, cfi).index


def n_re(cell: Cell, subframe: int, prbs: SlotPrbs, cfi: int) -> int:
    """Number of resource elements of a PDSCH; its coded bits are this many times Q_m."""
    return int(re_index(cell, subframe, prbs, cfi).size)


def encode(
    cell: Cell, subframe: int, grant: PdschGrant, payload: bytes | bytearray | memoryview, grid: NDArray[np.complex64]
) -> None:
    """Encode a transport block and write its symbols into the grid (TS 36.212 5.3.2, TS 36.211 6.3).

    Args:
        cell: the cell.
        subframe: subframe 0..9.
        grant: what to send.
        payload: ``grant.tbs // 8`` bytes.
        grid: C-contiguous complex64 (n_ports, n_symb, n_sc), written in place.

    Raises:
        ValueError: a payload or a grid of the wrong size, a grant that does not fit the cell or leaves no room.
    """
    if len(payload) * 8 != grant.tbs:
        raise ValueError(f"payload has {len(payload)} bytes, the grant {grant.tbs // 8}")
    shape = (cell.n_ports, cell.n_symb, cell.n_sc)
    if grid.shape != shape or grid.dtype != np.complex64 or not grid.flags.c_contiguous:
        raise ValueError(f"grid is {grid.dtype} {grid.shape}, not C-contiguous complex64 {shape}")
    mapping, g, room = _place(cell, subframe, grant)
    if not room:
        raise ValueError(f"{g} coded bits are too few for a transport block of {grant.tbs} bits")
    words = sch.encode_packed(payload, g, grant.q_m, grant.n_l, grant.rv, grant.n_ir)
    amplitude = _amplitude(mapping, grant) if grant.rho_a_db or grant.rho_b_db else None
    dltx.shared_packed(words, grant.q_m, scrambling(cell, subframe, grant.rnti, g), mapping.index, grid, amplitude)


def decode(
    cell: Cell,
    subframe: int,
    grant: PdschGrant,
    grid: NDArray[np.complex64],
    channel: ChannelEstimate,
    decoder: sch.SchDecoder,
    soft: sch.SoftBuffer | None = None,
    *,
    keep: bool = False,
) -> PdschResult:
    """Receive a transport block.

    Args:
        cell: the cell.
        subframe: subframe 0..9.
        grant: what to receive.
        grid: complex64 (n_rx, n_symb, n_sc).
        channel: channel and noise of this subframe.
        decoder: the turbo decoder to use.
        soft: soft bits of the HARQ process, combined in place; None to decode this transmission alone.
        keep: also return the equalised symbols and their EVM.

    Returns:
        The transport block; ``crc_ok`` is false, with an empty payload, also where the grant has fewer coded bits than
        code blocks need.

    Raises:
        ValueError: a grid or an estimate of the wrong shape, a grant that does not fit the cell.
    """
    if grid.ndim != 3 or grid.shape[1:] != (cell.n_symb, cell.n_sc):
        raise ValueError(f"grid has shape {grid.shape}, not (n_rx, {cell.n_symb}, {cell.n_sc})")
    if channel.h.shape[1] != cell.n_ports:
        raise ValueError(f"channel estimate has {channel.h.shape[1]} ports, the cell {cell.n_ports}")
    mapping, g, room = _place(cell, subframe, grant)
    count = len(mapping.index)
    if not room:
        return PdschResult(b"", False, 0.0, count)
    symbols, variance = precoding.receive(grid, channel, mapping.index)
    if grant.rho_a_db or grant.rho_b_db:
        amplitude = _amplitude(mapping, grant)
        symbols, variance = symbols / amplitude, variance / amplitude**2
    llr = modem.demodulate(symbols, variance, grant.q_m, scrambling(cell, subframe, grant.rnti, g))
    result = decoder.decode(llr, grant.tbs, grant.q_m, grant.n_l, grant.rv, soft, grant.n_ir)
    return PdschResult(
        result.payload,
        result.crc_ok,
        result.iterations,
        count,
        evm.evm(symbols, grant.q_m) if keep else None,
        symbols if keep else None,
    )


def scrambling(cell: Cell, subframe: int, rnti: int, n_bits: int, codeword: int = 0) -> NDArray[np.uint64]:
    """Packed scrambling sequence of code word 0 or 1 (TS 36.211 6.3.1), read-only."""
    return _scrambling(rnti << 14 | codeword << 13 | subframe << 9 | cell.pci, n_bits)


def has_room(tbs: int, g: int, q_m: int, n_l: int) -> bool:
    """Whether g coded bits give every code block a modulation symbol a layer (TS 36.212 5.1.2, 5.1.4.1.2)."""
    with_crc = tbs + 24
    code_blocks = 1 if with_crc <= 6144 else -(-with_crc // (6144 - 24))
    return g >= code_blocks * q_m * n_l


@lru_cache(maxsize=256)
def _scrambling(c_init: int, n_bits: int) -> NDArray[np.uint64]:
    """The same from its start: a UE's comes again every frame."""
    words = gold.packed(c_init, n_bits)
    words.setflags(write=False)
    return words


def _check_scheme(cell: Cell, grant: PdschGrant) -> None:
    wanted = TransmissionScheme.PORT0 if cell.n_ports == 1 else TransmissionScheme.TX_DIVERSITY
    if grant.scheme is not wanted or grant.n_layers != 1:
        raise ValueError(
            f"a cell of {cell.n_ports} ports sends {wanted}, not {grant.scheme} on {grant.n_layers} layers"
        )


@lru_cache(maxsize=512)
def _place(cell: Cell, subframe: int, grant: PdschGrant) -> tuple[_Mapping, int, bool]:
    """Resource elements of a grant, how many coded bits they carry, and whether that is enough; checks its scheme."""
    _check_scheme(cell, grant)
    mapping = _mapping(cell, _representative(cell, subframe), grant.prbs, grant.cfi)
    g = mapping.index.size * grant.q_m
    return mapping, g, has_room(grant.tbs, g, grant.q_m, grant.n_l)


def _amplitude(mapping: _Mapping, grant: PdschGrant) -> NDArray[np.float32]:
    """Amplitude of each resource element relative to the reference signal (TS 36.213 5.2)."""
    rho_a, rho_b = np.float32(10 ** (grant.rho_a_db / 20)), np.float32(10 ** (grant.rho_b_db / 20))
    return np.where(mapping.with_crs, rho_b, rho_a)


def _representative(cell: Cell, subframe: int) -> int:
    """A subframe with the same resource elements, so that tables are shared: 0, 5, 1 or 6 in TDD, else 9.

    Raises:
        ValueError: a subframe outside 0..9 or without a downlink.
    """
    if not 0 <= subframe <= 9:
        raise ValueError(f"subframe {subframe} is outside 0..9")
    if subframe_kind(cell, subframe) is SubframeKind.UPLINK:
        raise ValueError(f"subframe {subframe} of TDD configuration {cell.tdd_config} has no downlink")
    special = (0, 5) if cell.duplex is Duplex.FDD else (0, 1, 5, 6)
    return subframe if subframe in special else 9


@lru_cache(maxsize=512)
def _mapping(cell: Cell, representative: int, prbs: SlotPrbs, cfi: int) -> _Mapping:
    taken = np.zeros((2, cell.n_prb), np.bool_)
    for slot, blocks in enumerate(prbs):
        if not blocks or min(blocks) < 0 or max(blocks) >= cell.n_prb:
            raise ValueError(f"PRBs {blocks} are none, or reach outside 0..{cell.n_prb - 1}")
        taken[slot, list(blocks)] = True
    mask = np.repeat(np.repeat(taken, cell.n_symb_slot, axis=0), N_SC_RB, axis=1)
    scatter = np.flatnonzero(mask & _available(cell, representative, cfi))
    crs_symbols = [symbol for port in range(cell.n_ports) for symbol in crs.positions(cell, port)[0]]
    mapping = _Mapping(scatter.astype(np.int32), np.isin(scatter // cell.n_sc, crs_symbols))
    for array in (mapping.index, mapping.with_crs):
        array.flags.writeable = False
    return mapping


@lru_cache(maxsize=256)
def _available(cell: Cell, representative: int, cfi: int) -> NDArray[np.bool_]:
    """Resource elements that a PDSCH may use, (n_symb, n_sc) (TS 36.211 6.3.5)."""
    free = ~crs.occupied(cell)
    free[: n_control_symbols(cell, cfi)] = False
    centre = slice(cell.n_sc // 2 - 36, cell.n_sc // 2 + 36)
    if has_pss(cell, representative):
        free[pss_symbol(cell), centre] = False
    if has_sss(representative):
        free[sss_symbol(cell), centre] = False
    if representative == 0:
        free[cell.n_symb_slot : cell.n_symb_slot + 4, centre] = False
    if subframe_kind(cell, representative) is SubframeKind.SPECIAL:
        free[crs.n_downlink_symbols(cell, representative) :] = False
    return free
