"""The control region in plain loops, written from TS 36.211 6.2.4, 6.7-6.9, TS 36.212 5.1.3-5.1.4, 5.3.3-5.3.5."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from picocell.phy.lte import crs
from picocell.phy.lte.cell import Cell, CyclicPrefix, PhichDuration, PhichResource
from picocell.phy.lte.estimation import ChannelEstimate
from support.captures import capture

Element = tuple[int, int]
"""Subcarrier k and symbol l; of a REG its lowest subcarrier k' and l'."""

CFI_TRIPLES = {1: (0, 1, 1), 2: (1, 0, 1), 3: (1, 1, 0)}
"""The code words of TS 36.212 Table 5.3.4-1 repeat these three bits."""

HADAMARD = [[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]


@dataclass(frozen=True)
class Region:
    """Everything on which the control region of a subframe depends."""

    pci: int
    n_prb: int
    n_ports: int
    extended_cp: bool
    cfi: int
    n_g: Fraction = Fraction(1)
    phich_extended: bool = False
    mi: int = 1
    two_symbols: bool = False

    @property
    def n_sc(self) -> int:
        return 12 * self.n_prb

    @property
    def n_symb(self) -> int:
        return 12 if self.extended_cp else 14

    @property
    def n_control(self) -> int:
        return self.cfi + 1 if self.n_prb <= 10 else self.cfi


def gold(c_init: int, n: int) -> list[int]:
    x1 = [1] + 30 * [0]
    x2 = [c_init >> i & 1 for i in range(31)]
    for i in range(1600 + n):
        x1.append(x1[i + 3] ^ x1[i])
        x2.append(x2[i + 3] ^ x2[i + 2] ^ x2[i + 1] ^ x2[i])
    return [x1[i + 1600] ^ x2[i + 1600] for i in range(n)]


def regs(r: Region) -> dict[Element, list[Element]]:
    """Resource elements of each REG of the control region (6.2.4)."""
    found = {}
    for l in range(r.n_control):
        two = l == 0 or (l == 1 and r.n_ports == 4) or (l == 3 and r.extended_cp)
        for prb in range(r.n_prb):
            for i in range(2 if two else 3):
                first = 12 * prb + (6 * i if two else 4 * i)
                span = [(k, l) for k in range(first, first + (6 if two else 4))]
                if two:
                    # Ports in pairs are three subcarriers apart, each of period six: every third one is taken.
                    span = [(k, l) for k, l in span if (k - r.pci % 6) % 3 != 0]
                found[first, l] = span
    return found


def pcfich_regs(r: Region) -> list[Element]:
    """6.7.4."""
    k_bar = 6 * (r.pci % (2 * r.n_prb))
    offsets = [0, (r.n_prb // 2) * 6, (2 * r.n_prb // 2) * 6, (3 * r.n_prb // 2) * 6]
    return [((k_bar + offset) % r.n_sc, 0) for offset in offsets]


def n_groups(r: Region) -> int:
    groups = math.ceil(r.n_g * Fraction(r.n_prb, 8))
    return r.mi * (2 * groups if r.extended_cp else groups)


def phich_units(r: Region) -> list[list[Element]]:
    """REGs of the three quadruplets of every mapping unit (6.9.3)."""
    taken = set(pcfich_regs(r))
    numbered: list[list[Element]] = []
    for l in range(3):
        longest = Region(**{**r.__dict__, "cfi": 3})
        numbered.append(sorted(reg for reg in regs(longest) if reg[1] == l and reg not in taken))
    n = [len(x) for x in numbered]
    units = []
    for m in range(n_groups(r) // 2 if r.extended_cp else n_groups(r)):
        unit = []
        for i in range(3):
            if not r.phich_extended:
                l = 0
            elif r.two_symbols:
                l = (m // 2 + i + 1) % 2
            else:
                l = i
            base = n[1] if r.phich_extended and r.two_symbols else n[0]
            number = (r.pci * n[l] // base + m + (0, n[l] // 3, 2 * n[l] // 3)[i]) % n[l]
            unit.append(numbered[l][number])
        units.append(unit)
    return units


def permutation(j: int) -> int:
    """Column permutation of the convolutional code: five bits reversed, the lowest inverted (36.212 Table 5.1.4-2)."""
    return int(f"{j:05b}"[::-1], 2) ^ 1


def interleave(values: list[object]) -> list[object]:
    """Sub-block interleaver; the fill is left out of the result (36.212 5.1.4.2.1)."""
    n_rows = math.ceil(len(values) / 32)
    fill = object()
    padded = [fill] * (32 * n_rows - len(values)) + list(values)
    out = []
    for j in range(32):
        for row in range(n_rows):
            value = padded[32 * row + permutation(j)]
            if value is not fill:
                out.append(value)
    return out


def pdcch_elements(r: Region) -> list[Element]:
    """Resource element of each symbol of all quadruplets, those left over included (6.8.5)."""
    groups = regs(r)
    used = set(pcfich_regs(r)) | {reg for unit in phich_units(r) for reg in unit}
    order = []
    for k in range(r.n_sc):
        for l in range(r.n_control):
            if (k, l) in groups and (k, l) not in used:
                order.append((k, l))
    shuffled = interleave(list(range(len(order))))
    where = {}
    for i, reg in enumerate(order):
        where[shuffled[(i + r.pci) % len(order)]] = reg
    return [element for quadruplet in range(len(order)) for element in groups[where[quadruplet]]]


def qpsk(bits: list[int]) -> list[complex]:
    return [complex(1 - 2 * bits[i], 1 - 2 * bits[i + 1]) / math.sqrt(2) for i in range(0, len(bits), 2)]


def diversity(symbols: list[complex], n_ports: int, first: int = 0) -> NDArray[np.complex128]:
    """Transmit diversity (6.3.3.3, 6.3.4.3); `first` shifts which pair of ports begins (for the PHICH)."""
    out = np.zeros((n_ports, len(symbols)), complex)
    if n_ports == 1:
        out[0] = symbols
        return out
    for i in range(0, len(symbols), 2):
        a, b = symbols[i], symbols[i + 1]
        ports = (0, 1) if n_ports == 2 else ((0, 2), (1, 3))[(i // 2 + first) % 2]
        out[ports[0], i : i + 2] = a, b
        out[ports[1], i : i + 2] = -np.conj(b), np.conj(a)
    out /= math.sqrt(2)
    return out


def place(r: Region, elements: list[Element], ports: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """A grid ``(n_ports, n_symb, n_sc)`` with symbols on resource elements."""
    grid = np.zeros((r.n_ports, r.n_symb, r.n_sc), complex)
    for i, (k, l) in enumerate(elements):
        grid[:, l, k] = ports[:, i]
    return grid


def pcfich(r: Region, subframe: int) -> NDArray[np.complex128]:
    """Grid with the PCFICH (6.7)."""
    c = gold((subframe + 1) * (2 * r.pci + 1) * 512 + r.pci, 32)
    bits = [CFI_TRIPLES[r.cfi][i % 3] ^ c[i] for i in range(32)]
    groups = regs(r)
    elements = [element for reg in pcfich_regs(r) for element in groups[reg]]
    return place(r, elements, diversity(qpsk(bits), r.n_ports))


def phich_sequence(r: Region, number: int) -> list[complex]:
    if r.extended_cp:
        return [(1j if number >= 2 else 1) * x for x in [[1, 1], [1, -1]][number % 2]]
    return [(1j if number >= 4 else 1) * x for x in HADAMARD[number % 4]]


def phich(r: Region, subframe: int, messages: list[tuple[int, int, int, float]]) -> NDArray[np.complex128]:
    """Grid with PHICHs ``(group, sequence, HI, amplitude)`` (6.9; 36.212 5.3.5)."""
    n_sf = 2 if r.extended_cp else 4
    c = gold((subframe + 1) * (2 * r.pci + 1) * 512 + r.pci, 3 * n_sf)
    groups = regs(Region(**{**r.__dict__, "cfi": 3}))
    units = phich_units(r)
    grid = np.zeros((r.n_ports, r.n_symb, r.n_sc), complex)
    for group, number, hi, amplitude in messages:
        z = [complex(1 - 2 * hi, 1 - 2 * hi) / math.sqrt(2) * amplitude] * 3
        w = phich_sequence(r, number)
        d = [w[i % n_sf] * (1 - 2 * c[i]) * z[i // n_sf] for i in range(3 * n_sf)]
        if r.extended_cp:
            aligned: list[complex] = []
            for i in range(3):
                pair = d[2 * i : 2 * i + 2]
                aligned += [*pair, 0, 0] if group % 2 == 0 else [0, 0, *pair]
            d = aligned
        unit = group // 2 if r.extended_cp else group
        for i in range(3):
            quadruplet = d[4 * i : 4 * i + 4]
            if r.n_ports == 4:
                ports = np.zeros((4, 4), complex)
                even = (i + unit) % 2 == 0
                ports[[0, 2] if even else [1, 3]] = diversity(quadruplet, 2)
            else:
                ports = diversity(quadruplet, r.n_ports)
            for j, (k, l) in enumerate(groups[units[unit][i]]):
                grid[:, l, k] += ports[:, j]
    return grid


def crc16(bits: list[int]) -> list[int]:
    register = [*bits, *(16 * [0])]
    for i in range(len(bits)):
        if register[i]:
            for power in (16, 12, 5, 0):
                register[i + 16 - power] ^= 1
    return register[-16:]


def coded_bits(payload: list[int], rnti: int, e: int) -> list[int]:
    """CRC and mask (5.3.3.2), tail-biting code (5.1.3.1), rate matching (5.1.4.2)."""
    bits = payload + [p ^ (rnti >> (15 - i) & 1) for i, p in enumerate(crc16(payload))]
    streams = []
    for generator in ("133", "171", "165"):
        taps = [int(t) for t in f"{int(generator, 8):07b}"]
        streams.append(
            [sum(t * bits[i - delay] for delay, t in enumerate(taps)) % 2 for i in range(len(bits))]  # wraps: tail bits
        )
    circle = [bit for stream in streams for bit in interleave(list(stream))]
    return [int(str(circle[i % len(circle)])) for i in range(e)]


def pdcch(r: Region, subframe: int, messages: list[tuple[list[int], int, int, int, float]]) -> NDArray[np.complex128]:
    """Grid with PDCCHs ``(payload, rnti, first_cce, level, amplitude)`` (6.8)."""
    elements = pdcch_elements(r)
    stream: list[int | None] = [None] * (2 * len(elements))
    gain = [0.0] * len(elements)
    for payload, rnti, first, level, amplitude in messages:
        stream[72 * first : 72 * (first + level)] = coded_bits(payload, rnti, 72 * level)
        gain[36 * first : 36 * (first + level)] = [amplitude] * (36 * level)
    c = gold(subframe * 512 + r.pci, len(stream))
    scrambled = [0 if b is None else b ^ s for b, s in zip(stream, c, strict=True)]
    symbols = [g * x for g, x in zip(gain, qpsk(scrambled), strict=True)]
    even = len(symbols) // 4 * 4
    return place(r, elements[:even], diversity(symbols[:even], r.n_ports))


def search_space(n_cce: int, rnti: int, subframe: int, common: bool) -> Iterator[Element]:
    """Candidates ``(first_cce, level)`` in order, with repetitions (36.213 9.1.1)."""
    y = rnti
    for _ in range(subframe + 1):
        y = 39827 * y % 65537
    if common:
        y = 0
    for level, count in ((4, 4), (8, 2)) if common else ((1, 6), (2, 6), (4, 2), (8, 2)):
        for m in range(count):
            if n_cce // level:
                yield level * ((y + m) % (n_cce // level)), level


def region(cell: Cell, cfi: int, mi: int = 1, two_symbols: bool = False) -> Region:
    """The same configuration in the oracle's terms."""
    return Region(
        pci=cell.pci,
        n_prb=cell.n_prb,
        n_ports=cell.n_ports,
        extended_cp=cell.cp is CyclicPrefix.EXTENDED,
        cfi=cfi,
        n_g=cell.phich_resource.n_g,
        phich_extended=cell.phich_duration is PhichDuration.EXTENDED,
        mi=mi,
        two_symbols=two_symbols,
    )


