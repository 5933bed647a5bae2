"""Frame structure: sample rates, symbol lengths, which subframes carry what (TS 36.211 4, 6.12)."""

from enum import StrEnum
from functools import cache
from typing import Final

from picocell.phy.lte.cell import BANDWIDTHS, Cell, CyclicPrefix, Duplex
from picocell.phy.lte.tables import rows

SUBCARRIER_SPACING: Final = 15_000
"""Hz (TS 36.211 6.12)."""

SFN_MODULO: Final = 1024
TTI_MODULO: Final = 10 * SFN_MODULO
"""A TTI is numbered 10 SFN + subframe."""

_STANDARD_FFT: Final = dict(zip(BANDWIDTHS, (128, 256, 512, 1024, 1536, 2048), strict=True))
_SHORTENED_FFT: Final = dict(zip(BANDWIDTHS, (128, 256, 384, 768, 1024, 1536), strict=True))


class SubframeKind(StrEnum):
    """Direction of a subframe."""

    DOWNLINK = "D"
    UPLINK = "U"
    SPECIAL = "S"


def fft_size(n_prb: int, shortened: bool = False) -> int:
    """FFT size for a bandwidth at the standard or the shortened (three quarter) sample rate.

    Raises:
        ValueError: no LTE bandwidth.
    """
    if n_prb not in BANDWIDTHS:
        raise ValueError(f"n_prb {n_prb} is no LTE bandwidth: use one of {BANDWIDTHS}")
    return (_SHORTENED_FFT if shortened else _STANDARD_FFT)[n_prb]


def sample_rate(n_prb: int, shortened: bool = False) -> int:
    """Samples per second for a bandwidth: 1.92 to 30.72 Msps, shortened 5.76 to 23.04 Msps from 25 PRB on."""
    return fft_size(n_prb, shortened) * SUBCARRIER_SPACING


@cache
def cp_lengths(fft: int, cp: CyclicPrefix) -> tuple[int, ...]:
    """Cyclic prefix of each symbol of one slot in samples (TS 36.211 Table 6.12-1, scaled by fft / 2048).

    Raises:
        ValueError: an FFT size at which the prefixes are no whole numbers of samples.
    """
    if fft % 128:
        raise ValueError(f"FFT size {fft} is not allowed: it must be a multiple of 128")
    if cp is CyclicPrefix.NORMAL:
        return (160 * fft // 2048, *(6 * [144 * fft // 2048]))
    return tuple(6 * [512 * fft // 2048])


@cache
def symbol_starts(fft: int, cp: CyclicPrefix) -> tuple[int, ...]:
    """First sample (of the cyclic prefix) of each symbol of a subframe, and last the subframe's length."""
    starts = [0]
    for length in 2 * cp_lengths(fft, cp):
        starts.append(starts[-1] + length + fft)
    return tuple(starts)


def subframe_kind(cell: Cell, subframe: int) -> SubframeKind:
    """Direction of subframe 0..9 (TS 36.211 Table 4.2-2 for TDD; all downlink on an FDD downlink carrier)."""
    if cell.duplex is Duplex.FDD:
        return SubframeKind.DOWNLINK
    return SubframeKind(rows("36211_4.2-2_tdd_config")[cell.tdd_config][f"sf{subframe}"])


def has_pss(cell: Cell, subframe: int) -> bool:
    """Whether a primary synchronisation signal is in this subframe (TS 36.211 6.11.1.2)."""
    return subframe in ((0, 5) if cell.duplex is Duplex.FDD else (1, 6))


def has_sss(subframe: int) -> bool:
    """Whether a secondary synchronisation signal is in this subframe (TS 36.211 6.11.2.2)."""
    return subframe in (0, 5)


def pss_symbol(cell: Cell) -> int:
    """Symbol of the subframe that carries the PSS: last of slot 0 (FDD), third of the subframe (TDD)."""
    return cell.n_symb_slot - 1 if cell.duplex is Duplex.FDD else 2


def sss_symbol(cell: Cell) -> int:
    """Symbol of the subframe that carries the SSS: last but one of slot 0 (FDD), last of slot 1 (TDD)."""
    return cell.n_symb_slot - 2 if cell.duplex is Duplex.FDD else cell.n_symb - 1
