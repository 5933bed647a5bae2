"""Blind decoding of the PDCCH's soft bits, with and without knowing the RNTI (TS 36.213 9.1.1, TS 36.212 5.3.3)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import sqrt
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from picocell.kernels import conv
from picocell.phy.lte import dci
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci import DciFormat
from picocell.phy.lte.pdcch_overlap import Hit, distinct
from picocell.phy.lte.regs import CCE_BITS
from picocell.phy.lte.search_space import AGGREGATION_LEVELS, Candidate, candidates, may_start_at

__all__ = [
    "AGGREGATION_LEVELS",
    "Candidate",
    "Control",
    "Decoded",
    "FoundDci",
    "candidates",
    "decode_candidates",
    "may_start_at",
    "noise_quality",
    "search",
    "search_all",
    "search_rnti",
]

N_CRC: Final = 16
"""CRC bits of a DCI, masked with the RNTI (TS 36.212 5.3.3.2)."""

SILENT_POWER: Final = 0.05
"""A CCE with less than this power (-13 dB of the reference signals) above a fifth of its noise holds no PDCCH."""

SILENT_NOISE: Final = 0.2
"""That fifth."""

_NOISE_SLOPE: Final = 0.54
_NOISE_LIMIT: Final = 0.96

_BOTH_SPACES: Final = frozenset({DciFormat.FORMAT_0, DciFormat.FORMAT_1A})


@dataclass(slots=True, eq=False)
class Control:
    """Soft bits of one subframe's PDCCHs.

    Attributes:
        subframe: 0..9.
        cfi: control format indicator.
        llr: int16 ``(72 n_cce,)`` descrambled soft bits, CCE after CCE.
        energy: float32 ``(n_cce,)`` mean power of each CCE's symbols, 1 at the power of the reference signals, noise
            included.
        noise: float32 ``(n_cce,)`` the part of it that noise is expected to give.
        quiet: bool ``(n_cce,)`` what `silent` gives, where it has been found already.
    """

    subframe: int
    cfi: int
    llr: NDArray[np.int16]
    energy: NDArray[np.float32]
    noise: NDArray[np.float32]
    quiet: NDArray[np.bool_] | None = None

    @property
    def n_cce(self) -> int:
        """Control channel elements."""
        return len(self.energy)

    @property
    def silent(self) -> NDArray[np.bool_]:
        """CCEs that hold no PDCCH for sure; judged so only where the noise is low."""
        if self.quiet is not None:
            return self.quiet
        return self.energy < SILENT_POWER + np.float32(SILENT_NOISE) * self.noise


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """What blind decoding made of n candidates, whether they held a message or not.

    Attributes:
        first_cce: int32 ``(n,)``.
        level: int32 ``(n,)`` aggregation levels.
        size: int32 ``(n,)`` payload bits without CRC.
        bits: uint8 ``(n, k)`` payload and the CRC as received; row i has ``size[i] + 16`` bits that count.
        rnti: uint16 ``(n,)`` mask of the CRC: the RNTI, if there was a message and it is right.
        quality: float32 ``(n,)`` part of the soft bits' weight that agrees with the message encoded again, 0..1.
    """

    first_cce: NDArray[np.int32]
    level: NDArray[np.int32]
    size: NDArray[np.int32]
    bits: NDArray[np.uint8]
    rnti: NDArray[np.uint16]
    quality: NDArray[np.float32]


@dataclass(slots=True, eq=False)
class FoundDci:
    """A message found in the control region.

    Attributes:
        rnti: mask of its CRC.
        format: its format; None if the search did not know which.
        bits: uint8 payload without CRC, for ``dci.unpack``.
        first_cce: first CCE n_CCE.
        aggregation_level: number of CCEs that carry it.
        levels: the levels at which its first CCE gives this message within the search spaces of the RNTI, ascending.
            A UE that tries low levels first stops at the lowest.
        quality: part of the soft bits' weight that agrees with the message encoded again; 1 without noise.
        antenna_port: port that a format 0 chose by its CRC mask (TS 36.212 5.3.3.2).
    """

    rnti: int
    format: DciFormat | None
    bits: NDArray[np.uint8]
    first_cce: int
    aggregation_level: int
    levels: tuple[int, ...]
    quality: float
    antenna_port: int = 0

    @property
    def confidence(self) -> float:
        """Quality on a scale where noise alone has 0 on the average, and a message without noise 1."""
        noise = noise_quality(len(self.bits), self.aggregation_level)
        return (self.quality - noise) / (1 - noise)

    def as_format(self, fmt: DciFormat) -> "FoundDci":
        """The same message, taken for another format."""
        return replace(self, format=fmt)


@lru_cache(maxsize=1024)
def noise_quality(size: int, level: int) -> float:
    """Mean quality that noise alone gives a candidate: a fit to simulation, within 0.03 of it.

    Args:
        size: payload bits without CRC.
        level: aggregation level.
    """
    return min(0.5 + _NOISE_SLOPE * sqrt((size + N_CRC) / (CCE_BITS * level)), _NOISE_LIMIT)


class _Plan(NamedTuple):
    """Candidates of given sizes as arrays for the decoder, each ``(n,)``."""

    first: NDArray[np.int32]
    level: NDArray[np.int32]
    size: NDArray[np.int32]


def _plan(entries: Iterable[tuple[int, int, int]]) -> _Plan:
    """Plan of ``(first_cce, level, size)`` entries, each once."""
    table = np.array(list(dict.fromkeys(entries)), np.int32).reshape(-1, 3)
    return _Plan(*(np.ascontiguousarray(column) for column in table.T))


@lru_cache(maxsize=4096)
def _crossed(places: tuple[Candidate, ...], sizes: tuple[int, ...]) -> _Plan:
    return _plan((first, level, size) for size in sizes for first, level in places)


@lru_cache(maxsize=256)
def _aligned(n_cce: int, levels: tuple[int, ...]) -> tuple[Candidate, ...]:
    """Every candidate that a search space of any RNTI may have."""
    if unknown := set(levels) - set(AGGREGATION_LEVELS):
        raise ValueError(f"aggregation levels {sorted(unknown)} are not allowed: use some of {AGGREGATION_LEVELS}")
    return tuple((first, level) for level in levels for first in range(0, n_cce - level + 1, level))


def _decode(llr: NDArray[np.int16], plan: _Plan) -> Decoded:
    bits, rnti, quality = conv.search(llr, plan.first * CCE_BITS, plan.level * CCE_BITS, plan.size + N_CRC)
    return Decoded(plan.first, plan.level, plan.size, bits, rnti, quality)


def decode_candidates(llr: NDArray[np.int16], places: Sequence[Candidate], sizes: Sequence[int]) -> Decoded:
    """Decode every candidate at every size, in one kernel call.

    Args:
        llr: int16 ``(72 n_cce,)`` soft bits.
        places: ``(first_cce, level)`` of the candidates.
        sizes: payload bits without CRC.

    Raises:
        ValueError: a candidate beyond the soft bits, or a size that the code does not have.
    """
    return _decode(llr, _crossed(tuple(places), tuple(sizes)))


def _awake(control: Control, plan: _Plan) -> _Plan:
    """The part of a plan whose CCEs may all hold something."""
    silent = control.silent
    if not silent.any():
        return plan
    before = np.zeros(len(silent) + 1, np.int32)
    np.cumsum(silent, out=before[1:])
    keep = before[plan.first + plan.level] == before[plan.first]
    return _Plan(plan.first[keep], plan.level[keep], plan.size[keep])


def search(control: Control, places: Sequence[Candidate], sizes: Sequence[int]) -> Decoded:
    """As ``decode_candidates``, but candidates with a silent CCE are left out.

    Raises:
        ValueError: a candidate beyond the soft bits, or a size that the code does not have.
    """
    return _decode(control.llr, _awake(control, _crossed(tuple(places), tuple(sizes))))


def _least_quality(decoded: Decoded, min_confidence: float) -> NDArray[np.float32]:
    """Quality of each candidate that has a given confidence."""
    rate = (decoded.size + N_CRC) / (CCE_BITS * decoded.level).astype(np.float32)
    noise = np.minimum(0.5 + _NOISE_SLOPE * np.sqrt(rate), _NOISE_LIMIT)
    return (noise + min_confidence * (1 - noise)).astype(np.float32)


def _found(hit: Hit, levels: tuple[int, ...], fmt: DciFormat | None = None, rnti: int | None = None) -> FoundDci:
    return FoundDci(
        hit.mask if rnti is None else rnti,
        fmt,
        hit.bits[: hit.size],
        hit.first_cce,
        hit.level,
        levels,
        hit.quality,
        0 if rnti is None else hit.mask ^ rnti,
    )


@lru_cache(maxsize=1024)
def _rnti_plan(
    cell: Cell, n_cce: int, subframe: int, rnti: int, formats: tuple[DciFormat, ...], common_only: bool
) -> tuple[list[tuple[int, int, int]], conv.Candidates, dict[int, tuple[DciFormat, ...]]]:
    """First CCE, level and size to decode for an RNTI, the same for the kernel, and the formats of each size."""
    by_size: dict[int, tuple[DciFormat, ...]] = {}
    entries: list[tuple[int, int, int]] = []
    for fmt in formats:
        size = dci.size(cell, fmt)
        by_size[size] = (*by_size.get(size, ()), fmt)
        spaces = []
        if fmt in dci.COMMON_FORMATS:
            spaces.append(True)
        if not common_only and (fmt in _BOTH_SPACES or fmt not in dci.COMMON_FORMATS):
            spaces.append(False)
        for common in spaces:
            entries += [(first, level, size) for first, level in candidates(n_cce, rnti, subframe, common)]
    plan = _plan(entries)
    places = list(zip(plan.first.tolist(), plan.level.tolist(), plan.size.tolist(), strict=True))
    return places, conv.Candidates(plan.first, plan.level, plan.size + N_CRC, CCE_BITS), by_size


def _confidence(found: FoundDci) -> float:
    return found.confidence


def _format_of(choices: tuple[DciFormat, ...], first_bit: int) -> DciFormat | None:
    """Format of a message among those of its size: formats 0 and 1A begin with a flag (TS 36.212 5.3.3.1.1)."""
    flagged = DciFormat.FORMAT_1A if first_bit else DciFormat.FORMAT_0
    if flagged in choices:
        return flagged
    return next((fmt for fmt in choices if fmt not in _BOTH_SPACES), None)


def search_rnti(
    cell: Cell,
    subframe: int,
    control: Control,
    rnti: int,
    formats: Sequence[DciFormat | str] | None = None,
    *,
    common_only: bool | None = None,
    antenna_selection: bool = False,
    min_confidence: float = 0.0,
) -> list[FoundDci]:
    """Find the messages for one RNTI in its search spaces (TS 36.213 9.1.1).

    Args:
        cell: the cell.
        subframe: 0..9.
        control: soft bits of the subframe.
        rnti: 1..65535.
        formats: formats to look for; by default 1A and 1C for an SI-, P- or RA-RNTI, else 0, 1A and 1.
        common_only: look in the common search space only; by default so for an SI-, P- or RA-RNTI.
        antenna_selection: accept the CRC mask of UE antenna port 1 with format 0 (TS 36.212 Table 5.3.3.2-1).
        min_confidence: least ``FoundDci.confidence``. 0 discards half of the false alarms of the CRC and, at the SNR
            where one message in a hundred is lost, hardly any message.

    Returns:
        The messages, each once, the surest first. Their bits are not unpacked: ``dci.unpack`` may reject them.

    Raises:
        ValueError: RNTI, subframe or format that does not exist.
    """
    if not 1 <= rnti <= 0xFFFF:
        raise ValueError(f"RNTI {rnti} is outside 1..65535")
    broadcast = dci.is_broadcast(rnti)
    if formats is None:
        chosen: tuple[DciFormat, ...] = (DciFormat.FORMAT_1A, DciFormat.FORMAT_1C if broadcast else DciFormat.FORMAT_1)
        chosen = chosen if broadcast else (DciFormat.FORMAT_0, *chosen)
    else:
        chosen = tuple(DciFormat(fmt) for fmt in formats)
    only = broadcast if common_only is None else common_only
    places, candidates, by_size = _rnti_plan(cell, control.n_cce, subframe, rnti, chosen, only)
    decoded = candidates.find(control.llr, control.silent.view(np.uint8), rnti, rnti ^ 1 if antenna_selection else -1)
    if not decoded:
        return []
    hits = [Hit(*places[i], bits, mask, quality) for i, bits, mask, quality in decoded]
    found = []
    for hit, levels in distinct(control.llr, hits):
        fmt = _format_of(by_size[hit.size], hit.bits[0])
        result = _found(hit, levels, fmt, rnti)
        if fmt is None or (result.antenna_port and fmt is not DciFormat.FORMAT_0):
            continue
        if result.confidence >= min_confidence:
            found.append(result)
    return sorted(found, key=_confidence, reverse=True) if len(found) > 1 else found


def _allowed_levels(control: Control, rnti: int, first: int, levels: tuple[int, ...]) -> tuple[int, ...]:
    """Those of several levels at which the search spaces of the RNTI have a candidate with this first CCE."""
    if len(levels) == 1 or not rnti:
        return levels
    return tuple(l for l in levels if may_start_at(control.n_cce, rnti, control.subframe, first, l))


def search_all(
    cell: Cell,
    control: Control,
    sizes: Sequence[int],
    levels: Sequence[int] = AGGREGATION_LEVELS,
    *,
    min_confidence: float = 0.0,
) -> list[FoundDci]:
    """Decode every aligned candidate, whoever it may be for, and tell the RNTI that its CRC gives.

    Args:
        cell: the cell.
        control: soft bits of the subframe.
        sizes: payload bits without CRC.
        levels: aggregation levels.
        min_confidence: least ``FoundDci.confidence``.

    Returns:
        All candidates that may hold something, the surest first. Any bits give some RNTI, so the caller judges by
        ``confidence``, by the RNTI's place (``may_start_at``), and by whether the bits make a legal message.

    Raises:
        ValueError: an unknown aggregation level, or a size that the code does not have.
    """
    del cell  # the soft bits say it all; the argument keeps the face of the searches alike
    decoded = search(control, _aligned(control.n_cce, tuple(levels)), sizes)
    least = _least_quality(decoded, min_confidence)
    which = np.flatnonzero(decoded.quality >= least)
    columns = (decoded.first_cce, decoded.level, decoded.size, decoded.rnti, decoded.quality)
    firsts, level_of, size_of, masks, qualities = (column[which].tolist() for column in columns)
    rows = [decoded.bits[i, : size + N_CRC] for i, size in zip(which.tolist(), size_of, strict=True)]
    found = []
    for hit, levels_found in distinct(control.llr, list(map(Hit, firsts, level_of, size_of, rows, masks, qualities))):
        allowed = _allowed_levels(control, hit.mask, hit.first_cce, levels_found)
        found.append(_found(hit, allowed or (hit.level,)))
    return sorted(found, key=_confidence, reverse=True)
