"""A cell of a network in virtual time, as a user describes it."""

from dataclasses import dataclass, field, replace
from typing import Any, Final

from picocell.enb.settings import DEFAULT_RANGE_M, EnbSettings, default_sib2
from picocell.enb.system_information import Identity
from picocell.mac.enb_settings import EnbMacSettings
from picocell.phy.lte.cell import Cell as PhyCell
from picocell.rrc_nas.rrc.enb_settings import EnbRrcSettings

DEFAULT_CELL_IDENTITY: Final = 0x19B01
_ENB_STEP: Final = 1 << 8  # the lower 8 bits number an eNB's cells


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the network, and the eNB that has it.

    Attributes:
        n_prb: bandwidth in resource blocks: 6, 15, 25, 50, 75 or 100.
        pci: physical cell identity 0..503.
        n_ports: antenna ports 1, 2 or 4; transmit diversity with more than one.
        plmn: MCC and MNC.
        tac: tracking area code.
        cell_identity: 28 bits. Of several cells those that have the default one are numbered on from it.
        scheduler: ``rr`` or ``pf``.
        inactivity_ms: after which a phone without traffic is released to idle; None for never.
        n_rx: receive antennas.
        mac: further settings of the MAC. Power commands are off, so that a phone's ``snr_db`` holds.
        rrc: further settings of RRC; its ``inactivity_ms`` is not used.
        sib2: SIB2 instead of the default one.
        radio: what phones are configured with, instead of `picocell.rrc_nas.rrc.enb_defaults.defaults`.
        range_m: distance up to which phones are served: it sets the cyclic shifts of the preambles of the default SIB2.
        mme_plmn: PLMN of the MME, where it is to be another one than the cell's.
        carrier: tells carriers apart, such as an EARFCN; a phone hears the cells of its own.
    """

    n_prb: int = 25
    pci: int = 1
    n_ports: int = 1
    plmn: tuple[str, str] = ("001", "01")
    tac: int = 7
    cell_identity: int = DEFAULT_CELL_IDENTITY
    scheduler: str = "pf"
    inactivity_ms: int | None = 10_000
    n_rx: int = 1
    mac: EnbMacSettings = field(default_factory=lambda: EnbMacSettings(ul_target_snr_db=None, pucch_target_snr_db=None))
    rrc: EnbRrcSettings = field(default_factory=EnbRrcSettings)
    sib2: dict[str, Any] | None = None
    radio: dict[str, Any] | None = None
    range_m: float = DEFAULT_RANGE_M
    mme_plmn: tuple[str, str] | None = None
    carrier: int | str = 0

    def enb_settings(self) -> EnbSettings:
        """Settings of the eNB."""
        cell = PhyCell(pci=self.pci, n_prb=self.n_prb, n_ports=self.n_ports)
        return EnbSettings(
            cell,
            Identity(*self.plmn, tac=self.tac, cell_identity=self.cell_identity),
            scheduler=self.scheduler,
            sib2=self.sib2 or default_sib2(cell, range_m=self.range_m),
            radio=self.radio,
            mac=self.mac,
            rrc=replace(self.rrc, inactivity_ms=self.inactivity_ms),
        )


def numbered(cells: list[Cell]) -> list[Cell]:
    """The cells of one network, each with an identity of its own.

    Raises:
        ValueError: there is none, or two of them cannot be told apart.
    """
    if not cells:
        raise ValueError("a network without a cell is not allowed: cells has one or more")
    found: list[Cell] = []
    for number, cell in enumerate(cells):
        if number and cell.cell_identity == DEFAULT_CELL_IDENTITY:
            cell = replace(cell, cell_identity=DEFAULT_CELL_IDENTITY + number * _ENB_STEP)
        for other in found:
            if other.cell_identity // _ENB_STEP == cell.cell_identity // _ENB_STEP:
                raise ValueError(f"two cells of eNB 0x{cell.cell_identity // _ENB_STEP:x}: cell_identity >> 8 differs")
            if (other.pci, other.carrier) == (cell.pci, cell.carrier):
                raise ValueError(f"two cells of PCI {cell.pci} on carrier {cell.carrier} cannot be told apart")
        found.append(cell)
    return found
