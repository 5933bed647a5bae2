"""What a DCI grants on the PDSCH: resource blocks, modulation, transport block size (TS 36.213 7.1.6, 7.1.7)."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from picocell.phy.lte import allocation, tbs
from picocell.phy.lte.allocation import SlotPrbs
from picocell.phy.lte.cell import Cell, CyclicPrefix, Duplex
from picocell.phy.lte.dci import Dci, Dci1, Dci1A, Dci1C, Dci2, Dci2A, is_broadcast, riv_decode
from picocell.phy.lte.frame import SubframeKind, subframe_kind

_QPSK: Final = 2


class TransmissionScheme(StrEnum):
    """How a transport block is put onto antenna ports (TS 36.213 7.1)."""

    PORT0 = "port0"
    TX_DIVERSITY = "tx_diversity"


@dataclass(frozen=True, slots=True)
class PdschGrant:
    """One transport block on the PDSCH of one subframe.

    Attributes:
        rnti: RNTI that scrambles it.
        prbs: physical resource blocks in the first and in the second slot, each ascending.
        q_m: bits per modulation symbol: 2, 4, 6 or 8.
        tbs: transport block size in bits, a multiple of 8.
        rv: redundancy version 0..3.
        cfi: control format indicator 1..3 as the PCFICH tells it; the control region is one symbol longer up to 10 PRB.
        scheme: single antenna port 0 or transmit diversity.
        n_layers: layers that the transport block is mapped onto, 1 but for spatial multiplexing.
        rho_a_db: power ratio to the reference signal rho_A in symbols without it (TS 36.213 5.2).
        rho_b_db: the same, rho_B, in symbols with it.
        n_ir: soft buffer of the transport block in bits (TS 36.212 5.1.4.1.2); None for no limit.
        harq_process: HARQ process number.
        ndi: new data indicator.
    """

    rnti: int
    prbs: SlotPrbs
    q_m: int
    tbs: int
    rv: int
    cfi: int
    scheme: TransmissionScheme
    n_layers: int = 1
    rho_a_db: float = 0.0
    rho_b_db: float = 0.0
    n_ir: int | None = None
    harq_process: int = 0
    ndi: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.rnti <= 0xFFFF:
            raise ValueError(f"rnti {self.rnti} is outside 0..65535")
        if self.q_m not in (2, 4, 6, 8):
            raise ValueError(f"q_m {self.q_m} is not allowed: use 2, 4, 6 or 8")
        if self.tbs <= 0 or self.tbs % 8:
            raise ValueError(f"tbs {self.tbs} is not a positive multiple of 8")
        if not 0 <= self.rv <= 3:
            raise ValueError(f"rv {self.rv} is outside 0..3")
        if not 1 <= self.cfi <= 3:
            raise ValueError(f"cfi {self.cfi} is outside 1..3")
        if not self.prbs[0] or not self.prbs[1]:
            raise ValueError("the grant has no resource block")

    def __hash__(self) -> int:
        # what a subframe needs is looked up by it; all resource blocks would take longest
        first = self.prbs[0]
        return hash(
            (self.rnti, first[0], first[-1], len(first), self.q_m, self.tbs, self.rv, self.cfi, self.harq_process)
        )

    @property
    def n_prb(self) -> int:
        """Resource blocks granted."""
        return len(self.prbs[0])

    @property
    def n_l(self) -> int:
        """N_L of rate matching: 2 for transmit diversity, else the number of layers (TS 36.212 5.1.4.1.2)."""
        return 2 if self.scheme is TransmissionScheme.TX_DIVERSITY else self.n_layers


def from_dci(
    cell: Cell,
    subframe: int,
    cfi: int,
    rnti: int,
    dci: Dci,
    *,
    previous_tbs: int | None = None,
    rv: int = 0,
    n_ir: int | None = None,
    rho_a_db: float = 0.0,
    rho_b_db: float = 0.0,
) -> PdschGrant:
    """Grant of a downlink DCI, format 1, 1A or 1C (TS 36.213 7.1.6, 7.1.7).

    Args:
        cell: the cell.
        subframe: subframe 0..9 of the DCI and of its PDSCH.
        cfi: control format indicator of that subframe.
        rnti: RNTI that the DCI's CRC carries.
        dci: the DCI.
        previous_tbs: transport block size of the process's last grant, for an MCS that gives the modulation only.
        rv: redundancy version of a format 1C, which does not carry one: of system information it follows from the
            subframe (TS 36.321 5.3.1), for paging and RAR it is 0.
        n_ir: soft buffer of a transport block in bits; None for no limit.
        rho_a_db: power ratio rho_A in dB.
        rho_b_db: power ratio rho_B in dB.

    Raises:
        ValueError: a DCI that is not legal here, or not supported; the message says why.
    """
    return _granted(cell, subframe, cfi, rnti, dci, previous_tbs, rv, n_ir, rho_a_db, rho_b_db)


@lru_cache(maxsize=4096)
def _granted(
    cell: Cell,
    subframe: int,
    cfi: int,
    rnti: int,
    dci: Dci,
    previous_tbs: int | None,
    rv: int,
    n_ir: int | None,
    rho_a_db: float,
    rho_b_db: float,
) -> PdschGrant:
    """The same of what was granted before: it is not checked again."""
    kind = subframe_kind(cell, subframe)
    if kind is SubframeKind.UPLINK:
        raise ValueError(f"subframe {subframe} of TDD configuration {cell.tdd_config} has no downlink")
    _check_cfi(cell, subframe, cfi)
    match dci:
        case Dci1C():
            prbs, q_m, size = _format_1c(cell, rnti, dci)
            harq_process = ndi = 0
        case Dci1() | Dci1A():
            prbs = _format_1_prbs(cell, rnti, dci) if isinstance(dci, Dci1) else _format_1a_prbs(cell, rnti, dci)
            if is_broadcast(rnti):
                q_m, size = _QPSK, tbs.tbs_1a_common(dci.mcs, 3 if dci.tpc & 1 else 2)
            else:
                q_m, size = _dedicated_size(dci.mcs, _tbs_n_prb(cell, kind, len(prbs[0])), previous_tbs)
            rv, harq_process, ndi = dci.rv, dci.harq_process, dci.ndi
        case Dci2() | Dci2A():
            raise ValueError(f"{type(dci).__name__} grants spatial multiplexing, which is not supported yet")
        case _:
            raise ValueError(f"{type(dci).__name__} does not grant a PDSCH: use format 1, 1A or 1C")
    return PdschGrant(
        rnti=rnti,
        prbs=prbs,
        q_m=q_m,
        tbs=size,
        rv=rv,
        cfi=cfi,
        scheme=TransmissionScheme.PORT0 if cell.n_ports == 1 else TransmissionScheme.TX_DIVERSITY,
        rho_a_db=rho_a_db,
        rho_b_db=rho_b_db,
        n_ir=n_ir,
        harq_process=harq_process,
        ndi=ndi,
    )


def _check_cfi(cell: Cell, subframe: int, cfi: int) -> None:
    """Subframes 1 and 6 of TDD have at most two control symbols (TS 36.211 Table 6.7-1)."""
    largest = 3 if cell.duplex is Duplex.FDD or subframe not in (1, 6) else 2 if cell.n_prb > 10 else 1
    if not 1 <= cfi <= largest:
        raise ValueError(f"cfi {cfi} is outside 1..{largest} of subframe {subframe}")


def _format_1_prbs(cell: Cell, rnti: int, dci: Dci1) -> SlotPrbs:
    if is_broadcast(rnti):
        raise ValueError(f"format 1 is not sent to the common RNTI {rnti:#x}")
    decode = allocation.type1 if dci.resource_allocation_type else allocation.type0
    prbs = decode(cell.n_prb, dci.resource_block_assignment)
    return prbs, prbs


def _format_1a_prbs(cell: Cell, rnti: int, dci: Dci1A) -> SlotPrbs:
    start, length = riv_decode(cell.n_prb, dci.riv)
    if not dci.distributed:
        return allocation.localised(cell.n_prb, start, length)
    if cell.n_prb >= 50 and length > 16 and not is_broadcast(rnti):
        raise ValueError(f"{length} distributed resource blocks to a C-RNTI: at most 16 from 50 PRB on")
    return allocation.distributed(cell.n_prb, start, length, bool(dci.gap))


def _format_1c(cell: Cell, rnti: int, dci: Dci1C) -> tuple[SlotPrbs, int, int]:
    if not is_broadcast(rnti):
        raise ValueError(f"format 1C is not sent to RNTI {rnti:#x}: only to the SI-RNTI, P-RNTI and RA-RNTIs")
    second, step = bool(dci.gap), allocation.step_1c(cell.n_prb)
    start, length = riv_decode(allocation.n_dvrb(cell.n_prb, second), dci.riv, step)
    prbs = allocation.distributed(cell.n_prb, start, length, second)
    return prbs, _QPSK, tbs.tbs_1c(dci.mcs)


def _dedicated_size(i_mcs: int, n_prb: int, previous_tbs: int | None) -> tuple[int, int]:
    """Modulation order and TBS of a C-RNTI's grant (TS 36.213 7.1.7.1, 7.1.7.2)."""
    q_m, i_tbs = tbs.mcs(i_mcs)
    if i_tbs is not None:
        return q_m, tbs.tbs(i_tbs, n_prb)
    if previous_tbs is None:
        raise ValueError(f"I_MCS {i_mcs} retransmits, but no earlier grant gave a transport block size")
    return q_m, previous_tbs


def _tbs_n_prb(cell: Cell, kind: SubframeKind, n_prb: int) -> int:
    """N_PRB of the TBS table: reduced where the block is sent in DwPTS (TS 36.213 7.1.7).

    Raises:
        ValueError: a special subframe whose DwPTS carries no PDSCH.
    """
    if kind is SubframeKind.DOWNLINK:
        return n_prb
    config, normal = cell.special_subframe, cell.cp is CyclicPrefix.NORMAL
    if config in ((0, 5) if normal else (0, 4, 8, 9)):
        raise ValueError(f"special subframe configuration {config} carries no PDSCH with {cell.cp} cyclic prefix")
    eighths = 3 if config == (9 if normal else 7) else 6
    return max(n_prb * eighths // 8, 1)
