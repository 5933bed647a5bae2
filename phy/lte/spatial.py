"""PDSCH with spatial multiplexing, transmission modes 3 and 4: transport blocks to grid and back.

TS 36.211 6.3.3.2 (layer mapping), 6.3.4.2 (precoding, open loop with large-delay CDD or closed loop from a codebook),
and 6.3.1 (each code word has its own scrambling). One code word or two, two to four layers; in closed loop one too.
A single layer in open loop is transmit diversity, which :mod:`picocell.phy.lte.pdsch` sends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from picocell.kernels import mimo, modem, sch
from picocell.phy.lte import codebook, evm, pdsch
from picocell.phy.lte.allocation import SlotPrbs
from picocell.phy.lte.cell import N_SC_RB, Cell
from picocell.phy.lte.estimation import ChannelEstimate
from picocell.phy.lte.pdsch import PdschResult

C64 = NDArray[np.complex64]

Detector = Literal["joint", "mmse"]
"""How layers are told apart: "joint" tries every pair of symbols of two layers (with QPSK to 64QAM, else as "mmse");
"mmse" is linear."""

_LAYERS_OF: Final = {(1, 1): (1,), (1, 2): (2,), (2, 2): (1, 1), (2, 3): (1, 2), (2, 4): (2, 2)}
"""Layers of each code word by numbers of code words and layers (TS 36.211 Table 6.3.3.2-1)."""


def layers_of(n_codewords: int, n_layers: int) -> tuple[int, ...]:
    """Layers that each code word is mapped onto (TS 36.211 Table 6.3.3.2-1).

    Raises:
        ValueError: numbers that do not go together.
    """
    if (n_codewords, n_layers) not in _LAYERS_OF:
        raise ValueError(
            f"{n_codewords} code words on {n_layers} layers are not allowed: use 1 on 1 or 2, or 2 on 2, 3 or 4"
        )
    return _LAYERS_OF[n_codewords, n_layers]


@dataclass(frozen=True, slots=True)
class Codeword:
    """What is sent in one code word: a transport block.

    Attributes:
        q_m: bits per modulation symbol: 2, 4, 6 or 8.
        tbs: transport block size in bits, a multiple of 8.
        rv: redundancy version 0..3.
        n_ir: soft buffer of the transport block in bits (TS 36.212 5.1.4.1.2, with K_MIMO = 2); None for no limit.
        ndi: new data indicator.
    """

    q_m: int
    tbs: int
    rv: int = 0
    n_ir: int | None = None
    ndi: int = 0

    def __post_init__(self) -> None:
        if self.q_m not in (2, 4, 6, 8):
            raise ValueError(f"q_m {self.q_m} is not allowed: use 2, 4, 6 or 8")
        if self.tbs <= 0 or self.tbs % 8:
            raise ValueError(f"tbs {self.tbs} is not a positive multiple of 8")
        if not 0 <= self.rv <= 3:
            raise ValueError(f"rv {self.rv} is outside 0..3")


@dataclass(frozen=True, slots=True)
class SpatialGrant:
    """One or two transport blocks on the PDSCH of one subframe, spatially multiplexed.

    Power is that of the cell-specific reference signal, over all ports together (rho_A = rho_B = -3 dB with two ports,
    -6 dB with four, TS 36.213 5.2).

    Attributes:
        rnti: RNTI that scrambles them.
        prbs: physical resource blocks in the first and in the second slot, each ascending.
        cfi: control format indicator 1..3 as the PCFICH tells it.
        codewords: one or two.
        n_layers: layers of them together.
        pmi: codebook index of each PRB of the cell, or of all of them if it has one entry; None for open loop
            (large-delay CDD).
        harq_process: HARQ process number.
    """

    rnti: int
    prbs: SlotPrbs
    cfi: int
    codewords: tuple[Codeword, ...]
    n_layers: int
    pmi: tuple[int, ...] | None = None
    harq_process: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.rnti <= 0xFFFF:
            raise ValueError(f"rnti {self.rnti} is outside 0..65535")
        if not 1 <= self.cfi <= 3:
            raise ValueError(f"cfi {self.cfi} is outside 1..3")
        if not self.prbs[0] or not self.prbs[1]:
            raise ValueError("the grant has no resource block")
        layers_of(len(self.codewords), self.n_layers)
        if self.pmi is None and self.n_layers < 2:
            raise ValueError("open loop needs 2 layers at least: one is sent with transmit diversity")

    @property
    def layers(self) -> tuple[int, ...]:
        """Layers of each code word."""
        return layers_of(len(self.codewords), self.n_layers)


@dataclass(frozen=True, slots=True, eq=False)
class _Precoding:
    """Resource elements of a grant, and their precoders as the kernel takes them."""

    index: NDArray[np.int32]
    precoders: C64
    which: NDArray[np.int32] | None


def map_layers(symbols: Sequence[C64], n_layers: int) -> C64:
    """Layer mapping of code words (TS 36.211 6.3.3.2).

    Args:
        symbols: complex64 symbols d(0).. of each code word.
        n_layers: layers of them together.

    Returns:
        complex64 (n_layers, n).

    Raises:
        ValueError: numbers of symbols or layers that do not go together.
    """
    layers = layers_of(len(symbols), n_layers)
    lengths = {d.size / count for d, count in zip(symbols, layers, strict=True)}
    if len(lengths) != 1 or not next(iter(lengths)).is_integer():
        raise ValueError(f"{', '.join(str(d.size) for d in symbols)} symbols do not fill {n_layers} layers evenly")
    parts = [np.reshape(d, (-1, count)).T for d, count in zip(symbols, layers, strict=True)]
    return np.ascontiguousarray(np.concatenate(parts), np.complex64)


def unmap_layers(x: NDArray[np.generic], n_codewords: int) -> list[NDArray[np.generic]]:
    """The inverse of :func:`map_layers`, for anything that there is of each layer's symbols: (n_layers, n)."""
    found, first = [], 0
    for count in layers_of(n_codewords, len(x)):
        found.append(np.ascontiguousarray(x[first : first + count].T).reshape(-1))
        first += count
    return found


