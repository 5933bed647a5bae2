"""Channel quality that a UE reports (TS 36.213 7.2)."""

from bisect import bisect_right
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.mac.dedicated_config import DedicatedConfig, UlControlDue, aperiodic_report
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.ul_periodicity import SubbandParts, aperiodic_subbands, cqi_periodicity, subband_parts

MAX_CQI: Final = 15

ESTIMATION_MARGIN_DB: Final = 1.0
"""What a receiver loses against the known channel of the measured thresholds, by its channel estimate."""

_WIDEBAND_BITS: Final = 4
_DIFFERENTIAL_BITS: Final = 2
_OUT_OF_RANGE_DB: Final = -50.0


@cache
def _table(name: str) -> tuple[tuple[str, ...], ...]:
    text = files(__package__).joinpath("data", f"{name}.csv").read_text(encoding="utf-8")
    return tuple(tuple(line.split(",")) for line in text.splitlines()[2:])


@cache
def thresholds_db() -> tuple[float, ...]:
    """Least SINR of CQI 1..15 in dB, for a block error rate of at most 10 %.

    Measured with this library's coder, modulator, demodulator and decoder in AWGN, and a margin for the channel
    estimate on top: 1.2 to 3.3 dB above Shannon's limit for the efficiency, and the margin.
    """
    return tuple(float(row[1]) + ESTIMATION_MARGIN_DB for row in _table("cqi_sinr"))


@cache
def efficiencies() -> tuple[float, ...]:
    """Information bits a resource element of CQI 0..15 (TS 36.213 Table 7.2.3-1); 0 is out of range."""
    return tuple(float(row[4]) if row[4] else 0.0 for row in _table("36213_7.2.3-1_cqi"))


def cqi_index(sinr_db: float) -> int:
    """CQI 0..15 of an SINR: the highest whose block error rate would be at most 10 % (TS 36.213 7.2.3)."""
    return bisect_right(thresholds_db(), sinr_db)


def differential(subband: int, wideband: int) -> int:
    """Two bits of a sub-band CQI relative to the wideband one (TS 36.213 Table 7.2.1-2)."""
    offset = subband - wideband
    if offset <= -1:
        return 3
    return min(offset, 2)


def bits(value: int, n: int) -> tuple[int, ...]:
    """A number as ``n`` bits, the first one most significant."""
    return tuple(value >> k & 1 for k in range(n - 1, -1, -1))


class ChannelQuality:
    """What a UE has measured of the downlink, and its reports about it.

    Args:
        cell: the cell.
    """

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._sinr_db = _OUT_OF_RANGE_DB
        self._prbs_db: NDArray[np.float64] | None = None

    @property
    def wideband(self) -> int:
        """CQI of the whole band."""
        return cqi_index(self._sinr_db)

    def measured(self, sinr_db: float, subband_sinr_db: NDArray[np.floating] | None = None) -> None:
        """A new measurement.

        Args:
            sinr_db: of the whole band.
            subband_sinr_db: real (n,), of n equal parts of the band in ascending frequency, such as resource blocks.
        """
        self._sinr_db = sinr_db
        self._prbs_db = None
        if subband_sinr_db is not None and len(subband_sinr_db):
            parts = np.asarray(subband_sinr_db, np.float64)
            n_prb = self._cell.n_prb
            self._prbs_db = parts[np.arange(n_prb) * len(parts) // n_prb]

    def periodic(self, config: DedicatedConfig, due: UlControlDue, tti: int) -> tuple[int, ...]:
        """Bits of the report that is due on the PUCCH: a rank indication, or CQI; none where nothing is due.

        The rank is always 1 and the precoding matrix the first one: other transmission is not supported.
        """
        if due.n_ri:
            return (0,) * due.n_ri
        if not due.n_cqi:
            return ()
        parts = subband_parts(self._cell.n_prb)
        if due.subband and parts is not None and config.cqi is not None and config.cqi.subband_k is not None:
            return self._best_subband(parts, config.cqi.config_index, config.cqi.subband_k, tti, due.n_cqi)
        return bits(self.wideband, _WIDEBAND_BITS) + (0,) * (due.n_cqi - _WIDEBAND_BITS)

    def aperiodic(self, config: DedicatedConfig) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
        """CQI and rank bits of a report of mode 3-0 (TS 36.212 5.2.2.6.2); None where the mode is not supported."""
        wanted = aperiodic_report(config, n_prb=self._cell.n_prb, n_ports=self._cell.n_ports)
        n_subbands = aperiodic_subbands(self._cell.n_prb)
        if wanted is None or n_subbands is None:
            return None
        wideband = self.wideband
        k = _aperiodic_subband_size(self._cell.n_prb)
        report = list(bits(wideband, _WIDEBAND_BITS))
        for subband in range(n_subbands):
            report += bits(differential(self._cqi_of(subband * k, k), wideband), _DIFFERENTIAL_BITS)
        return tuple(report), (0,) * wanted[1]

    def _cqi_of(self, first_prb: int, count: int) -> int:
        """CQI of some resource blocks."""
        if self._prbs_db is None:
            return self.wideband
        return cqi_index(float(np.mean(self._prbs_db[first_prb : first_prb + count])))

    def _best_subband(self, parts: SubbandParts, index: int, cycles: int, tti: int, n_bits: int) -> tuple[int, ...]:
        """CQI and label of the best sub-band of the bandwidth part whose turn it is (TS 36.213 7.2.2)."""
        turn = cqi_periodicity(index)
        part = ((tti - turn.offset) // turn.period % (parts.j * cycles + 1) - 1) % parts.j
        n_subbands = -(-self._cell.n_prb // parts.k)
        per_part = -(-n_subbands // parts.j)
        members = range(part * per_part, min((part + 1) * per_part, n_subbands))
        found = [self._cqi_of(subband * parts.k, parts.k) for subband in members]
        best = found.index(max(found))
        report = bits(found[best], _WIDEBAND_BITS) + bits(best, parts.label_bits)
        return (report + (0,) * n_bits)[:n_bits]


def _aperiodic_subband_size(n_prb: int) -> int:
    """Resource blocks of a sub-band of mode 3-0: the same sizes as those of periodic reports (Table 7.2.1-3)."""
    parts = subband_parts(n_prb)
    return parts.k if parts is not None else n_prb
