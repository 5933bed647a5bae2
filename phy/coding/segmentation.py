"""Code block segmentation of a transport block (TS 36.212 5.1.2)."""

from dataclasses import dataclass
from functools import cache
from typing import Final

from picocell.kernels.tables import BLOCK_SIZES

MAX_BLOCK: Final = 6144
"""Largest code block Z."""

CRC_BITS: Final = 24
"""Length of CRC24A on the transport block and of CRC24B on a code block."""


@dataclass(frozen=True, slots=True)
class Segmentation:
    """How the B = A + 24 bits of a transport block fall into code blocks; names as in the clause.

    Attributes:
        tbs: A, payload bits without CRC24A.
        c: number of code blocks C.
        c_plus: code blocks of size k_plus; they follow those of size k_minus.
        c_minus: code blocks of size k_minus, the first ones.
        k_plus: the larger block size K+.
        k_minus: the smaller block size K-, 0 where there is one block only.
        filler: filler bits F at the start of the first block.
        crc: CRC24B bits L on each block, 24 or 0.
    """

    tbs: int
    c: int
    c_plus: int
    c_minus: int
    k_plus: int
    k_minus: int
    filler: int
    crc: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """K_r of each code block."""
        return (self.k_minus,) * self.c_minus + (self.k_plus,) * self.c_plus

    def coded_bits(self, g: int, q_m: int, n_l: int = 1) -> tuple[int, ...]:
        """E_r of each code block for G coded bits (TS 36.212 5.1.4.1.2).

        Args:
            g: coded bits of the transport block, G.
            q_m: bits a symbol.
            n_l: layers that the transport block is mapped on, N_L (2 for transmit diversity).

        Raises:
            ValueError: g is negative or no multiple of n_l * q_m.
        """
        return shares(self.c, g, q_m, n_l)


def shares(c: int, g: int, q_m: int, n_l: int) -> tuple[int, ...]:
    """How C code blocks share G coded bits, as LTE and NR have it (TS 36.212 5.1.4.1.2, TS 38.212 5.4.2.1).

    Raises:
        ValueError: g is negative or no multiple of n_l * q_m.
    """
    if q_m < 1 or n_l < 1:
        raise ValueError(f"Q_m={q_m} and N_L={n_l} must be positive")
    unit = n_l * q_m
    if g < 0 or g % unit:
        raise ValueError(f"G={g} coded bits are no multiple of N_L Q_m = {unit}")
    symbols = g // unit
    gamma = symbols % c
    return (unit * (symbols // c),) * (c - gamma) + (unit * (symbols // c + 1),) * gamma


@cache
def segment(tbs: int) -> Segmentation:
    """Segmentation of a transport block.

    Args:
        tbs: bits A without CRC24A, at least 1.

    Raises:
        ValueError: tbs is not positive.
    """
    if tbs < 1:
        raise ValueError(f"a transport block of {tbs} bits is not allowed: at least 1")
    bits = tbs + CRC_BITS
    if bits <= MAX_BLOCK:
        c, crc = 1, 0
    else:
        crc = CRC_BITS
        c = -(-bits // (MAX_BLOCK - crc))
    total = bits + c * crc  # B'
    k_plus = next(k for k in BLOCK_SIZES if c * k >= total)
    if c == 1:
        return Segmentation(tbs, 1, 1, 0, k_plus, 0, k_plus - total, crc)
    k_minus = BLOCK_SIZES[BLOCK_SIZES.index(k_plus) - 1]
    c_minus = (c * k_plus - total) // (k_plus - k_minus)
    filler = (c - c_minus) * k_plus + c_minus * k_minus - total
    return Segmentation(tbs, c, c - c_minus, c_minus, k_plus, k_minus, filler, crc)