def encode(
    cell: Cell,
    subframe: int,
    grant: SpatialGrant,
    payloads: Sequence[bytes | bytearray | memoryview],
    grid: C64,
) -> None:
    """Encode the transport blocks and write what the ports send into the grid.

    Args:
        cell: the cell, of 2 or 4 ports.
        subframe: subframe 0..9.
        grant: what to send.
        payloads: a transport block for each code word, of ``tbs // 8`` bytes.
        grid: C-contiguous complex64 (n_ports, n_symb, n_sc), written in place.

    Raises:
        ValueError: payloads or a grid of the wrong size, a grant that does not fit the cell or leaves no room.
    """
    sizes = [8 * len(payload) for payload in payloads]
    if sizes != [word.tbs for word in grant.codewords]:
        raise ValueError(f"payloads of {sizes} bits do not fit code words of {[w.tbs for w in grant.codewords]} bits")
    shape = (cell.n_ports, cell.n_symb, cell.n_sc)
    if grid.shape != shape or grid.dtype != np.complex64 or not grid.flags.c_contiguous:
        raise ValueError(f"grid is {grid.dtype} {grid.shape}, not C-contiguous complex64 {shape}")
    place = _precoding(cell, subframe, grant)
    symbols = []
    for q, (word, n_l, payload) in enumerate(zip(grant.codewords, grant.layers, payloads, strict=True)):
        g = place.index.size * n_l * word.q_m
        if not pdsch.has_room(word.tbs, g, word.q_m, n_l):
            raise ValueError(f"{g} coded bits are too few for a transport block of {word.tbs} bits")
        bits = sch.encode(payload, g, word.q_m, n_l, word.rv, word.n_ir)
        symbols.append(modem.modulate(bits, word.q_m, pdsch.scrambling(cell, subframe, grant.rnti, g, q)))
    mimo.precode(map_layers(symbols, grant.n_layers), place.precoders, place.index, grid, place.which)


def detect(
    cell: Cell,
    subframe: int,
    grant: SpatialGrant,
    grid: C64,
    channel: ChannelEstimate,
    detector: Detector = "joint",
) -> list[NDArray[np.int16]]:
    """Soft bits of each code word, descrambled.

    Args:
        cell: the cell.
        subframe: subframe 0..9.
        grant: what to receive.
        grid: complex64 (n_rx, n_symb, n_sc).
        channel: channel and noise of this subframe.
        detector: how layers are told apart.

    Raises:
        ValueError: a grid or an estimate of the wrong shape, a grant that does not fit the cell.
    """
    place = _precoding(cell, subframe, grant)
    y, h = _flat(cell, grid, channel)
    words = [
        pdsch.scrambling(cell, subframe, grant.rnti, place.index.size * n_l * word.q_m, q)
        for q, (word, n_l) in enumerate(zip(grant.codewords, grant.layers, strict=True))
    ]
    orders = tuple(word.q_m for word in grant.codewords)
    if detector == "joint" and grant.n_layers == 2 and max(orders) in mimo.JOINT_ORDERS:
        merged = len(orders) == 1
        pair = (orders[0], orders[-1])
        noise = channel.noise_var
        return list(mimo.joint(y, h, place.index, place.precoders, noise, pair, place.which, words, merged))
    x, var = mimo.mmse(y, h, place.index, place.precoders, channel.noise_var, place.which)
    of_words = zip(unmap_layers(x, len(orders)), unmap_layers(var, len(orders)), orders, words, strict=True)
    return [modem.demodulate(symbols, noise, q_m, scrambling) for symbols, noise, q_m, scrambling in of_words]


