"""What an uplink grant asks to be sent on the PUSCH (TS 36.213 6.2, 8.1, 8.4, 8.6; TS 36.211 5.3.4)."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Final, Protocol

from picocell.phy.lte.cell import Cell, Duplex
from picocell.phy.lte.dci import Dci0
from picocell.phy.lte.dci_sizes import n_hopping_bits, riv_width
from picocell.phy.lte.tables import rows
from picocell.phy.lte.tbs import tbs as transport_block_size
from picocell.phy.lte.ul_hopping import Assignment, assignment, check_n_prb, prb_start
from picocell.phy.lte.uplink_config import UplinkConfig

RV_SEQUENCE: Final = (0, 2, 3, 1)
"""Redundancy versions of successive transmissions (TS 36.321 5.4.2.2)."""

RAR_ASSIGNMENT_BITS: Final = 10
"""Fixed size resource block assignment of a random access response (TS 36.213 6.2)."""

_LAST_MCS: Final = 28
_CQI_ONLY_N_PRB: Final = 4
_LARGEST_RAR_N_PRB: Final = 44


@dataclass(frozen=True, slots=True)
class PuschUci:
    """Uplink control information on a PUSCH: numbers of bits and beta offset indices.

    Attributes:
        n_ack: HARQ-ACK bits, 0..11.
        n_ri: rank indication bits, 0..11.
        n_cqi: bits of the CQI/PMI report for rank 1, 0 without a report.
        n_cqi_higher_rank: bits of the report where the RI tells a higher rank; None for the same.
        beta_ack: I_offset^HARQ-ACK (TS 36.213 Table 8.6.3-1).
        beta_ri: I_offset^RI (Table 8.6.3-2).
        beta_cqi: I_offset^CQI (Table 8.6.3-3).
    """

    n_ack: int = 0
    n_ri: int = 0
    n_cqi: int = 0
    n_cqi_higher_rank: int | None = None
    beta_ack: int = 10
    beta_ri: int = 12
    beta_cqi: int = 15

    def __post_init__(self) -> None:
        for name, value in (("n_ack", self.n_ack), ("n_ri", self.n_ri)):
            if not 0 <= value <= 11:
                raise ValueError(f"{name} {value} is outside 0..11")
        if self.n_cqi < 0 or (self.n_cqi_higher_rank or 0) < 0:
            raise ValueError("the number of CQI bits is negative")

    def __bool__(self) -> bool:
        return bool(self.n_ack or self.n_ri or self.n_cqi)


@dataclass(frozen=True, slots=True)
class PuschGrant:
    """One PUSCH of one UE in one subframe.

    Attributes:
        rnti: RNTI that scrambles it.
        prb_start: first physical resource block in slot 0 and in slot 1.
        n_prb: contiguous resource blocks, 2^a 3^b 5^c.
        q_m: bits per modulation symbol 2, 4 or 6.
        tbs: transport block size in bits; 0 for control information only.
        rv: redundancy version 0..3.
        cyclic_shift: cyclic shift for DM-RS field 0..7.
        uci: control information on it.
        harq_process: HARQ process number.
        ndi: new data indicator.
        srs_symbol: the last symbol is left to sounding.
        initial_n_prb: resource blocks of the transport block's initial transmission, for the share of control
            information (TS 36.212 5.2.2.6); None for ``n_prb``.
        initial_n_symb: data symbols of the initial transmission; None for those of this one.
        assignment: resource blocks before hopping, for retransmissions without a grant; None if unknown.
    """

    rnti: int
    prb_start: tuple[int, int]
    n_prb: int
    q_m: int
    tbs: int
    rv: int = 0
    cyclic_shift: int = 0
    uci: PuschUci = PuschUci()
    harq_process: int = 0
    ndi: int = 0
    srs_symbol: bool = False
    initial_n_prb: int | None = None
    initial_n_symb: int | None = None
    assignment: Assignment | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.rnti <= 0xFFFF:
            raise ValueError(f"rnti {self.rnti} is outside 0..65535")
        if min(self.prb_start) < 0:
            raise ValueError(f"prb_start {self.prb_start} is negative")
        check_n_prb(self.n_prb)
        if self.q_m not in (2, 4, 6):
            raise ValueError(f"q_m {self.q_m} is not allowed: use 2, 4 or 6")
        if self.tbs < 0 or self.tbs % 8:
            raise ValueError(f"tbs {self.tbs} is neither 0 nor a positive multiple of 8")
        if not 0 <= self.rv <= 3:
            raise ValueError(f"rv {self.rv} is outside 0..3")
        if not 0 <= self.cyclic_shift <= 7:
            raise ValueError(f"cyclic_shift {self.cyclic_shift} is outside 0..7")


class RarGrantFields(Protocol):
    """What :func:`from_rar` reads of a random access response grant."""

    @property
    def hopping(self) -> bool:
        """Hopping flag."""

    @property
    def rb_assignment(self) -> int:
        """Fixed size resource block assignment, 10 bits."""

    @property
    def mcs(self) -> int:
        """Truncated MCS, 4 bits."""


@cache
def _betas() -> tuple[dict[str, float], ...]:
    return tuple(
        {name: float(value) for name, value in row.items() if value != "reserved"}
        for row in rows("36213_8.6.3_beta_offsets")
    )


@cache
def beta_offset(kind: str, index: int) -> float:
    """beta_offset^PUSCH of an index (TS 36.213 Tables 8.6.3-1 to 8.6.3-3).

    Args:
        kind: "harq_ack", "ri" or "cqi".
        index: I_offset 0..15.

    Raises:
        ValueError: a kind that does not exist, or a reserved index.
    """
    column = f"beta_{kind}"
    allowed = [i for i, row in enumerate(_betas()) if column in row]
    if index not in allowed:
        raise ValueError(f"beta offset index {index} of {kind} is reserved: use one of {allowed}")
    return _betas()[index][column]


@cache
def _mcs_rows() -> tuple[tuple[int, int, int], ...]:
    """(Q_m', I_TBS, rv_idx) of each I_MCS (TS 36.213 Table 8.6.1-1); 29..31 give the redundancy version only."""
    return tuple(
        (0, 0, int(row["rv_idx"]))
        if row["Q_m"] == "reserved"
        else (int(row["Q_m"]), int(row["I_TBS"]), int(row["rv_idx"]))
        for row in rows("36213_8.6.1-1_pusch_mcs")
    )


def mcs(i_mcs: int, allow_64qam: bool = False) -> tuple[int, int]:
    """Modulation order Q_m and TBS index of I_MCS 0..28 (TS 36.213 8.6.1); without 64QAM, Q_m is at most 4.

    Raises:
        ValueError: another index.
    """
    if not 0 <= i_mcs <= _LAST_MCS:
        raise ValueError(f"I_MCS {i_mcs} gives no modulation: it is outside 0..{_LAST_MCS}")
    q_m, i_tbs, _ = _mcs_rows()[i_mcs]
    return (q_m if allow_64qam else min(q_m, 4)), i_tbs


def from_dci0(
    cell: Cell,
    ul: UplinkConfig,
    tti: int,
    rnti: int,
    dci: Dci0,
    *,
    ue_64qam: bool = True,
    previous: PuschGrant | None = None,
    transmission: int = 0,
    uci: PuschUci = PuschUci(),
    srs_symbol: bool = False,
    harq_process: int | None = None,
) -> PuschGrant:
    """Grant of a DCI format 0.

    Args:
        cell: the cell.
        ul: its uplink.
        tti: 10 SFN + subframe of the PUSCH, not of the DCI.
        rnti: RNTI that the DCI's CRC carries.
        dci: the DCI.
        ue_64qam: whether the UE can send 64QAM; the cell must allow it as well.
        previous: the process's last grant; needed by I_MCS 29..31.
        transmission: CURRENT_TX_NB, 0 for a new transport block.
        uci: control information that goes with it.
        srs_symbol: the last symbol is left to sounding.
        harq_process: number of the process; None for that of FDD's synchronous HARQ.

    Raises:
        ValueError: a DCI that is not legal here; the message says why.
    """
    wanted = assignment(ul, dci.riv, bool(dci.hopping))
    retransmits = previous is not None and previous.tbs > 0 and previous.ndi == dci.ndi
    if not 0 <= dci.mcs < len(_mcs_rows()):
        raise ValueError(f"I_MCS {dci.mcs} is outside 0..{len(_mcs_rows()) - 1}")
    rv = _mcs_rows()[dci.mcs][2]
    if dci.mcs <= _LAST_MCS:
        q_m, i_tbs = mcs(dci.mcs, ue_64qam and ul.pusch.enable_64qam)
        size = transport_block_size(i_tbs, wanted.n_prb)
        retransmits = retransmits and previous is not None and previous.tbs == size
    elif dci.mcs == _LAST_MCS + 1 and dci.cqi_request and wanted.n_prb <= _CQI_ONLY_N_PRB:
        q_m, size, retransmits = 2, 0, False
    else:
        if previous is None or previous.tbs == 0:
            raise ValueError(f"I_MCS {dci.mcs} retransmits, but no earlier grant gave a transport block")
        q_m, size, retransmits = previous.q_m, previous.tbs, True
    return PuschGrant(
        rnti=rnti,
        prb_start=prb_start(cell, ul, tti, wanted, transmission),
        n_prb=wanted.n_prb,
        q_m=q_m,
        tbs=size,
        rv=rv,
        cyclic_shift=dci.cyclic_shift,
        uci=uci,
        harq_process=_process(cell, tti, harq_process),
        ndi=dci.ndi,
        srs_symbol=srs_symbol,
        initial_n_prb=_initial_n_prb(previous) if retransmits else wanted.n_prb,
        initial_n_symb=_initial_n_symb(ul, previous) if retransmits else n_data_symbols(ul, srs_symbol),
        assignment=wanted,
    )


def from_rar(
    cell: Cell, ul: UplinkConfig, tti: int, rnti: int, grant: RarGrantFields, *, srs_symbol: bool = False
) -> PuschGrant:
    """Grant of a random access response, for message 3 (TS 36.213 6.2).

    Args:
        cell: the cell.
        ul: its uplink.
        tti: 10 SFN + subframe of the PUSCH: in FDD 6 subframes after the response, 7 with the UL delay field set.
        rnti: temporary C-RNTI.
        grant: the response's grant.
        srs_symbol: the last symbol is left to sounding.

    Raises:
        ValueError: a grant that is not legal here.
    """
    if not 0 <= grant.rb_assignment < 1 << RAR_ASSIGNMENT_BITS:
        raise ValueError(f"resource block assignment {grant.rb_assignment} has more than {RAR_ASSIGNMENT_BITS} bits")
    if not 0 <= grant.mcs <= 15:
        raise ValueError(f"truncated MCS {grant.mcs} is outside 0..15")
    riv, width = grant.rb_assignment, riv_width(ul.n_prb)
    if ul.n_prb <= _LARGEST_RAR_N_PRB:
        riv &= (1 << width) - 1
    elif grant.hopping:
        # Zeros go in after the hopping bits, which stay in front.
        left = RAR_ASSIGNMENT_BITS - n_hopping_bits(ul.n_prb)
        riv = riv >> left << (width - n_hopping_bits(ul.n_prb)) | riv & ((1 << left) - 1)
    wanted = assignment(ul, riv, grant.hopping)
    q_m, i_tbs = mcs(grant.mcs)
    return PuschGrant(
        rnti=rnti,
        prb_start=prb_start(cell, ul, tti, wanted),
        n_prb=wanted.n_prb,
        q_m=q_m,
        tbs=transport_block_size(i_tbs, wanted.n_prb),
        harq_process=_process(cell, tti, None),
        srs_symbol=srs_symbol,
        initial_n_prb=wanted.n_prb,
        initial_n_symb=n_data_symbols(ul, srs_symbol),
        assignment=wanted,
    )


def retransmission(
    cell: Cell,
    ul: UplinkConfig,
    tti: int,
    previous: PuschGrant,
    transmission: int,
    *,
    uci: PuschUci = PuschUci(),
    srs_symbol: bool = False,
) -> PuschGrant:
    """Grant of a non-adaptive retransmission, which a NACK on the PHICH asks for (TS 36.213 8.4, TS 36.321 5.4.2.2).

    Args:
        cell: the cell.
        ul: its uplink.
        tti: 10 SFN + subframe of the retransmission.
        previous: the last transmission.
        transmission: CURRENT_TX_NB, 1 for the first retransmission.
        uci: control information that goes with it.
        srs_symbol: the last symbol is left to sounding.

    Raises:
        ValueError: nothing to retransmit, or a hopping that leads out of the bandwidth.
    """
    if not previous.tbs:
        raise ValueError("a PUSCH without a transport block is not retransmitted")
    starts = previous.prb_start
    if previous.assignment is not None:
        starts = prb_start(cell, ul, tti, previous.assignment, transmission)
    return replace(
        previous,
        prb_start=starts,
        rv=RV_SEQUENCE[(RV_SEQUENCE.index(previous.rv) + 1) % 4],
        uci=uci,
        srs_symbol=srs_symbol,
        initial_n_prb=_initial_n_prb(previous),
        initial_n_symb=_initial_n_symb(ul, previous),
    )


def n_data_symbols(ul: UplinkConfig, srs_symbol: bool = False) -> int:
    """N_symb^PUSCH: SC-FDMA symbols of a subframe that carry data (TS 36.212 5.2.2.6)."""
    return 2 * (ul.n_symb_slot - 1) - srs_symbol


def _process(cell: Cell, tti: int, given: int | None) -> int:
    if given is not None:
        return given
    return tti % 8 if cell.duplex is Duplex.FDD else 0


def _initial_n_prb(previous: PuschGrant | None) -> int | None:
    return None if previous is None else previous.initial_n_prb or previous.n_prb


def _initial_n_symb(ul: UplinkConfig, previous: PuschGrant | None) -> int | None:
    if previous is None:
        return None
    return previous.initial_n_symb or n_data_symbols(ul, previous.srs_symbol)
