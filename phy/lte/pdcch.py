"""Physical downlink control channel: control information to resource elements and back (TS 36.211 6.8, 36.212 5.3.3).

Searching the soft bits for messages is in ``pdcch_search``; its names are here too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from picocell.kernels import crc, dltx, gold, modem
from picocell.phy.lte import precoding
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.estimation import ChannelEstimate
from picocell.phy.lte.pcfich import flat_grid
from picocell.phy.lte.pdcch_search import (
    AGGREGATION_LEVELS,
    N_CRC,
    Candidate,
    Control,
    Decoded,
    FoundDci,
    candidates,
    decode_candidates,
    may_start_at,
    noise_quality,
    search,
    search_all,
    search_rnti,
)
from picocell.phy.lte.regs import CCE_BITS, CCE_SYMBOLS, pdcch_re_index

__all__ = [
    "AGGREGATION_LEVELS",
    "Candidate",
    "Control",
    "Decoded",
    "FoundDci",
    "PdcchMessage",
    "candidates",
    "decode_candidates",
    "encode",
    "extract",
    "may_start_at",
    "noise_quality",
    "search",
    "search_all",
    "search_rnti",
]


@dataclass(frozen=True, slots=True, eq=False)
class PdcchMessage:
    """One DCI to send.

    Attributes:
        bits: uint8 payload without CRC (``dci.pack``).
        rnti: RNTI that masks the CRC, 0..65535.
        first_cce: first CCE, a multiple of the aggregation level.
        aggregation_level: 1, 2, 4 or 8 CCEs.
        power_db: power relative to the reference signals.
        ue_antenna_port: 1 lets a format 0 choose UE antenna port 1 (TS 36.212 Table 5.3.3.2-1).
    """

    bits: NDArray[np.uint8]
    rnti: int
    first_cce: int
    aggregation_level: int
    power_db: float = 0.0
    ue_antenna_port: int = 0


@lru_cache(maxsize=4096)
def scrambling(pci: int, subframe: int, n_bits: int) -> NDArray[np.uint64]:
    """Scrambling sequence of a subframe's PDCCHs, packed (TS 36.211 6.8.2)."""
    if not 0 <= subframe <= 9:
        raise ValueError(f"subframe {subframe} is outside 0..9")
    return gold.packed((subframe << 9) + pci, n_bits)


def attach_crc(bits: NDArray[np.uint8], rnti: int, ue_antenna_port: int = 0) -> NDArray[np.uint8]:
    """Payload with its masked CRC ``(n + 16,)`` (TS 36.212 5.3.3.2).

    Raises:
        ValueError: RNTI or antenna port out of range.
    """
    if not 0 <= rnti <= 0xFFFF:
        raise ValueError(f"RNTI {rnti} is outside 0..65535")
    if ue_antenna_port not in (0, 1):
        raise ValueError(f"UE antenna port {ue_antenna_port} is not allowed: use 0 or 1")
    parity = crc.crc_bits(bits, "16") ^ rnti ^ ue_antenna_port
    tail = np.unpackbits(np.frombuffer(parity.to_bytes(N_CRC // 8, "big"), np.uint8))
    return np.concatenate([np.asarray(bits, np.uint8), tail])


def _check_place(message: PdcchMessage, n_cce: int, taken: int) -> int:
    """CCEs of a message as bits of a number; raises where it cannot stand, or others have taken them."""
    first, level = message.first_cce, message.aggregation_level
    if level not in AGGREGATION_LEVELS:
        raise ValueError(f"aggregation level {level} is not allowed: use one of {AGGREGATION_LEVELS}")
    if first % level or not 0 <= first <= n_cce - level:
        raise ValueError(f"first CCE {first} at level {level} is not allowed: multiples of the level below {n_cce}")
    place = ((1 << level) - 1) << first
    if taken & place:
        raise ValueError(f"CCEs {first}..{first + level - 1} overlap with another message")
    return place


def encode(
    cell: Cell,
    subframe: int,
    cfi: int,
    messages: Sequence[PdcchMessage],
    grid: NDArray[np.complex64],
    mi: int = 1,
    *,
    two_symbols: bool = False,
) -> None:
    """Write all PDCCHs of a subframe into a transmit grid; CCEs without a message stay silent.

    Args:
        cell: the cell.
        subframe: 0..9.
        cfi: control format indicator 1..3.
        messages: the messages, on CCEs that do not overlap.
        grid: complex64 ``(n_ports, n_symb, n_sc)``, C-contiguous; the elements of every CCE are written in place.
        mi: factor m_i of TDD, 1 for FDD.
        two_symbols: an MBSFN subframe, or subframe 1 or 6 of TDD.

    Raises:
        ValueError: a message that does not fit, or a grid that is not the cell's.
    """
    index = pdcch_re_index(cell, cfi, mi, two_symbols=two_symbols)
    n_cce = len(index) // CCE_SYMBOLS
    flat_grid(cell, grid)
    taken, wanted = 0, []
    for m in messages:
        taken |= _check_place(m, n_cce, taken)
        if not 0 <= m.rnti <= 0xFFFF or m.ue_antenna_port not in (0, 1):
            raise ValueError(f"RNTI {m.rnti} or UE antenna port {m.ue_antenna_port} is outside 0..65535 or 0..1")
        amplitude = 10.0 ** (m.power_db / 20) if m.power_db else 1.0
        wanted.append((m.bits, m.rnti ^ m.ue_antenna_port, m.first_cce, m.aggregation_level, amplitude))
    dltx.control(wanted, scrambling(cell.pci, subframe, n_cce * CCE_BITS), index, grid)


def extract(
    cell: Cell,
    subframe: int,
    cfi: int,
    grid: NDArray[np.complex64],
    channel: ChannelEstimate,
    mi: int = 1,
    *,
    two_symbols: bool = False,
) -> Control:
    """Equalise, demodulate and descramble every CCE of a subframe.

    Args:
        cell: the cell.
        subframe: 0..9.
        cfi: control format indicator 1..3.
        grid: received complex64 ``(n_rx, n_symb, n_sc)``.
        channel: channel estimate of the same subframe.
        mi: factor m_i of TDD, 1 for FDD.
        two_symbols: an MBSFN subframe, or subframe 1 or 6 of TDD.

    Raises:
        ValueError: a CFI that the cell cannot have, or shapes that do not fit.
    """
    index = pdcch_re_index(cell, cfi, mi, two_symbols=two_symbols)
    x, var = precoding.receive(grid, channel, index)
    llr = modem.demodulate(x, var, 2, scrambling(cell.pci, subframe, 2 * len(index)))
    weight = 1 / np.maximum(var, np.float32(1e-20))
    power = x.real**2 + x.imag**2
    by_cce = weight.reshape(-1, CCE_SYMBOLS)
    total = by_cce.sum(axis=1)
    energy = np.einsum("ij,ij->i", power.reshape(-1, CCE_SYMBOLS), by_cce) / total
    return Control(subframe, cfi, llr, energy, CCE_SYMBOLS / total)