def equalise(cell: Cell, subframe: int, grant: SpatialGrant, grid: C64, channel: ChannelEstimate) -> list[C64]:
    """Symbols of each code word after linear MMSE detection, without bias.

    Args, errors: as :func:`detect`.
    """
    place = _precoding(cell, subframe, grant)
    y, h = _flat(cell, grid, channel)
    x, _ = mimo.mmse(y, h, place.index, place.precoders, channel.noise_var, place.which)
    return [np.asarray(d, np.complex64) for d in unmap_layers(x, len(grant.codewords))]


def decode(
    cell: Cell,
    subframe: int,
    grant: SpatialGrant,
    grid: C64,
    channel: ChannelEstimate,
    decoder: sch.SchDecoder,
    soft: Sequence[sch.SoftBuffer | None] = (),
    *,
    detector: Detector = "joint",
    keep: bool = False,
) -> list[PdschResult]:
    """Receive the transport blocks.

    Args:
        cell, subframe, grant, grid, channel, detector: as :func:`detect`.
        decoder: the turbo decoder to use.
        soft: soft bits of each code word's block, combined in place; None, or nothing, to decode it alone.
        keep: also return the symbols of linear detection and their EVM.

    Returns:
        A result for each code word; ``crc_ok`` is false, with an empty payload, also where the grant has fewer coded
        bits than code blocks need.

    Raises:
        ValueError: as :func:`detect`, or another number of soft buffers than code words.
    """
    if soft and len(soft) != len(grant.codewords):
        raise ValueError(f"{len(soft)} soft buffers do not fit {len(grant.codewords)} code words")
    llrs = detect(cell, subframe, grant, grid, channel, detector)
    symbols = equalise(cell, subframe, grant, grid, channel) if keep else None
    found = []
    for q, (word, n_l, llr) in enumerate(zip(grant.codewords, grant.layers, llrs, strict=True)):
        n_re = llr.size // (n_l * word.q_m)
        kept = (evm.evm(symbols[q], word.q_m), symbols[q]) if symbols is not None else (None, None)
        if not pdsch.has_room(word.tbs, llr.size, word.q_m, n_l):
            found.append(PdschResult(b"", False, 0.0, n_re, *kept))
            continue
        result = decoder.decode(llr, word.tbs, word.q_m, n_l, word.rv, soft[q] if soft else None, word.n_ir)
        found.append(PdschResult(result.payload, result.crc_ok, result.iterations, n_re, *kept))
    return found


def _flat(cell: Cell, grid: C64, channel: ChannelEstimate) -> tuple[C64, C64]:
    """Grid and channel with their resource elements in a line."""
    if grid.ndim != 3 or grid.shape[1:] != (cell.n_symb, cell.n_sc):
        raise ValueError(f"grid has shape {grid.shape}, not (n_rx, {cell.n_symb}, {cell.n_sc})")
    n_rx, n_ports = channel.h.shape[:2]
    if n_ports != cell.n_ports:
        raise ValueError(f"channel estimate has {n_ports} ports, the cell {cell.n_ports}")
    return grid.reshape(n_rx, -1), channel.h.reshape(n_rx, n_ports, -1)


@lru_cache(maxsize=64)
def _prb_of(cell: Cell, subframe: int, prbs: SlotPrbs, cfi: int) -> NDArray[np.int32]:
    """PRB of each resource element of an allocation."""
    index = pdsch.re_index(cell, subframe, prbs, cfi)
    found = (index % cell.n_sc // N_SC_RB).astype(np.int32)
    found.flags.writeable = False
    return found


def _precoding(cell: Cell, subframe: int, grant: SpatialGrant) -> _Precoding:
    """Where a grant's resource elements are and how they are precoded (TS 36.211 6.3.4.2)."""
    index = pdsch.re_index(cell, subframe, grant.prbs, grant.cfi)
    if grant.pmi is None:
        return _Precoding(index, codebook.large_delay_cdd(cell.n_ports, grant.n_layers), None)
    entries = codebook.codebook(cell.n_ports, grant.n_layers)
    allowed = codebook.closed_loop_entries(cell.n_ports, grant.n_layers)
    if wrong := set(grant.pmi) - set(allowed):
        raise ValueError(f"PMI {min(wrong)} is outside {allowed[0]}..{allowed[-1]}")
    if len(grant.pmi) == 1:
        return _Precoding(index, entries[grant.pmi[0]][None], None)
    if len(grant.pmi) != cell.n_prb:
        raise ValueError(f"{len(grant.pmi)} PMIs do not fit the cell's {cell.n_prb} PRBs: give one each, or one")
    by_prb = np.array(grant.pmi, np.int32)
    return _Precoding(index, entries, by_prb[_prb_of(cell, subframe, grant.prbs, grant.cfi)])
