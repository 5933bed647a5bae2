"""Physical hybrid-ARQ indicator channel: ACK and NACK for the uplink (TS 36.211 6.9, 36.212 5.3.5, 36.213 9.1.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log10
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.kernels import dltx, equalise, gold
from picocell.phy.lte import precoding
from picocell.phy.lte.cell import Cell, CyclicPrefix
from picocell.phy.lte.estimation import ChannelEstimate
from picocell.phy.lte.pcfich import flat_grid
from picocell.phy.lte.regs import n_phich_groups, phich_re_index
from picocell.phy.lte.tables import rows

N_REPEATS: Final = 3
"""The HI bit is sent three times, on one quadruplet each (TS 36.212 5.3.5)."""

UNIT_SYMBOLS: Final = 12
"""Symbols of a mapping unit: three quadruplets (TS 36.211 6.9.3)."""

DETECTION_SNR: Final = 4.0
"""Power over noise power (6 dB) after de-spreading from which a PHICH counts as sent: noise passes one time in 22."""

_BPSK: Final = np.complex64((1 + 1j) / np.sqrt(2))


@dataclass(frozen=True, slots=True)
class Phich:
    """One hybrid-ARQ indicator to send.

    Attributes:
        group: PHICH group n_PHICH^group.
        sequence: orthogonal sequence n_PHICH^seq in the group.
        ack: True for ACK (HI 1), False for NACK (HI 0).
        power_db: power of each of its symbols relative to a reference symbol of one port's power 0 dB.
    """

    group: int
    sequence: int
    ack: bool
    power_db: float = 0.0


@dataclass(frozen=True, slots=True)
class PhichResult:
    """What was received on one PHICH.

    Attributes:
        ack: the decision: True for ACK (HI 1).
        metric: de-spread amplitude, positive for ACK; +-1 at the power of the reference signals.
        snr_db: power of the metric over its noise power in dB; the probability of error follows from it.
        detected: whether the power is far enough above the noise that something was sent at all.
    """

    ack: bool
    metric: float
    snr_db: float
    detected: bool


def spreading_factor(cell: Cell) -> int:
    """N_SF^PHICH: 4 with normal, 2 with extended cyclic prefix (TS 36.211 6.9.1)."""
    return 4 if cell.cp is CyclicPrefix.NORMAL else 2


def n_sequences(cell: Cell) -> int:
    """Orthogonal sequences of a group: 8 with normal, 4 with extended cyclic prefix (TS 36.211 Table 6.9.1-2)."""
    return 2 * spreading_factor(cell)


def resource(cell: Cell, i_prb_lowest: int, n_dmrs: int, i_phich: int = 0) -> tuple[int, int]:
    """Group and sequence that answer a PUSCH (TS 36.213 9.1.2).

    Args:
        cell: the cell.
        i_prb_lowest: lowest PRB of the PUSCH in its first slot (one more for its second transport block).
        n_dmrs: cyclic shift for DM-RS of the grant, mapped by TS 36.213 Table 9.1.2-2; 0 without a grant.
        i_phich: 1 for TDD configuration 0 with a PUSCH in subframe 4 or 9, else 0.

    Raises:
        ValueError: an argument outside its range.
    """
    if not 0 <= n_dmrs <= 7:
        raise ValueError(f"n_dmrs {n_dmrs} is outside 0..7")
    if i_prb_lowest < 0:
        raise ValueError(f"i_prb_lowest {i_prb_lowest} is negative")
    if i_phich not in (0, 1):
        raise ValueError(f"i_phich {i_phich} is not allowed: use 0 or 1")
    n = n_phich_groups(cell)
    group = (i_prb_lowest + n_dmrs) % n + i_phich * n
    return group, (i_prb_lowest // n + n_dmrs) % n_sequences(cell)


@lru_cache(maxsize=2)
def _sequences(cp: CyclicPrefix) -> NDArray[np.complex64]:
    """Orthogonal sequences w ``(n_seq, n_sf)`` (TS 36.211 Table 6.9.1-2)."""
    values = {"1": 1, "-1": -1, "j": 1j, "-j": -1j}
    table = [row for row in rows("36211_6.9.1-2_phich_sequences") if row["cp"] == cp.value]
    return np.array([[values[row[f"w{i}"]] for i in range(4) if row[f"w{i}"]] for row in table], np.complex64)


@lru_cache(maxsize=1024)
def _spreading(cell: Cell, subframe: int) -> NDArray[np.complex64]:
    """What an HI of 0 looks like on its mapping unit, by parity of the group and by sequence ``(2, n_seq, 12)``.

    Scrambling and spreading are those of TS 36.211 6.9.1, the alignment to quadruplets that of 6.9.2.
    """
    if not 0 <= subframe <= 9:
        raise ValueError(f"subframe {subframe} is outside 0..9")
    w = _sequences(cell.cp)
    n_sf = w.shape[1]
    c = gold.sequence(((subframe + 1) * (2 * cell.pci + 1) << 9) + cell.pci, N_REPEATS * n_sf)
    d = np.tile(w, N_REPEATS) * (1.0 - 2.0 * c) * _BPSK
    if cell.cp is CyclicPrefix.NORMAL:
        return np.stack([d, d]).astype(np.complex64)
    out = np.zeros((2, len(w), N_REPEATS, 4), np.complex64)
    halves = d.reshape(len(w), N_REPEATS, 2)
    out[0, :, :, :2], out[1, :, :, 2:] = halves, halves
    return out.reshape(2, len(w), UNIT_SYMBOLS)


def _replicas(
    cell: Cell, subframe: int, places: Sequence[tuple[int, int]], mi: int
) -> tuple[NDArray[np.intp], NDArray[np.complex64]]:
    """Mapping unit ``(n,)`` of each group and sequence, and what an HI of 0 looks like there ``(n, 12)``."""
    group, sequence = np.array(places, np.intp).T
    n_groups, n_seq = n_phich_groups(cell, mi), n_sequences(cell)
    for name, values, n in (("group", group, n_groups), ("sequence", sequence, n_seq)):
        if values.min() < 0 or values.max() >= n:
            raise ValueError(f"PHICH {name} {values[(values < 0) | (values >= n)][0]} is outside 0..{n - 1}")
    unit = group if cell.cp is CyclicPrefix.NORMAL else group // 2
    return unit, _spreading(cell, subframe)[group % 2, sequence]


def replicas(
    cell: Cell, subframe: int, resources: Sequence[tuple[int, int]], mi: int = 1
) -> tuple[NDArray[np.int32], NDArray[np.complex64]]:
    """Mapping unit int32 ``(n,)`` of each PHICH, and what an HI of 0 looks like there, complex64 ``(n, 12)``.

    Raises:
        ValueError: a group or sequence that the subframe does not have.
    """
    unit, replica = _replicas(cell, subframe, resources, mi)
    return unit.astype(np.int32), np.ascontiguousarray(replica, np.complex64)


@lru_cache(maxsize=64)
def _on_odd_ports(n_units: int) -> NDArray[np.bool_]:
    """With four ports: which symbols ``(n_units * 12,)`` go over ports 1 and 3, not 0 and 2 (TS 36.211 6.9.2)."""
    unit, i = np.indices((n_units, N_REPEATS))
    return np.repeat(((unit + i) % 2).astype(np.bool_).reshape(-1), 4)


def encode(
    cell: Cell,
    subframe: int,
    messages: Sequence[Phich],
    grid: NDArray[np.complex64],
    mi: int = 1,
    *,
    two_symbols: bool = False,
) -> None:
    """Write all PHICHs of a subframe into a transmit grid.

    Args:
        cell: the cell.
        subframe: 0..9.
        messages: the indicators; those of a group are added up.
        grid: complex64 ``(n_ports, n_symb, n_sc)``, C-contiguous; every PHICH resource element is written in place.
        mi: factor m_i of TDD, 1 for FDD.
        two_symbols: an MBSFN subframe, or subframe 1 or 6 of TDD.

    Raises:
        ValueError: a group or sequence that the subframe does not have, two indicators on one sequence, or a grid that
            is not the cell's.
    """
    index = phich_re_index(cell, mi, two_symbols=two_symbols)
    flat_grid(cell, grid)
    places = [(message.group, message.sequence) for message in messages]
    if len(set(places)) != len(places):
        raise ValueError(f"a PHICH is given twice in the groups and sequences {places}")
    sent = []
    for m in messages:
        unit, ports = _ports(cell, subframe, m.group, m.sequence, mi)
        amplitude = 10.0 ** (m.power_db / 20) if m.power_db else 1.0
        sent.append((unit, ports, -amplitude if m.ack else amplitude))
    dltx.indicators(sent, index, grid)


@lru_cache(maxsize=4096)
def _ports(cell: Cell, subframe: int, group: int, sequence: int, mi: int) -> tuple[int, NDArray[np.complex64]]:
    """Mapping unit of a group, and what the ports send ``(n_ports, 12)`` for an HI of 0 (TS 36.211 6.9.2)."""
    (unit,), (symbols,) = _replicas(cell, subframe, [(group, sequence)], mi)
    if cell.n_ports < 4:
        return int(unit), precoding.transmit_diversity(symbols, cell.n_ports)
    pair = precoding.transmit_diversity(symbols, 2)
    odd = _on_odd_ports(int(unit) + 1)[-UNIT_SYMBOLS:]
    ports = np.zeros((4, symbols.size), np.complex64)
    ports[0::2], ports[1::2] = np.where(odd, 0, pair), np.where(odd, pair, 0)
    return int(unit), ports


def _equalise(
    cell: Cell, grid: NDArray[np.complex64], channel: ChannelEstimate, index: NDArray[np.int32]
) -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
    """Symbols and noise power of the mapping units, both ``(n_units * 12,)``."""
    flat_index = np.ascontiguousarray(index.reshape(-1))
    if cell.n_ports < 4:
        return precoding.receive(grid, channel, flat_index)
    n_rx = grid.shape[0]
    y = grid.reshape(n_rx, -1)[:, flat_index]
    h = channel.h.reshape(n_rx, 4, -1)[:, :, flat_index]
    odd = _on_odd_ports(len(index))
    pair = np.where(odd, h[:, 1::2], h[:, 0::2])
    return equalise.sfbc2(y, pair, np.arange(flat_index.size, dtype=np.int32), channel.noise_var)


def decode(
    cell: Cell,
    subframe: int,
    grid: NDArray[np.complex64],
    channel: ChannelEstimate,
    resources: Sequence[tuple[int, int]],
    mi: int = 1,
    *,
    two_symbols: bool = False,
) -> list[PhichResult]:
    """Decide the indicators on some PHICHs by de-spreading.

    Args:
        cell: the cell.
        subframe: 0..9.
        grid: received complex64 ``(n_rx, n_symb, n_sc)``.
        channel: channel estimate of the same subframe.
        resources: ``(group, sequence)`` of each PHICH to read.
        mi: factor m_i of TDD, 1 for FDD.
        two_symbols: an MBSFN subframe, or subframe 1 or 6 of TDD.

    Returns:
        One result a resource, in their order.

    Raises:
        ValueError: a group or sequence that the subframe does not have, or shapes that do not fit.
    """
    if not resources:
        return []
    unit, replica = _replicas(cell, subframe, resources, mi)
    x, var = _equalise(cell, grid, channel, phich_re_index(cell, mi, two_symbols=two_symbols))
    # The three repeats are weighted by their quality; within one the sequences stay orthogonal.
    weight = 4 / np.maximum(var.reshape(-1, 4).sum(axis=1), np.float32(1e-20)).reshape(-1, N_REPEATS)[unit]
    n_sf = spreading_factor(cell)
    product = (x.reshape(-1, UNIT_SYMBOLS)[unit] * replica.conj()).real
    amplitude = product.reshape(-1, N_REPEATS, 4).sum(axis=2) / n_sf
    total = weight.sum(axis=1)
    metric = -(amplitude * weight).sum(axis=1) / total
    snr = metric**2 * total * (2 * n_sf)
    return [
        PhichResult(m > 0, m, 10 * log10(max(s, 1e-12)), s > DETECTION_SNR)
        for m, s in zip(metric.tolist(), snr.tolist(), strict=True)
    ]
