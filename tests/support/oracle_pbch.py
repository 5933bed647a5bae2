"""The broadcast channel in plain loops, written from TS 36.211 6.6 and TS 36.212 5.1.1, 5.1.3.1, 5.1.4.2, 5.3.1."""

import csv
from importlib.resources import files
from math import sqrt

from support.oracle_crs import gold, reference_signals

GENERATORS = (0o133, 0o171, 0o165)


def crc16(bits: list[int]) -> list[int]:
    """Parity bits of g_CRC16 = D^16 + D^12 + D^5 + 1 by long division."""
    divisor = [1 if power in (16, 12, 5, 0) else 0 for power in range(16, -1, -1)]
    rest = bits + 16 * [0]
    for i in range(len(bits)):
        if rest[i]:
            for j, bit in enumerate(divisor):
                rest[i + j] ^= bit
    return rest[-16:]


def convolutional(bits: list[int]) -> list[list[int]]:
    """Tail-biting code of TS 36.212 5.1.3.1: the register starts with the last six bits."""
    streams: list[list[int]] = [[], [], []]
    for i in range(len(bits)):
        register = [bits[i - back] for back in range(7)]
        for stream, generator in zip(streams, GENERATORS, strict=True):
            taps = [generator >> (6 - back) & 1 for back in range(7)]
            stream.append(sum(t & r for t, r in zip(taps, register, strict=True)) % 2)
    return streams


def permutation() -> list[int]:
    """Inter-column permutation of TS 36.212 Table 5.1.4-2."""
    text = files("picocell.kernels").joinpath("data", "36212_5.1.4_subblock_permutations.csv").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return [int(row["P_conv_5.1.4-2"]) for row in csv.DictReader(lines)]


def rate_match(streams: list[list[int]], e: int) -> list[int]:
    """TS 36.212 5.1.4.2: interleave each stream, put them one after another, read round."""
    columns = permutation()
    circular: list[int | None] = []
    for stream in streams:
        n_rows = -(-len(stream) // 32)
        padded = [None] * (32 * n_rows - len(stream)) + list(stream)
        circular += [padded[32 * row + column] for column in columns for row in range(n_rows)]
    out: list[int] = []
    k = 0
    while len(out) < e:
        bit = circular[k % len(circular)]
        if bit is not None:
            out.append(bit)
        k += 1
    return out


def mask(n_ports: int) -> list[int]:
    """CRC mask of TS 36.212 Table 5.3.1.1-1."""
    return {1: 16 * [0], 2: 16 * [1], 4: 8 * [0, 1]}[n_ports]


def symbols(pci: int, extended_cp: bool, n_ports: int, mib: bytes) -> list[list[complex]]:
    """QPSK symbols of the four frames."""
    bits = [byte >> (7 - i) & 1 for byte in mib for i in range(8)]
    message = bits + [p ^ x for p, x in zip(crc16(bits), mask(n_ports), strict=True)]
    n_bits = 1728 if extended_cp else 1920
    coded = rate_match(convolutional(message), n_bits)
    scrambled = [b ^ c for b, c in zip(coded, gold(pci, n_bits), strict=True)]
    qpsk = [complex(1 - 2 * scrambled[i], 1 - 2 * scrambled[i + 1]) / sqrt(2) for i in range(0, n_bits, 2)]
    quarter = len(qpsk) // 4
    return [qpsk[quarter * i : quarter * (i + 1)] for i in range(4)]


def resource_elements(pci: int, n_prb: int, extended_cp: bool) -> list[tuple[int, int]]:
    """(symbol of subframe 0, subcarrier) in the order of mapping of TS 36.211 6.6.4."""
    reserved = set()
    for port in range(4):
        reserved |= set(reference_signals(pci, n_prb, extended_cp, 0, port))
    first = 6 if extended_cp else 7
    found = []
    for l in range(4):
        for k_prime in range(72):
            k = 12 * n_prb // 2 - 36 + k_prime
            if (first + l, k) not in reserved:
                found.append((first + l, k))
    return found
