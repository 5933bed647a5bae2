"""Link adaptation: from CQI or SNR to a transport format, corrected by an outer loop (TS 36.213 7.1.7, 7.2.3, 8.6)."""

from bisect import bisect_right
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from math import log2, log10
from typing import Final

from picocell.phy.lte import tbs
from picocell.phy.lte.ul_grant import mcs as ul_mcs_row

_SHARE: Final = 0.75
"""Share of the Shannon capacity that the codes reach; the outer loop corrects it."""

_DL_LAST_MCS: Final = 28
_UL_LAST_MCS: Final = 28
_CRC_BITS: Final = 24
MAX_CQI: Final = 15


def efficiency(snr_db: float) -> float:
    """Bits a resource element at an SNR."""
    return _SHARE * log2(1 + 10 ** (snr_db / 10))


def snr_of_efficiency(bits_per_re: float) -> float:
    """SNR in dB at which `efficiency` has a value."""
    return float(10 * log10(2 ** (bits_per_re / _SHARE) - 1))


@cache
def _cqi_table() -> tuple[float, ...]:
    text = files(__package__).joinpath("data", "36213_7.2.3-1_cqi.csv").read_text(encoding="utf-8")
    lines = [line.split(",") for line in text.splitlines()[2:] if line]
    return tuple(float(line[4]) if line[4] else 0.0 for line in lines)


def cqi_efficiency(cqi: int) -> float:
    """Bits a resource element of CQI 0..15; 0 for 0, out of range (TS 36.213 Table 7.2.3-1).

    Raises:
        ValueError: another CQI.
    """
    if not 0 <= cqi <= MAX_CQI:
        raise ValueError(f"CQI {cqi} is outside 0..{MAX_CQI}")
    return _cqi_table()[cqi]


@cache
def cqi_snr_db(cqi: int) -> float:
    """SNR in dB that stands for a CQI; CQI 0 counts as 3 dB below CQI 1.

    Raises:
        ValueError: no such CQI.
    """
    if cqi == 0:
        return cqi_snr_db(1) - 3
    return snr_of_efficiency(cqi_efficiency(cqi))


class OuterLoop:
    """Offset in dB that makes first transmissions fail at a given rate.

    An error lowers it by a step, a success raises it by so much less that both balance at the rate.

    Attributes:
        offset_db: to add to the SNR.
    """

    LIMIT_DB: Final = 20.0

    def __init__(self, bler: float = 0.1, step_db: float = 0.5) -> None:
        if not 0 < bler < 1:
            raise ValueError(f"block error rate {bler} is outside 0..1")
        self.offset_db = 0.0
        self._down = step_db
        self._up = step_db * bler / (1 - bler)

    def feedback(self, ok: bool, at_limit: bool = True) -> None:
        """A first transmission has been answered.

        Args:
            ok: whether it was received.
            at_limit: the loop chose its rate; a success below the rate it allowed says nothing.
        """
        if not ok:
            self.offset_db = max(self.offset_db - self._down, -self.LIMIT_DB)
        elif at_limit:
            self.offset_db = min(self.offset_db + self._up, self.LIMIT_DB)


@dataclass(frozen=True, slots=True)
class Format:
    """A transport format.

    Attributes:
        mcs: I_MCS.
        q_m: bits a modulation symbol.
        tbs: transport block size in bits.
        at_limit: the link allows no more; False where less data or the table's end chose it.
    """

    mcs: int
    q_m: int
    tbs: int
    at_limit: bool


@lru_cache(maxsize=256)
def _dl_sizes(n_prb: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Transport block sizes and modulation orders of MCS 0..28."""
    rows = [tbs.mcs(mcs) for mcs in range(_DL_LAST_MCS + 1)]
    return tuple(tbs.tbs(i_tbs, n_prb) for _, i_tbs in rows if i_tbs is not None), tuple(q_m for q_m, _ in rows)


@lru_cache(maxsize=512)
def _ul_sizes(n_prb: int, allow_64qam: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    rows = [ul_mcs_row(mcs, allow_64qam) for mcs in range(_UL_LAST_MCS + 1)]
    return tuple(tbs.tbs(i_tbs, n_prb) for _, i_tbs in rows), tuple(q_m for q_m, _ in rows)


@lru_cache(maxsize=4096)
def _allowed(n_prb: int, n_re: int, kind: str, max_rate: float, max_tbs: int) -> tuple[int, ...]:
    """MCSs whose code rate and size are allowed, ascending; 0 where none is."""
    sizes, orders = _dl_sizes(n_prb) if kind == "dl" else _ul_sizes(n_prb, kind == "ul64")
    found = tuple(
        mcs
        for mcs, (size, q_m) in enumerate(zip(sizes, orders, strict=True))
        if size + _CRC_BITS <= max_rate * n_re * q_m and size <= max_tbs
    )
    return found or (0,)


def _choose(
    sizes: tuple[int, ...], orders: tuple[int, ...], limit_bits: float, allowed: tuple[int, ...], wanted: int | None
) -> Format:
    by_link = max(bisect_right(sizes, limit_bits) - 1, 0)
    at = max(bisect_right(allowed, by_link) - 1, 0)
    mcs = allowed[at]
    if wanted is not None and sizes[mcs] > wanted:
        for lower in allowed[:at]:
            if sizes[lower] >= wanted:
                return Format(lower, orders[lower], sizes[lower], False)
    return Format(mcs, orders[mcs], sizes[mcs], by_link <= allowed[-1] and by_link < len(sizes) - 1)


def downlink_format(
    n_prb: int,
    n_re: int,
    snr_db: float,
    *,
    wanted_bits: int | None = None,
    max_rate: float = 0.92,
    max_tbs: int = 75376,
) -> Format:
    """Format of a PDSCH: the highest rate that the SNR and the code rate allow, less where less is wanted.

    Args:
        n_prb: resource blocks.
        n_re: resource elements in them.
        snr_db: by `cqi_snr_db` and the outer loop.
        wanted_bits: the smallest block that holds them is chosen; None for as many as possible.
        max_rate: largest code rate.
        max_tbs: largest transport block in bits.
    """
    sizes, orders = _dl_sizes(n_prb)
    allowed = _allowed(n_prb, n_re, "dl", max_rate, max_tbs)
    return _choose(sizes, orders, efficiency(snr_db) * n_re, allowed, wanted_bits)


def uplink_format(
    n_prb: int,
    n_re: int,
    snr_db: float,
    *,
    allow_64qam: bool = False,
    wanted_bits: int | None = None,
    max_rate: float = 0.92,
    max_tbs: int = 51024,
) -> Format:
    """Format of a PUSCH, as `downlink_format`; without 64QAM the upper MCSs are sent as 16QAM (TS 36.213 8.6.1)."""
    sizes, orders = _ul_sizes(n_prb, allow_64qam)
    allowed = _allowed(n_prb, n_re, "ul64" if allow_64qam else "ul", max_rate, max_tbs)
    return _choose(sizes, orders, efficiency(snr_db) * n_re, allowed, wanted_bits)


_LEVEL_SNR_DB: Final = ((1, 8.0), (2, 4.0), (4, 0.5))
"""SNR from which a DCI is sent on so few CCEs; below the last on 8."""


def aggregation_level(snr_db: float) -> int:
    """CCEs of a DCI at an SNR."""
    return next((level for level, least in _LEVEL_SNR_DB if snr_db >= least), 8)
