"""NR control information over the polar kernel: DCI, BCH and UCI of 12 bits and more, coded and back.

TS 38.212 5.2.1 (segmentation), 6.3.1 and 6.3.2 (UCI), 7.1 (BCH), 7.3 (DCI).
"""

from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from picocell.kernels import polar

Checksum = Literal["24C", "11", "6"]

DCI_BITS: Final = (12, 140)
"""Least and largest payload of a DCI; shorter ones are filled with zeros by whoever packs them (TS 38.212 7.3.1)."""

BCH_BITS: Final = 32
"""Payload of BCH with the bits that the physical layer adds (TS 38.212 7.1.1)."""

BCH_CODED_BITS: Final = 864
"""E of BCH (TS 38.212 7.1.5)."""

UCI_BITS: Final = (12, 1706)
"""Least and largest payload of UCI under the polar code (TS 38.212 5.2.1, 6.3.1.2)."""


class Decoded(NamedTuple):
    """A payload as it was decoded.

    Attributes:
        bits: uint8 array of the payload, the most likely one where crc_ok is false.
        crc_ok: its checksum, or that of every code block, holds.
    """

    bits: NDArray[np.uint8]
    crc_ok: bool


@cache
def downlink_code(a: int, e: int) -> polar.Code:
    """The code of a DCI or of BCH with `a` payload bits and `e` coded bits (TS 38.212 7.1.4, 7.1.5, 7.3.3, 7.3.4).

    Raises:
        ValueError: payload and checksum do not fit.
    """
    return polar.Code(a + polar.CRC_LENGTHS["24C"], e, n_max=9, i_il=True)


@cache
def _of_ones(a: int) -> int:
    """What 24 ones before a payload of `a` bits add to its checksum (TS 38.212 7.3.2)."""
    return polar.checksum(np.concatenate([np.ones(24, np.uint8), np.zeros(a, np.uint8)]), "24C")


def _dci_mask(a: int, rnti: int) -> int:
    if not DCI_BITS[0] <= a <= DCI_BITS[1]:
        raise ValueError(f"a DCI of {a} bits is outside {DCI_BITS[0]}..{DCI_BITS[1]}")
    if not 0 <= rnti <= 0xFFFF:
        raise ValueError(f"RNTI {rnti} is outside 0..65535")
    return _of_ones(a) ^ rnti


def encode_dci(payload: ArrayLike, e: int, rnti: int = 0) -> NDArray[np.uint8]:
    """Codes a DCI (TS 38.212 7.3.2..7.3.4).

    Args:
        payload: uint8 array (a,) of bits, 12..140 of them.
        e: coded bits, E: 108 for each CCE.
        rnti: number that the last 16 bits of the checksum are scrambled with.

    Returns:
        uint8 array (e,).

    Raises:
        ValueError: an argument out of its range, or bits that do not fit.
    """
    bits = _row(payload, "a DCI")
    mask = _dci_mask(bits.size, rnti)
    return downlink_code(bits.size, e).encode(bits, "24C", mask)


def decode_dci(llr: ArrayLike, a: int, rnti: int = 0, list_size: int = 8) -> Decoded:
    """Decodes a DCI candidate.

    Args:
        llr: array (e,) of int8, int16 or float LLRs, positive for bit 0.
        a: payload bits, 12..140.
        rnti: whom the DCI is looked for.
        list_size: paths of the decoder: 1, 2, 4, 8 or 16.

    Raises:
        ValueError: an argument out of its range.
    """
    array = _soft(llr)
    mask = _dci_mask(a, rnti)
    bits, ok = downlink_code(a, array.size).decode(array, list_size, "24C", mask)
    return Decoded(bits[:a], bool(ok))


def encode_bch(payload: ArrayLike) -> NDArray[np.uint8]:
    """Codes the scrambled payload of BCH (TS 38.212 7.1.3..7.1.5).

    Args:
        payload: uint8 array (32,) of bits.

    Returns:
        uint8 array (864,).

    Raises:
        ValueError: another number of bits.
    """
    bits = _row(payload, "BCH")
    if bits.size != BCH_BITS:
        raise ValueError(f"BCH has {BCH_BITS} bits, not {bits.size}")
    return downlink_code(BCH_BITS, BCH_CODED_BITS).encode(bits, "24C")


def decode_bch(llr: ArrayLike, list_size: int = 8) -> Decoded:
    """Decodes BCH.

    Args:
        llr: array (864,) of int8, int16 or float LLRs, positive for bit 0; those of repeated blocks may be added.
        list_size: paths of the decoder: 1, 2, 4, 8 or 16.

    Raises:
        ValueError: an argument out of its range.
    """
    bits, ok = downlink_code(BCH_BITS, BCH_CODED_BITS).decode(_soft(llr), list_size, "24C")
    return Decoded(bits[:BCH_BITS], bool(ok))


