"""NR transport blocks of DL-SCH and UL-SCH over the LDPC kernel: segmentation, coding and the way back.

TS 38.212 5.2.2 (segmentation), 5.4.2.1 and 5.5 (bits of each code block), 6.2 and 7.2 (the chain).
"""

from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from picocell.kernels import crc, ldpc
from picocell.phy.coding.segmentation import shares

Checksum = Literal["24A", "24B", "16"]

MAX_BLOCK: Final = {1: 8448, 2: 3840}
"""Largest code block K_cb of each base graph."""

CODE_BLOCK_CRC: Final = 24
"""Bits of CRC24B on a code block, where there is more than one."""


def base_graph(tbs: int, rate: float) -> int:
    """Base graph of a transport block (TS 38.212 6.2.2 and 7.2.2).

    Args:
        tbs: bits A of the transport block.
        rate: code rate R of the initial transmission, as its MCS gives it.
    """
    return 2 if tbs <= 292 or (tbs <= 3824 and rate <= 0.67) or rate <= 0.25 else 1


def reference_buffer(tbs_lbrm: int, c: int) -> int:
    """N_ref, the soft bits of a code block with limited-buffer rate matching (TS 38.212 5.4.2.1).

    Args:
        tbs_lbrm: transport block size TBS_LBRM, of which a buffer of rate 2/3 is kept.
        c: number of code blocks C.
    """
    return 3 * tbs_lbrm // (2 * c)


@dataclass(frozen=True, slots=True)
class Segmentation:
    """How a transport block and its checksum fall into code blocks; names as in the clause.

    Attributes:
        tbs: A, payload bits.
        bg: base graph.
        crc: checksum of the transport block.
        c: number of code blocks C.
        k_prime: bits of a code block with its checksum, without filler, K'.
        k: bits of a code block K.
        z: lifting size Z_c.
    """

    tbs: int
    bg: int
    crc: Checksum
    c: int
    k_prime: int
    k: int
    z: int

    @property
    def filler(self) -> int:
        """Filler bits at the end of each code block."""
        return self.k - self.k_prime

    @property
    def block_crc(self) -> int:
        """Bits of CRC24B on each code block, 24 or 0."""
        return CODE_BLOCK_CRC if self.c > 1 else 0

    def coded_bits(self, g: int, q_m: int, n_l: int = 1) -> tuple[int, ...]:
        """E_r of each code block for G coded bits (TS 38.212 5.4.2.1).

        Args:
            g: coded bits of the transport block, G.
            q_m: bits a symbol.
            n_l: layers that the transport block is mapped on, N_L.

        Raises:
            ValueError: g is negative or no multiple of n_l * q_m.
        """
        return shares(self.c, g, q_m, n_l)


