"""Which candidates of the PDCCH hold the same message: it often decodes from its first CCEs alone, from later ones, and
from twice its CCEs (TS 36.213 9.1.1)."""

from collections import defaultdict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from picocell.kernels import conv
from picocell.phy.lte.regs import CCE_BITS


class Hit(NamedTuple):
    """A candidate that may hold a message.

    Attributes:
        first_cce: its first CCE.
        level: aggregation level.
        size: payload bits without CRC.
        bits: uint8 ``(size + 16,)`` payload and CRC as decoded.
        mask: of the CRC.
        quality: part of the soft bits' weight that agrees with the message encoded again, 0..1.
    """

    first_cce: int
    level: int
    size: int
    bits: NDArray[np.uint8]
    mask: int
    quality: float


def _is_whole(soft: NDArray[np.int16], bits: NDArray[np.uint8]) -> bool:
    """Whether the second half of a candidate's CCEs carries the message as the first half does.

    If not, the message is of half the level or less, and the rest is another's, or silent.
    """
    if soft.size == CCE_BITS:
        return True
    first, second = conv.halves(soft, bits)
    return 2 * second >= first


def _resolve(llr: NDArray[np.int16], group: list[Hit]) -> list[Hit]:
    """Of candidates with the same message those that do not overlap, the highest level that is whole first."""
    rank = {}
    for i, hit in enumerate(group):
        soft = llr[hit.first_cce * CCE_BITS : (hit.first_cce + hit.level) * CCE_BITS]
        rank[i] = (_is_whole(soft, hit.bits), hit.level, hit.quality)
    chosen, taken = [], set[int]()
    for i in sorted(rank, key=rank.__getitem__, reverse=True):
        hit = group[i]
        cces = range(hit.first_cce, hit.first_cce + hit.level)
        if taken.isdisjoint(cces):
            taken.update(cces)
            chosen.append(hit)
    return chosen


def distinct(llr: NDArray[np.int16], hits: list[Hit]) -> list[tuple[Hit, tuple[int, ...]]]:
    """One candidate a message, and the levels at which its first CCE gave the same message.

    Args:
        llr: int16 ``(72 n_cce,)`` soft bits of the subframe's PDCCHs.
        hits: what was found in them.
    """
    if len(hits) == 1:
        return [(hits[0], (hits[0].level,))]
    groups: dict[tuple[int, bytes], list[Hit]] = defaultdict(list)
    for hit in hits:
        groups[hit.mask, hit.bits[: hit.size].tobytes()].append(hit)
    found = []
    for group in groups.values():
        for hit in _resolve(llr, group) if len(group) > 1 else group:
            levels = sorted(other.level for other in group if other.first_cce == hit.first_cce)
            found.append((hit, tuple(levels)))
    return found