def through_channel(
    grid: NDArray[np.complex64] | NDArray[np.complex128],
    rng: np.random.Generator,
    n_rx: int = 1,
    noise_var: float = 0.0,
    fading: bool = True,
) -> tuple[NDArray[np.complex64], ChannelEstimate]:
    """A transmit grid over flat channels of random phase (and gain, if fading), and the exact estimate of them."""
    n_ports = grid.shape[0]
    h = np.exp(2j * np.pi * rng.random((n_rx, n_ports)))
    if fading:
        h *= rng.uniform(0.7, 1.3, (n_rx, n_ports))
    received = np.einsum("rp,plk->rlk", h, grid)
    noise = rng.normal(size=(*received.shape, 2)) @ [1, 1j]
    received = received + noise * math.sqrt(noise_var / 2)
    estimate = ChannelEstimate(
        h=np.broadcast_to(h[:, :, None, None], (n_rx, *grid.shape)).astype(np.complex64),
        noise_var=max(noise_var, 1e-6),
        rsrp=float(np.mean(np.abs(h[:, 0]) ** 2)),
        rssi=1.0,
        snr_db=-10 * math.log10(max(noise_var, 1e-6)),
    )
    return received.astype(np.complex64), estimate


def recorded_subframe(
    path: Path, cell: Cell, start: int, subframe: int
) -> tuple[NDArray[np.complex64], ChannelEstimate]:
    """One subframe of a recording at 1.92 Msps (6 PRB, normal prefix, one port): its grid and a plain estimate.

    The channel is taken to be constant over the subframe, and linear between the reference symbols' subcarriers.
    """
    if path.name.endswith(".sigmf-data"):
        numbers = np.fromfile(path, "<i2", 2 * 1920, offset=4 * start).astype(np.float32) / 32768
    else:
        numbers = np.fromfile(path, "<f4", 2 * 1920, offset=8 * start)
    samples = numbers.view(np.complex64)
    lines, position = [], 0
    for l in range(14):
        position += 10 if l % 7 == 0 else 9
        spectrum = np.fft.fft(samples[position : position + 128]) / math.sqrt(128)
        lines.append(np.concatenate([spectrum[-36:], spectrum[1:37]]))
        position += 128
    grid = np.array(lines, np.complex64)
    index = crs.flat_index(cell, 0)
    ratio = grid.reshape(-1)[index] * np.conj(crs.sequence(cell, subframe, 0))
    k, first = np.unique(index.reshape(-1) % 72, return_inverse=True)
    mean = np.bincount(first, ratio.real.reshape(-1)) + 1j * np.bincount(first, ratio.imag.reshape(-1))
    mean /= np.bincount(first)
    h = np.interp(np.arange(72), k, mean.real) + 1j * np.interp(np.arange(72), k, mean.imag)
    noise = max(
        float(np.mean(np.abs(ratio.reshape(-1) - mean[first.reshape(-1)]) ** 2)), 1e-4 * float(np.mean(np.abs(h) ** 2))
    )
    rsrp = float(np.mean(np.abs(h) ** 2))
    full = np.broadcast_to(h.astype(np.complex64), (1, 1, 14, 72)).copy()
    return grid[None], ChannelEstimate(full, noise, rsrp, 72 * rsrp, 10 * math.log10(rsrp / noise))


def lte6_subframe(tti: int) -> tuple[Cell, NDArray[np.complex64], ChannelEstimate]:
    """A downlink subframe of the recorded attach, by its TTI (stream subframe k holds TTI k - 4)."""
    cell = Cell(pci=1, phich_resource=PhichResource.ONE_SIXTH)
    path = capture("lte6_dl.sigmf-data")
    return cell, *recorded_subframe(path, cell, 1920 * (tti + 4), tti % 10)
