"""Channel coding of uplink control information, both ends (TS 36.212 5.2.2.6, 5.2.3.3, 5.2.3.4; TS 36.211 5.3.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from picocell.kernels import conv, crc
from picocell.phy.lte.tables import rows

PLACEHOLDER_X: Final = 2
"""Coded bit that scrambling turns into 1: with 16QAM and 64QAM it puts control on the outermost points."""

PLACEHOLDER_Y: Final = 3
"""Coded bit that repeats the scrambled bit before it."""

MAX_BLOCK_BITS: Final = 11
"""Payload of the (32, O) block code; longer reports are convolutionally coded (TS 36.212 5.2.2.6.4)."""

MAX_PUCCH_BITS: Final = 13
"""Payload of the (20, A) block code (TS 36.212 5.2.3.3)."""

PUCCH_CODED_BITS: Final = 20
CQI_CRC_BITS: Final = 8
FALSE_ALARM: Final = 0.01
"""Rate at which noise, or data in its place, passes as a message of the block codes where there is room to tell."""

_TABLES: Final = {32: "36212_5.2.2.6.4-1_rm32_basis", PUCCH_CODED_BITS: "36212_5.2.3.3-1_rm20_basis"}
_SIGNS: Final = np.array([1, -1], np.float32)
_ONE: Final = np.uint8(1)
_LEAST_CORRELATION: Final = 0.7
"""Of the largest possible metric: what a short message must reach whose false alarms no threshold can hold."""


@dataclass(frozen=True, slots=True)
class BlockDecision:
    """Maximum-likelihood decision of one or of several code words.

    Attributes:
        bits: uint8 (..., O).
        metric: float32 (...), correlation of the LLRs with the word over their root of summed squares. For noise it is
            near a standard normal variable's largest of 2^O values, for a noiseless word the root of the LLRs' number.
        margin: float32 (...), log-likelihood of the word less that of the next best, in the unit of the LLRs.
        detected: bool (...), whether the metric is above :func:`threshold`.
    """

    bits: NDArray[np.uint8]
    metric: NDArray[np.float32]
    margin: NDArray[np.float32]
    detected: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class CqiDecision:
    """A received CQI/PMI report.

    Attributes:
        bits: uint8 (O,).
        ok: CRC matched (more than 11 bits), or the metric is above :func:`threshold` (11 bits and fewer).
        metric: as in :class:`BlockDecision`; above 11 bits that of the re-encoded report.
    """

    bits: NDArray[np.uint8]
    ok: bool
    metric: float


@lru_cache(maxsize=256)
def threshold(n_bits: int, n_llr: int, false_alarm: float = FALSE_ALARM) -> float:
    """Metric from which a block code word counts as sent.

    Args:
        n_bits: payload, of which any word may be sent.
        n_llr: number of LLRs.
        false_alarm: probability that noise passes. Where the LLRs are too few to hold it, 70 % of the largest possible
            metric is the threshold and the probability is larger.
    """
    return min(-NormalDist().inv_cdf(false_alarm / 2**n_bits), _LEAST_CORRELATION * sqrt(n_llr))


@lru_cache(maxsize=2)
def _basis(n: int) -> NDArray[np.uint8]:
    """Basis sequences M(i, n) of the (32, O) or the (20, A) code."""
    table = rows(_TABLES[n])
    return np.array([[int(value) for name, value in row.items() if name != "i"] for row in table], np.uint8)


def _checked(bits: ArrayLike, largest: int) -> NDArray[np.uint8]:
    array = np.ascontiguousarray(bits, np.uint8)
    if array.ndim != 1 or not 1 <= array.size <= largest:
        raise ValueError(f"control bits of shape {array.shape}: 1 to {largest} in one dimension are allowed")
    if array.max() > 1:
        raise ValueError("control bits must be 0 or 1")
    return array


def _encode_block(bits: NDArray[np.uint8], n: int) -> NDArray[np.uint8]:
    return np.asarray((_basis(n)[:, : bits.size] @ bits) & 1, np.uint8)


@lru_cache(maxsize=32)
def _words(n: int, n_bits: int) -> NDArray[np.float32]:
    """Code words as +-1 (bit 0 is +1), (n, 2^(n_bits - 1)), in binary order of the payloads, first bit o_0 = 0.

    The first basis sequence is all ones, so the words with o_0 = 1 are their negatives.
    """
    payloads = np.arange(1 << (n_bits - 1))[:, None] >> np.arange(n_bits - 2, -1, -1) & 1
    words = 1 - 2.0 * (_basis(n)[:, 1:n_bits] @ payloads.T % 2)
    return np.ascontiguousarray(words, np.float32)


def _decide(correlation: NDArray[np.float32], energy: NDArray[np.float32], n_llr: int) -> BlockDecision:
    """Best of all words by their correlations (..., 2^O), in binary order of the payloads."""
    n_bits = correlation.shape[-1].bit_length() - 1
    best = np.asarray(correlation.argmax(axis=-1))
    top = np.asarray(correlation.max(axis=-1))
    correlation.reshape(-1, 1 << n_bits)[np.arange(best.size), best.reshape(-1)] = -np.inf
    margin = np.asarray((top - correlation.max(axis=-1)) / 2, np.float32)
    metric = np.asarray(top / np.sqrt(np.maximum(energy, np.float32(1e-20))), np.float32)
    bits = (best[..., None] >> np.arange(n_bits - 1, -1, -1) & 1).astype(np.uint8)
    return BlockDecision(bits, metric, margin, np.asarray(metric > threshold(n_bits, n_llr)))


def _decide_short(correlation: list[float], energy: float, n_llr: int) -> BlockDecision:
    """The same for one or two bits, without the arrays."""
    top = max(correlation)
    best, n_bits = correlation.index(top), len(correlation) // 2
    others = max(value for i, value in enumerate(correlation) if i != best)
    metric = top / sqrt(max(energy, 1e-20))
    return BlockDecision(
        np.array([best >> i & 1 for i in range(n_bits - 1, -1, -1)], np.uint8),
        np.array(metric, np.float32),
        np.array((top - others) / 2, np.float32),
        np.array(metric > threshold(n_bits, n_llr)),
    )


def _decide_block(soft: NDArray[np.float32], energy: NDArray[np.float32], n_llr: int, n_bits: int) -> BlockDecision:
    half = soft @ _words(soft.shape[-1], n_bits)
    return _decide(np.concatenate([half, -half], axis=-1), energy, n_llr)


def _soft(llr: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """LLRs in one dimension, and their energy."""
    soft = np.asarray(llr, np.float32)
    if soft.ndim != 1:
        raise ValueError(f"LLRs of shape {soft.shape}: one dimension is needed")
    return soft, np.asarray(soft @ soft)


def encode_20(bits: ArrayLike) -> NDArray[np.uint8]:
    """Block code (20, A) of PUCCH formats 2, 2a and 2b (TS 36.212 5.2.3.3).

    Args:
        bits: uint8 (A,), A = 1..13, in the order of the clause: a_0 first.

    Returns:
        Uint8 (20,).

    Raises:
        ValueError: another number of bits, or values other than 0 and 1.
    """
    return _encode_block(_checked(bits, MAX_PUCCH_BITS), PUCCH_CODED_BITS)


def decode_20(llr: ArrayLike, n_bits: int) -> BlockDecision:
    """Decide code words of :func:`encode_20`.

    Args:
        llr: real (..., 20), positive for bit 0.
        n_bits: A, 1..13.

    Raises:
        ValueError: a payload or a shape that does not exist.
    """
    if not 1 <= n_bits <= MAX_PUCCH_BITS:
        raise ValueError(f"n_bits {n_bits} is outside 1..{MAX_PUCCH_BITS}")
    soft = np.asarray(llr, np.float32)
    if soft.ndim < 1 or soft.shape[-1] != PUCCH_CODED_BITS:
        raise ValueError(f"LLRs of shape {soft.shape}: (..., {PUCCH_CODED_BITS}) is needed")
    energy = np.asarray(np.einsum("...i,...i->...", soft, soft))
    return _decide_block(soft, energy, PUCCH_CODED_BITS, n_bits)


def join_extended_cp(cqi: ArrayLike, ack: ArrayLike) -> NDArray[np.uint8]:
    """Payload of a format 2 with HARQ-ACK and extended cyclic prefix: the report, then the ACK (TS 36.212 5.2.3.4).

    Raises:
        ValueError: no report, no or more than two ACK bits, or more than 13 together.
    """
    report, acks = _checked(cqi, MAX_BLOCK_BITS), _checked(ack, 2)
    return np.concatenate([report, acks])


def split_extended_cp(bits: NDArray[np.uint8], n_ack: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Report and ACK bits of a payload of :func:`join_extended_cp`, along the last axis.

    Raises:
        ValueError: a number of ACK bits other than 1 and 2, or no report left.
    """
    if n_ack not in (1, 2) or bits.shape[-1] <= n_ack:
        raise ValueError(f"n_ack {n_ack} of {bits.shape[-1]} bits is not allowed: use 1 or 2, and a report")
    return bits[..., :-n_ack], bits[..., -n_ack:]


