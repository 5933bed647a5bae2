"""Modulation order and transport block size of the PDSCH (TS 36.213 7.1.7), soft buffer size (TS 36.212 5.1.4.1.2)."""

from functools import cache
from typing import Final

from picocell.phy.lte.tables import rows

N_PRB_MAX: Final = 110
"""Columns of TS 36.213 Table 7.1.7.2.1-1."""

_MCS_TABLES: Final = {"64qam": "36213_7.1.7.1-1_pdsch_mcs", "256qam": "36213_7.1.7.1-1A_pdsch_mcs_256qam"}


@cache
def _mcs_table(name: str) -> tuple[tuple[int, int | None], ...]:
    if name not in _MCS_TABLES:
        raise ValueError(f"MCS table {name!r} does not exist: use one of {tuple(_MCS_TABLES)}")
    return tuple(
        (int(row["Q_m"]), None if row["I_TBS"] == "reserved" else int(row["I_TBS"])) for row in rows(_MCS_TABLES[name])
    )


def mcs(i_mcs: int, table: str = "64qam") -> tuple[int, int | None]:
    """Modulation order Q_m and TBS index of an MCS index (TS 36.213 Tables 7.1.7.1-1 and 7.1.7.1-1A).

    Args:
        i_mcs: 0..31.
        table: "64qam" or "256qam".

    Returns:
        (Q_m, I_TBS); I_TBS is None where only the modulation is given, for retransmissions.

    Raises:
        ValueError: an index or a table that does not exist.
    """
    entries = _mcs_table(table)
    if not 0 <= i_mcs < len(entries):
        raise ValueError(f"I_MCS {i_mcs} is outside 0..{len(entries) - 1}")
    return entries[i_mcs]


@cache
def _one_layer() -> tuple[tuple[int, ...], ...]:
    return tuple(
        tuple(int(row[str(n_prb)]) for n_prb in range(1, N_PRB_MAX + 1)) for row in rows("36213_7.1.7.2.1-1_tbs")
    )


@cache
def _two_layer() -> dict[int, int]:
    return {int(row["TBS_L1"]): int(row["TBS_L2"]) for row in rows("36213_7.1.7.2.2-1_tbs_two_layer")}


def tbs(i_tbs: int, n_prb: int, n_layers: int = 1) -> int:
    """Transport block size in bits (TS 36.213 7.1.7.2.1, 7.1.7.2.2).

    Args:
        i_tbs: TBS index 0..33.
        n_prb: allocated resource blocks 1..110.
        n_layers: layers that the transport block is mapped onto, 1 or 2.

    Raises:
        ValueError: an index, a number of blocks or of layers that the tables do not have.
    """
    table = _one_layer()
    if not 0 <= i_tbs < len(table):
        raise ValueError(f"I_TBS {i_tbs} is outside 0..{len(table) - 1}")
    if not 1 <= n_prb <= N_PRB_MAX:
        raise ValueError(f"N_PRB {n_prb} is outside 1..{N_PRB_MAX}")
    if n_layers == 1:
        return table[i_tbs][n_prb - 1]
    if n_layers != 2:
        raise ValueError(f"a transport block on {n_layers} layers is not supported: use 1 or 2")
    if 2 * n_prb <= N_PRB_MAX:
        return table[i_tbs][2 * n_prb - 1]
    one_layer = table[i_tbs][n_prb - 1]
    if one_layer not in _two_layer():
        raise ValueError(f"I_TBS {i_tbs} with N_PRB {n_prb} has no two-layer size")
    return _two_layer()[one_layer]


@cache
def _format_1c() -> tuple[int, ...]:
    return tuple(int(row["TBS"]) for row in rows("36213_7.1.7.2.3-1_tbs_1c"))


def tbs_1c(i_mcs: int) -> int:
    """Transport block size of format 1C (TS 36.213 Table 7.1.7.2.3-1; I_TBS = I_MCS).

    Raises:
        ValueError: an index outside 0..31.
    """
    table = _format_1c()
    if not 0 <= i_mcs < len(table):
        raise ValueError(f"I_MCS {i_mcs} is outside 0..{len(table) - 1} of format 1C")
    return table[i_mcs]


def tbs_1a_common(i_mcs: int, n_prb_1a: int) -> int:
    """Transport block size of format 1A for SI-RNTI, P-RNTI or RA-RNTI (TS 36.213 7.1.7.2: I_TBS = I_MCS).

    Args:
        i_mcs: MCS field 0..26; the 64QAM table's indices end there.
        n_prb_1a: N_PRB^1A, 2 or 3 by the least significant bit of the TPC field.

    Raises:
        ValueError: any other value.
    """
    if n_prb_1a not in (2, 3):
        raise ValueError(f"N_PRB^1A {n_prb_1a} is not allowed: use 2 or 3")
    if not 0 <= i_mcs <= 26:
        raise ValueError(f"I_MCS {i_mcs} of a common format 1A is outside 0..26")
    return tbs(i_mcs, n_prb_1a)


@cache
def soft_buffer_bits(ue_category: int, n_harq: int = 8, spatial_multiplexing: bool = False) -> int:
    """Soft buffer of one transport block N_IR in bits (TS 36.212 5.1.4.1.2, K_C = 1).

    Args:
        ue_category: 1..5 (TS 36.306 Table 4.1-1); the later ones have other K_C.
        n_harq: HARQ processes M_DL_HARQ of the duplex mode; more than 8 count as 8 (M_limit).
        spatial_multiplexing: K_MIMO = 2, for transmission modes 3, 4, 8 and 9.

    Raises:
        ValueError: an unknown category or a number of processes below 1.
    """
    soft_bits = {int(row["category"]): int(row["soft_bits"]) for row in rows("36306_4.1_ue_category")}
    if not 1 <= ue_category <= 5:
        raise ValueError(f"UE category {ue_category} is outside 1..5")
    if n_harq < 1:
        raise ValueError(f"n_harq {n_harq} is below 1")
    return soft_bits[ue_category] // ((2 if spatial_multiplexing else 1) * min(n_harq, 8))
