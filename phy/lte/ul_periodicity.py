"""When a UE may ask for a grant, reports the channel, or sounds it, in FDD (TS 36.213 7.2.2, 8.2, 10.1.5).

Each configuration index stands for a period N and an offset; the UE's turn comes in the subframes with
(10 n_f + floor(n_s / 2) - offset) mod N = 0. That sum is the ``tti`` (10 SFN + subframe) here.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

from picocell.phy.lte.tables import rows

_SR: Final = "10.1.5-1"
_CQI: Final = "7.2.2-1A"
_RI: Final = "7.2.2-1B"
_SRS: Final = "8.2-1"


@dataclass(frozen=True, slots=True)
class Periodicity:
    """A period and an offset.

    Attributes:
        period: subframes from turn to turn; for rank indications, channel reports from turn to turn (M_RI).
        offset: subframe of the first turn in the period; for rank indications it is 0 or negative.
    """

    period: int
    offset: int

    def due(self, tti: int) -> bool:
        """Whether it is the UE's turn in a subframe."""
        return (tti - self.offset) % self.period == 0


def sr_periodicity(i_sr: int) -> Periodicity:
    """SR_PERIODICITY and N_OFFSET,SR of sr-ConfigIndex 0..157 (Table 10.1.5-1).

    Raises:
        ValueError: an index that the table does not have.
    """
    return _lookup(_SR, "sr-ConfigIndex", i_sr)


def cqi_periodicity(i_cqi_pmi: int) -> Periodicity:
    """N_pd and N_OFFSET,CQI of cqi-pmi-ConfigIndex 0..316, 318..541 (Table 7.2.2-1A).

    Raises:
        ValueError: an index that the table does not have.
    """
    return _lookup(_CQI, "cqi-pmi-ConfigIndex", i_cqi_pmi)


def srs_periodicity(i_srs: int) -> Periodicity:
    """T_SRS and T_offset of srs-ConfigIndex 0..636 (Table 8.2-1).

    Raises:
        ValueError: an index that the table does not have.
    """
    return _lookup(_SRS, "srs-ConfigIndex", i_srs)


def ri_periodicity(i_ri: int) -> Periodicity:
    """M_RI and N_OFFSET,RI (0 or negative) of ri-ConfigIndex 0..965 (Table 7.2.2-1B).

    Raises:
        ValueError: an index that the table does not have.
    """
    found = _lookup(_RI, "ri-ConfigIndex", i_ri)
    return Periodicity(found.period, -found.offset)


def sr_subframe(i_sr: int, tti: int) -> bool:
    """Whether a scheduling request may be sent (10.1.5).

    Args:
        i_sr: sr-ConfigIndex.
        tti: 10 SFN + subframe.

    Raises:
        ValueError: an index that the table does not have.
    """
    return sr_periodicity(i_sr).due(tti)


def cqi_subframe(i_cqi_pmi: int, tti: int) -> bool:
    """Whether a periodic CQI/PMI report is due, wideband or sub-band (7.2.2).

    Args:
        i_cqi_pmi: cqi-pmi-ConfigIndex.
        tti: 10 SFN + subframe.

    Raises:
        ValueError: an index that the table does not have.
    """
    return cqi_periodicity(i_cqi_pmi).due(tti)


def subband_instance(i_cqi_pmi: int, tti: int, cycle: int) -> int:
    """Number of a CQI report in a cycle of one wideband and J K sub-band reports: 0 is the wideband one (7.2.2).

    Args:
        i_cqi_pmi: cqi-pmi-ConfigIndex.
        tti: 10 SFN + subframe of a report.
        cycle: H = J K + 1 reports.

    Raises:
        ValueError: an index that the table does not have.
    """
    found = cqi_periodicity(i_cqi_pmi)
    return (tti - found.offset) // found.period % cycle


def ri_subframe(i_ri: int, i_cqi_pmi: int, tti: int, cycle: int = 1) -> bool:
    """Whether a periodic rank indication is due; it takes the place of a CQI report (7.2.2).

    Args:
        i_ri: ri-ConfigIndex.
        i_cqi_pmi: cqi-pmi-ConfigIndex.
        tti: 10 SFN + subframe.
        cycle: H = J K + 1 where sub-band reports are configured, 1 where not.

    Raises:
        ValueError: an index that its table does not have.
    """
    cqi, ri = cqi_periodicity(i_cqi_pmi), ri_periodicity(i_ri)
    return (tti - cqi.offset - ri.offset) % (cycle * cqi.period * ri.period) == 0


def srs_subframe(i_srs: int, tti: int) -> bool:
    """Whether the UE sounds the channel (8.2).

    Args:
        i_srs: srs-ConfigIndex.
        tti: 10 SFN + subframe.

    Raises:
        ValueError: an index that the table does not have.
    """
    return srs_periodicity(i_srs).due(tti)


@dataclass(frozen=True, slots=True)
class SubbandParts:
    """How periodic sub-band reports divide the downlink band (Table 7.2.2-2).

    Attributes:
        k: resource blocks of a sub-band.
        j: bandwidth parts J.
        label_bits: L, bits that name a sub-band in its bandwidth part.
    """

    k: int
    j: int
    label_bits: int


@cache
def aperiodic_subbands(n_prb: int) -> int | None:
    """Sub-bands N of a report with higher layer-configured sub-bands (Table 7.2.1-3); None where there are none."""
    text = next(row["values"] for row in rows("small_tables") if row["table"] == "7.2.1-3")
    for entry in text.split(";"):
        bandwidths, size = entry.strip().split(":")
        first, last = (int(bound) for bound in bandwidths.split("-"))
        if first <= n_prb <= last and size != "N/A":
            return -(-n_prb // int(size))
    return None


@cache
def subband_parts(n_prb: int) -> SubbandParts | None:
    """Sub-bands of a downlink bandwidth in resource blocks; None for 6 and 7, which have no sub-band reports."""
    text = next(row["values"] for row in rows("small_tables") if row["table"] == "7.2.2-2")
    for entry in text.split(";"):
        bandwidths, values = entry.strip().split(":")
        first, last = (int(bound) for bound in bandwidths.split("-"))
        if first <= n_prb <= last and "," in values:
            k, j = (int(value) for value in values.split(","))
            n_subbands = -(-n_prb // (k * j))
            return SubbandParts(k, j, (n_subbands - 1).bit_length())
    return None


@cache
def _table(table: str) -> tuple[tuple[int, int, int, int], ...]:
    """First index, last index, period and the number to subtract for the offset."""
    return tuple(
        (int(row["I_first"]), int(row["I_last"]), int(row["period_ms"]), int(row["subtract"]))
        for row in rows("36213_periodicity_tables")
        if row["table"] == table
    )


@cache
def _lookup(table: str, name: str, index: int) -> Periodicity:
    for first, last, period, subtract in _table(table):
        if first <= index <= last:
            return Periodicity(period, index - subtract)
    allowed = ", ".join(f"{first}..{last}" for first, last, _, _ in _table(table))
    raise ValueError(f"{name} {index} is not in TS 36.213 Table {table}: use one of {allowed}")
