"""Search spaces of the PDCCH: where the messages for an RNTI may stand (TS 36.213 9.1.1)."""

from functools import cache, lru_cache
from typing import Final

from picocell.phy.lte import dci
from picocell.phy.lte.tables import rows

AGGREGATION_LEVELS: Final = (1, 2, 4, 8)
"""CCEs of a PDCCH (TS 36.211 Table 6.8.1-1)."""

_Y_FACTOR: Final = 39827
_Y_MODULUS: Final = 65537

Candidate = tuple[int, int]
"""First CCE and aggregation level."""


@cache
def _space_sizes() -> dict[bool, tuple[tuple[int, int], ...]]:
    """``(level, candidates)`` of the UE-specific (False) and the common (True) search space."""
    text = next(row["values"] for row in rows("small_tables") if row["table"] == "9.1.1-1")
    spaces: dict[bool, list[tuple[int, int]]] = {False: [], True: []}
    for entry in text.split(";"):
        name, values = entry.strip().split(":")
        kind, level = name.split(" L=")
        spaces[kind == "common"].append((int(level), int(values.split(",")[1])))
    return {common: tuple(levels) for common, levels in spaces.items()}


@lru_cache(maxsize=4096)
def candidates(n_cce: int, rnti: int, subframe: int, common: bool) -> tuple[Candidate, ...]:
    """PDCCH candidates of a search space (TS 36.213 9.1.1).

    Args:
        n_cce: CCEs of the subframe, N_CCE,k.
        rnti: RNTI that places the UE-specific space, 1..65535; the common space ignores it.
        subframe: 0..9.
        common: the common search space, not the UE-specific one.

    Returns:
        ``(first_cce, level)`` without repetitions, in the order of level and candidate number.

    Raises:
        ValueError: RNTI or subframe out of range.
    """
    if not 0 <= subframe <= 9:
        raise ValueError(f"subframe {subframe} is outside 0..9")
    y = 0
    if not common:
        if not 1 <= rnti <= 0xFFFF:
            raise ValueError(f"RNTI {rnti} is outside 1..65535")
        y = rnti * pow(_Y_FACTOR, subframe + 1, _Y_MODULUS) % _Y_MODULUS
    found = [
        (level * ((y + m) % (n_cce // level)), level)
        for level, count in _space_sizes()[common]
        if n_cce >= level
        for m in range(count)
    ]
    return tuple(dict.fromkeys(found))


def may_start_at(n_cce: int, rnti: int, subframe: int, first_cce: int, level: int) -> bool:
    """Whether an RNTI's search spaces have a candidate there: broadcast RNTIs have the common space only.

    Raises:
        ValueError: RNTI or subframe out of range.
    """
    place = (first_cce, level)
    if place in candidates(n_cce, rnti, subframe, True):
        return True
    return not dci.is_broadcast(rnti) and place in candidates(n_cce, rnti, subframe, False)