@cache
def segment(tbs: int, bg: int) -> Segmentation:
    """Code block segmentation (TS 38.212 5.2.2).

    Args:
        tbs: payload bits A of the transport block, a multiple of 8.
        bg: base graph, 1 or 2.

    Raises:
        ValueError: an argument out of its range, or a size that does not divide into equal code blocks (every size of
            TS 38.214 5.1.3.2 does).
    """
    if bg not in MAX_BLOCK:
        raise ValueError(f"no base graph {bg!r}: use 1 or 2")
    if tbs < 8 or tbs % 8:
        raise ValueError(f"a transport block of {tbs} bits is not allowed: a multiple of 8 from 8 on")
    kind: Checksum = "24A" if tbs > 3824 else "16"
    bits = tbs + crc.LENGTHS[kind]  # B
    c = 1 if bits <= MAX_BLOCK[bg] else -(-bits // (MAX_BLOCK[bg] - CODE_BLOCK_CRC))
    k_prime, rest = divmod(bits + (c * CODE_BLOCK_CRC if c > 1 else 0), c)
    if rest:
        raise ValueError(f"{tbs} bits and their checksum do not divide into {c} equal code blocks")
    columns = 22 if bg == 1 else 10
    filled = columns if bg == 1 or bits > 640 else 9 if bits > 560 else 8 if bits > 192 else 6  # K_b
    z = next(z for z in ldpc.LIFTING_SIZES if filled * z >= k_prime)
    return Segmentation(tbs, bg, kind, c, k_prime, columns * z, z)


@cache
def _code(bg: int, z: int) -> ldpc.Code:
    return ldpc.Code(bg, z)


def _n_cb(code: ldpc.Code, n_ref: int | None) -> int | None:
    return None if n_ref is None else min(code.n, n_ref)


def _with_crc(bits: NDArray[np.uint8], kind: Checksum) -> NDArray[np.uint8]:
    length = crc.LENGTHS[kind]
    check = crc.crc_bits(bits, kind).to_bytes(4, "big")
    return np.concatenate([bits, np.unpackbits(np.frombuffer(check, np.uint8))[-length:]])


def _groups(lengths: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """(first block, blocks, E) of the blocks that are sent with the same number of bits."""
    firsts = [r for r in range(len(lengths)) if r == 0 or lengths[r] != lengths[r - 1]]
    return [
        (begin, end - begin, lengths[begin]) for begin, end in zip(firsts, [*firsts[1:], len(lengths)], strict=True)
    ]


def encode(
    payload: bytes, g: int, q_m: int, bg: int, n_l: int = 1, rv: int = 0, n_ref: int | None = None
) -> NDArray[np.uint8]:
    """Encodes a transport block: checksums, segmentation, LDPC, rate matching, concatenation.

    Args:
        payload: bytes of the transport block, most significant bit first.
        g: coded bits available, G: a multiple of n_l * q_m.
        q_m: bits a symbol: 1, 2, 4, 6, 8 or 10.
        bg: base graph, from base_graph().
        n_l: layers that the transport block is mapped on, N_L.
        rv: redundancy version, 0..3.
        n_ref: soft bits of a code block, from reference_buffer(); None: no limit.

    Returns:
        uint8 array (g,) of bits.

    Raises:
        ValueError: an argument out of its range.
    """
    s = segment(8 * len(payload), bg)
    lengths = s.coded_bits(g, q_m, n_l)
    code = _code(bg, s.z)
    bits = _with_crc(np.unpackbits(np.frombuffer(payload, np.uint8)), s.crc).reshape(s.c, -1)
    if s.c > 1:
        bits = np.stack([_with_crc(block, "24B") for block in bits])
    coded = code.encode(np.pad(bits, ((0, 0), (0, s.filler))))
    sent = [
        code.rate_match(coded[first : first + count], e, q_m, rv, _n_cb(code, n_ref), s.filler).ravel()
        for first, count, e in _groups(lengths)
    ]
    return np.concatenate(sent)


class SoftBuffer:
    """Soft bits of one transport block between its transmissions, and the code blocks that already passed.

    Args:
        tbs: bits of the transport block.
        bg: base graph.
        n_ref: soft bits of a code block, from reference_buffer(); None: no limit.

    Attributes:
        segmentation: how the transport block falls into code blocks.
        passed: code blocks whose checksum held, bool array (c,).

    Raises:
        ValueError: an argument out of its range.
    """

    def __init__(self, tbs: int, bg: int, n_ref: int | None = None) -> None:
        if n_ref is not None and n_ref < 1:
            raise ValueError(f"a soft buffer of N_ref={n_ref} holds no coded bit")
        self.segmentation = segment(tbs, bg)
        self.n_ref = n_ref
        self._code = _code(bg, self.segmentation.z)
        self._soft = np.zeros((self.segmentation.c, self._code.n), np.int16)
        self._bits = np.zeros((self.segmentation.c, self._code.k), np.uint8)
        self.passed: NDArray[np.bool_] = np.zeros(self.segmentation.c, np.bool_)

    def clear(self) -> None:
        """Forgets everything: a new transport block of the same size begins."""
        self._soft[:] = 0
        self.passed[:] = False

    def add(self, llr: NDArray[np.int8] | NDArray[np.int16], q_m: int, n_l: int, rv: int) -> None:
        """Adds the soft bits of one transmission, shape (g,)."""
        s, code = self.segmentation, self._code
        at = 0
        for first, count, e in _groups(s.coded_bits(llr.size, q_m, n_l)):
            part = llr[at : at + count * e].reshape(count, e)
            kept = self._soft[first : first + count]
            code.rate_recover(part, q_m, rv, _n_cb(code, self.n_ref), s.filler, kept)
            at += count * e

    def decode(self, n_iterations: int) -> int:
        """Decodes the code blocks that have not passed; returns the iterations spent on all of them."""
        s = self.segmentation
        open_blocks = np.flatnonzero(~self.passed)
        if not open_blocks.size:
            return 0
        kind: Checksum = "24B" if s.c > 1 else s.crc
        bits, ok, iterations = self._code.decode(self._soft[open_blocks], n_iterations, kind, s.filler)
        self._bits[open_blocks] = bits
        self.passed[open_blocks] = ok
        return int(iterations.sum())

    def payload(self) -> tuple[bytes, bool]:
        """The payload as it was decoded last, and whether its checksum and those of all code blocks hold."""
        s = self.segmentation
        bits = self._bits[:, : s.k_prime - s.block_crc].ravel()
        ok = bool(self.passed.all()) and crc.crc_bits(bits, s.crc) == 0
        return np.packbits(bits[: s.tbs]).tobytes(), ok


class Decoded(NamedTuple):
    """A transport block as it was decoded.

    Attributes:
        payload: its bytes, the best guess where crc_ok is false.
        crc_ok: its checksum and those of all code blocks hold.
        iterations: mean over the code blocks decoded in this call.
        code_blocks_ok: code blocks that passed, in this call or before.
        code_blocks: their number.
    """

    payload: bytes
    crc_ok: bool
    iterations: float
    code_blocks_ok: int
    code_blocks: int


def decode(llr: ArrayLike, soft: SoftBuffer, q_m: int, n_l: int = 1, rv: int = 0, n_iterations: int = 6) -> Decoded:
    """Decodes one transmission of a transport block, with what `soft` holds of earlier ones.

    Args:
        llr: int16 or int8 array (g,), positive for bit 0; only their proportions matter, in and between transmissions.
        soft: buffer made for this transport block; this transmission is added to it (saturating), and code blocks that
            passed before are not decoded again.
        q_m: bits a symbol: 1, 2, 4, 6, 8 or 10.
        n_l: layers that the transport block is mapped on, N_L.
        rv: redundancy version, 0..3.
        n_iterations: iterations after which a code block is given up, 1..255.

    Raises:
        ValueError: an argument out of its range.
    """
    array = np.ascontiguousarray(llr)
    if array.dtype not in (np.int8, np.int16):
        raise ValueError(f"LLRs of type {array.dtype} cannot be combined: use int16 or int8")
    if array.ndim != 1:
        raise ValueError(f"LLRs have shape {array.shape}, one dimension is wanted")
    if not 1 <= n_iterations <= 255:
        raise ValueError(f"{n_iterations} iterations are outside 1..255")
    tried = int(soft.segmentation.c - soft.passed.sum())
    soft.add(array, q_m, n_l, rv)
    spent = soft.decode(n_iterations)
    payload, ok = soft.payload()
    passed = int(soft.passed.sum())
    return Decoded(payload, ok, spent / tried if tried else 0.0, passed, soft.segmentation.c)