def encode_32(bits: ArrayLike, n: int) -> NDArray[np.uint8]:
    """Block code (32, O), repeated in a circle to n bits (TS 36.212 5.2.2.6.4).

    Raises:
        ValueError: other than 1 to 11 bits of 0 and 1.
    """
    return np.resize(_encode_block(_checked(bits, MAX_BLOCK_BITS), 32), n)


def decode_32(llr: ArrayLike, n_bits: int) -> BlockDecision:
    """Decide a code word of :func:`encode_32` from LLRs (n,); of fewer than 32 the rest counts as unknown.

    Raises:
        ValueError: a payload or a shape that does not exist.
    """
    if not 1 <= n_bits <= MAX_BLOCK_BITS:
        raise ValueError(f"n_bits {n_bits} is outside 1..{MAX_BLOCK_BITS}")
    soft, energy = _soft(llr)
    folded = np.zeros((-(-soft.size // 32), 32), np.float32)
    folded.reshape(-1)[: soft.size] = soft
    return _decide_block(folded.sum(axis=0), energy, soft.size, n_bits)


def encode_cqi(bits: ArrayLike, n: int) -> NDArray[np.uint8]:
    """Code a CQI/PMI report for PUSCH into n bits (TS 36.212 5.2.2.6.4).

    Args:
        bits: uint8 (O,): up to 11 with the block code, more with a CRC of eight bits and the convolutional code.
        n: coded bits Q_CQI.

    Raises:
        ValueError: no bits, too many, or values other than 0 and 1.
    """
    report = _checked(bits, conv.MAX_K - CQI_CRC_BITS)
    if report.size <= MAX_BLOCK_BITS:
        return encode_32(report, n)
    check = np.uint8(crc.crc_bits(report, "8"))
    return conv.rate_match(conv.encode(np.concatenate([report, np.unpackbits(check)])), n)


def decode_cqi(llr: NDArray[np.int16], n_bits: int) -> CqiDecision:
    """Decide a report of :func:`encode_cqi` from LLRs int16 (n,).

    Raises:
        ValueError: a payload or a shape that does not exist.
    """
    if n_bits <= MAX_BLOCK_BITS:
        decision = decode_32(llr, n_bits)
        return CqiDecision(decision.bits, bool(decision.detected), float(decision.metric))
    k = n_bits + CQI_CRC_BITS
    decoded = conv.decode(conv.rate_recover(llr, k))
    report = decoded[:n_bits]
    ok = crc.crc_bits(report, "8") == int(np.packbits(decoded[n_bits:])[0])
    soft, energy = _soft(llr)
    word = 1 - 2 * conv.rate_match(conv.encode(decoded), soft.size).astype(np.float32)
    return CqiDecision(report, ok, float(soft @ word) / max(sqrt(energy), 1e-10))


@lru_cache(maxsize=64)
def _short_places(n_bits: int, q_m: int) -> NDArray[np.int8]:
    """One coded block of one or two ACK or RI bits (TS 36.212 Tables 5.2.2.6-1 to -4).

    0, 1, 2 stand for o_0, o_1 and o_2 = o_0 + o_1; the placeholders are kept at -1 (x) and -2 (y).
    """
    pairs = [(0, -2)] if n_bits == 1 else [(0, 1), (2, 0), (1, 2)]
    return np.array([[*pair, *(q_m - 2) * [-1]] for pair in pairs], np.int8).reshape(-1)


def encode_ack(bits: ArrayLike, q_m: int, n_symbols: int) -> NDArray[np.uint8]:
    """Code HARQ-ACK or RI bits for PUSCH (TS 36.212 5.2.2.6).

    Args:
        bits: uint8 (O,), O = 1..11.
        q_m: bits per modulation symbol 2, 4 or 6.
        n_symbols: modulation symbols Q'.

    Returns:
        Uint8 (n_symbols * q_m,) with ``PLACEHOLDER_X`` and ``PLACEHOLDER_Y`` among its values for one and two bits.

    Raises:
        ValueError: other numbers of bits, or values other than 0 and 1.
    """
    payload = as_bits(bits)
    if len(payload) > 2:
        return encode_32(payload, n_symbols * q_m)
    if not payload or max(payload) > 1:
        raise ValueError(f"control bits {payload}: 1 to {MAX_BLOCK_BITS} of 0 and 1 are allowed")
    return _short_code(payload, q_m, n_symbols)


@lru_cache(maxsize=1024)
def _short_code(payload: tuple[int, ...], q_m: int, n_symbols: int) -> NDArray[np.uint8]:
    """One or two bits coded, read-only: the few that there are come again and again."""
    first, last = payload[0], payload[-1]
    sources = np.array([first, last, first ^ last, PLACEHOLDER_Y, PLACEHOLDER_X], np.uint8)
    coded = np.resize(sources[_short_places(len(payload), q_m)], n_symbols * q_m)
    coded.setflags(write=False)
    return coded


def decode_ack(llr: ArrayLike, n_bits: int) -> BlockDecision:
    """Decide HARQ-ACK or RI bits.

    Args:
        llr: real (n,). For one and two bits those of the two sign bits of each modulation symbol only
            (:func:`corner_llr`), for more those of all coded bits.
        n_bits: O, 1..11.

    Raises:
        ValueError: a payload or a shape that does not exist.
    """
    if n_bits > 2:
        return decode_32(llr, n_bits)
    if n_bits < 1:
        raise ValueError(f"n_bits {n_bits} is outside 1..{MAX_BLOCK_BITS}")
    soft, energy = _soft(llr)
    if n_bits == 1:
        total = float(soft.sum())
        return _decide_short([total, -total], float(energy), soft.size)
    o_0, o_1, o_2 = (float(soft[i::3].sum()) for i in range(3))
    words = [o_0 + o_1 + o_2, o_0 - o_1 - o_2, o_1 - o_0 - o_2, o_2 - o_0 - o_1]
    return _decide_short(words, float(energy), soft.size)


def packed_bits(words: NDArray[np.uint64], places: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Bits at some places of a sequence that is packed least significant bit first."""
    # looked up as bytes, which are in the same order
    octets = np.ascontiguousarray(words, "<u8").view(np.uint8)
    return np.asarray(octets[places >> 3] >> (places & 7).astype(np.uint8) & _ONE, np.uint8)


def corner_amplitude(q_m: int) -> float:
    """Amplitude a part of the outermost constellation points, 1/sqrt(2) with QPSK (TS 36.211 7.1).

    Raises:
        ValueError: a modulation that the uplink does not have.
    """
    if q_m not in (2, 4, 6):
        raise ValueError(f"q_m {q_m} is not allowed: use 2, 4 or 6")
    levels = 1 << q_m // 2
    return (levels - 1) * sqrt(1.5 / (levels * levels - 1))


def corner_llr(
    symbols: NDArray[np.complex64],
    noise_var: NDArray[np.float32],
    q_m: int,
    scrambling: NDArray[np.uint8],
    repeat: bool,
) -> NDArray[np.float32]:
    """LLRs of the sign bits of symbols known to lie on outermost points, by the placeholders in their other bits.

    Args:
        symbols: equalised complex64 (n,).
        noise_var: float32 (n,), their noise power.
        q_m: bits per modulation symbol.
        scrambling: uint8 (n, 2), c(i) of the two sign bits.
        repeat: whether the second bit repeats the scrambled first one (one ACK or RI bit).

    Returns:
        Float32 (2 n,) in nats.
    """
    scale = np.float32(4 * corner_amplitude(q_m)) / np.maximum(noise_var, np.float32(1e-20))
    parts = np.ascontiguousarray(symbols, np.complex64).view(np.float32).reshape(-1, 2)
    signs = _SIGNS[scrambling[:, :1] if repeat else scrambling]
    return np.asarray(parts * (signs * scale[:, None]), np.float32).reshape(-1)


def as_bits(bits: ArrayLike) -> tuple[int, ...]:
    """Bits of any kind as plain numbers; a tuple is taken as it is.

    Raises:
        ValueError: more than one dimension, or values that are no small numbers.
    """
    if isinstance(bits, tuple):
        return bits
    array = np.asarray(bits)
    if array.ndim != 1:
        raise ValueError(f"control bits of shape {array.shape}: one dimension is needed")
    if array.size and (array.min() < 0 or array.max() > 1):
        raise ValueError("control bits must be 0 or 1")
    return tuple(int(bit) for bit in array)


def as_tuple(bits: Sequence[Any] | NDArray[np.uint8]) -> tuple[int, ...]:
    """Bits as plain numbers."""
    return tuple(int(bit) for bit in bits)