@dataclass(frozen=True, slots=True)
class Segmentation:
    """How UCI falls into code blocks; names as in the clauses.

    Attributes:
        a: payload bits A.
        e: coded bits that the channel has for it, E_UCI.
        c: number of code blocks C, 1 or 2.
        crc: checksum of each code block.
        k: bits of a code block with its checksum, K_r.
        e_r: coded bits of a code block, E_r.
        n_pc: parity bits n_PC.
        n_pc_wm: those of them that go where rows are lightest.
    """

    a: int
    e: int
    c: int
    crc: Checksum
    k: int
    e_r: int
    n_pc: int
    n_pc_wm: int

    @property
    def filler(self) -> int:
        """Zeros before the payload, 0 or 1."""
        return self.c * (self.k - polar.CRC_LENGTHS[self.crc]) - self.a


@cache
def segment_uci(a: int, e: int) -> Segmentation:
    """Segmentation, checksum and parity bits of UCI (TS 38.212 5.2.1, 6.3.1.2, 6.3.1.3.1, 6.3.1.4.1).

    Args:
        a: payload bits A, 12..1706 (fewer are sent in block codes).
        e: coded bits E_UCI.

    Raises:
        ValueError: an argument out of its range.
    """
    if not UCI_BITS[0] <= a <= UCI_BITS[1]:
        raise ValueError(f"UCI of {a} bits is outside {UCI_BITS[0]}..{UCI_BITS[1]} of the polar code")
    c = 2 if a >= 1013 or (a >= 360 and e >= 1088) else 1
    crc: Checksum = "6" if a <= 19 else "11"
    k = -(-a // c) + polar.CRC_LENGTHS[crc]
    e_r = e // c
    n_pc = 3 if k <= 25 else 0
    return Segmentation(a, e, c, crc, k, e_r, n_pc, int(n_pc > 0 and e_r - k + 3 > 192))


@cache
def uci_code(a: int, e: int) -> polar.Code:
    """The code of each code block of UCI.

    Raises:
        ValueError: an argument out of its range, or bits that do not fit.
    """
    s = segment_uci(a, e)
    return polar.Code(s.k, s.e_r, n_max=10, i_bil=True, n_pc=s.n_pc, n_pc_wm=s.n_pc_wm)


def encode_uci(payload: ArrayLike, e: int) -> NDArray[np.uint8]:
    """Codes UCI: segmentation, checksums, polar code, rate matching, concatenation (TS 38.212 6.3.1.2..6.3.1.5).

    Args:
        payload: uint8 array (a,) of bits, 12..1706 of them.
        e: coded bits that the channel has for it, E_UCI.

    Returns:
        uint8 array (c * floor(e / c),): all coded bits, or all but one where two blocks share an odd number.

    Raises:
        ValueError: an argument out of its range, or bits that do not fit.
    """
    bits = _row(payload, "UCI")
    s, code = segment_uci(bits.size, e), uci_code(bits.size, e)
    blocks = np.concatenate([np.zeros(s.filler, np.uint8), bits]).reshape(s.c, -1)
    return code.encode(blocks, s.crc).ravel()


def decode_uci(llr: ArrayLike, a: int, list_size: int = 8) -> Decoded:
    """Decodes UCI.

    Args:
        llr: array (e,) of int8, int16 or float LLRs, positive for bit 0.
        a: payload bits, 12..1706.
        list_size: paths of the decoder: 1, 2, 4, 8 or 16.

    Raises:
        ValueError: an argument out of its range, or bits that do not fit.
    """
    array = _soft(llr)
    s, code = segment_uci(a, array.size), uci_code(a, array.size)
    blocks, ok = code.decode(array[: s.c * s.e_r].reshape(s.c, -1), list_size, s.crc)
    bits = blocks[:, : s.k - polar.CRC_LENGTHS[s.crc]].ravel()
    return Decoded(bits[s.filler :], bool(np.all(ok)) and not bits[: s.filler].any())


def _row(bits: ArrayLike, what: str) -> NDArray[np.uint8]:
    array = np.ascontiguousarray(bits, np.uint8)
    if array.ndim != 1:
        raise ValueError(f"bits of {what} have shape {array.shape}, one dimension is wanted")
    return array


def _soft(llr: ArrayLike) -> NDArray[np.generic]:
    array = np.ascontiguousarray(llr)
    if array.ndim != 1:
        raise ValueError(f"LLRs have shape {array.shape}, one dimension is wanted")
    return array
