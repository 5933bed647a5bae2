"""How a UE acquires a cell's system information, and notices that it changes (TS 36.331 5.2.2)."""

from dataclasses import dataclass, field, replace
from typing import Final

from picocell.phy.lte.cell import Cell, CyclicPrefix
from picocell.phy.lte.mib import Mib
from picocell.rrc_nas.asn1 import Asn1Error
from picocell.rrc_nas.rrc.fields import Value, number, reading
from picocell.rrc_nas.rrc.paging_occasion import SFN_MODULO, PagingCycle
from picocell.rrc_nas.rrc.radio_config import pdsch_config, rach_config, uplink_config
from picocell.rrc_nas.rrc.system_information import Sib1, decode_system_information
from picocell.rrc_nas.rrc.ue_context import Timer, UeContext
from picocell.rrc_nas.rrc.ue_events import SystemInformationReady

_FRAME: Final = 10
_OPTIONAL_SIBS: Final = (3,)
"""SIBs that an idle UE reads where they are scheduled, and can do without for a start."""


@dataclass(slots=True)
class CellInformation:
    """What is known of one cell.

    Attributes:
        mib: MIB.
        cell: as the physical layer sees it.
        earfcn_dl: downlink EARFCN.
        sib1: SIB1; None until it came.
        confirmed: SIB1 was read since the cell was selected or system information was announced to change.
        sibs: other SIBs by number, in the form of `asn1.decode`.
        old_sib2: SIB2 that is to be read anew; its constants hold until then.
    """

    mib: Mib
    cell: Cell
    earfcn_dl: int
    sib1: Sib1 | None = None
    confirmed: bool = False
    sibs: dict[int, Value] = field(default_factory=dict)
    old_sib2: Value | None = None

    @property
    def sib2(self) -> Value | None:
        """SIB2, or the last one while it is read anew; None until it came."""
        return self.sibs.get(2, self.old_sib2)

    def clear(self) -> None:
        """All but SIB1 is to be read anew."""
        self.old_sib2 = self.sib2
        self.sibs.clear()

    @property
    def complete(self) -> bool:
        """Whether SIB1 and SIB2 are there and belong together."""
        return self.confirmed and self.sib1 is not None and 2 in self.sibs


@dataclass(frozen=True, slots=True)
class TimersAndConstants:
    """ue-TimersAndConstants: ms and counts."""

    t300: int
    t301: int
    t310: int
    n310: int
    t311: int
    n311: int


class SystemInformation:
    """System information of the cell that the UE is in.

    Args:
        context: of the UE.
    """

    def __init__(self, context: UeContext) -> None:
        self._context = context
        self.current: CellInformation | None = None
        self.selected = False
        self._needed_by: Sib1 | None = None
        self._needed: frozenset[int] = frozenset()

    @property
    def wanted(self) -> frozenset[int]:
        """Numbers of the SIBs that are to be received; SIB1 comes first, because it schedules the others."""
        if self.current is None or not self.selected:
            return frozenset()
        if not self.current.confirmed or self.current.sib1 is None:
            return frozenset({1})
        sib1 = self.current.sib1
        if self._needed_by is not sib1:
            scheduled = {sib for entry in sib1.scheduling for sib in entry.sibs}
            self._needed_by, self._needed = sib1, frozenset({2} | scheduled.intersection(_OPTIONAL_SIBS))
        return self._needed - self.current.sibs.keys()

    def select(self, mib: Mib, cell: Cell, earfcn_dl: int, now: int) -> None:
        """A cell's MIB was read: it is selected, or was selected before and is read anew.

        What is stored of the same cell stays, and counts again when its SIB1 has the same value tag (5.2.2.3).
        """
        old = self.current
        if old is None or (old.cell.pci, old.earfcn_dl, old.mib.n_prb) != (cell.pci, earfcn_dl, mib.n_prb):
            self.current = CellInformation(mib, cell, earfcn_dl)
        else:
            self.current = replace(old, mib=mib, cell=cell, confirmed=False)
        self.selected = True
        self._context.stop(Timer.MODIFICATION)
        self._context.start(Timer.ACQUISITION, self._context.settings.acquisition_ms, now)

    def forget(self) -> None:
        """No cell is selected; what is stored of the last one stays until another one is."""
        self.selected = False
        if self.current is not None:
            self.current.confirmed = False
        self._context.stop(Timer.ACQUISITION, Timer.MODIFICATION)

    def receive(self, message: bytes, now: int) -> frozenset[int]:
        """Take a BCCH-DL-SCH message.

        Returns:
            Numbers of the SIBs in it that are new or changed.
        """
        if self.current is None or not self.selected:
            self._context.refuse("system information", "no cell is selected")
            return frozenset()
        try:
            blocks = decode_system_information(message)
            if 1 in blocks:
                return self._sib1(blocks[1], now)
            return self._others(blocks, now)
        except Asn1Error as error:
            self._context.refuse("system information", str(error))
            return frozenset()

    def _sib1(self, value: Value, now: int) -> frozenset[int]:
        with reading("SIB1"):
            sib1 = Sib1.from_value(value)
        if self.current is None or (self.current.confirmed and sib1 == self.current.sib1):
            return frozenset()
        old = self.current.sib1
        if old is None or (old.value_tag, old.cell_identity) != (sib1.value_tag, sib1.cell_identity):
            self.current.clear()
            self._context.start(Timer.ACQUISITION, self._context.settings.acquisition_ms, now)
        self.current.sib1, self.current.confirmed = sib1, True
        return frozenset({1})

    def _others(self, blocks: dict[int, Value], now: int) -> frozenset[int]:
        if self.current is None or not self.current.confirmed:
            return frozenset()  # which value tag they belong to is not known yet
        new = {sib: value for sib, value in blocks.items() if self.current.sibs.get(sib) != value}
        if 2 in new:
            self._check_sib2(new[2])
        if 2 in blocks:
            self._context.start(Timer.VALIDITY, self._context.settings.validity_ms, now)
        self.current.sibs |= new
        return frozenset(new)

    def _check_sib2(self, value: Value) -> None:
        """Refuse a SIB2 that cannot be used.

        Raises:
            Asn1Error: a value that the standard does not have.
        """
        if self.current is None:
            return
        uplink_config(value, self.current.mib.n_prb)
        rach_config(value)
        pdsch_config(value)
        PagingCycle.from_sib2(value)
        timers_and_constants(value)
        modification_period(value)

    def change_announced(self, now: int) -> None:
        """Paging said that system information changes: what is stored holds until the next boundary (5.2.1.3)."""
        if self.current is None or self.current.sib2 is None or self._context.running(Timer.MODIFICATION):
            return
        period = _FRAME * modification_period(self.current.sib2)
        to_frame_0 = _FRAME * SFN_MODULO
        in_sfn_cycle = now % to_frame_0
        boundary = min((in_sfn_cycle // period + 1) * period, to_frame_0)
        self._context.start(Timer.MODIFICATION, boundary - in_sfn_cycle, now)

    def expire(self, now: int) -> None:
        """What is stored is no longer valid: read it anew."""
        if self.current is not None:
            self.current.confirmed = False
            self.current.clear()
            self._context.start(Timer.ACQUISITION, self._context.settings.acquisition_ms, now)

    def ready(self) -> SystemInformationReady | None:
        """The event that tells of complete system information; None while it is not complete."""
        info = self.current
        if info is None or not info.complete or info.sib1 is None or info.sib2 is None:
            return None
        return SystemInformationReady(
            cell=info.cell,
            ul=uplink_config(info.sib2, info.mib.n_prb),
            rach=rach_config(info.sib2),
            pdsch=pdsch_config(info.sib2),
            sib1=info.sib1,
            sib2=info.sib2,
            time_alignment_timer_common=time_alignment_timer(info.sib2),
            p_max_dbm=info.sib1.p_max_dbm,
        )


def cell_of(mib: Mib, pci: int, n_ports: int, cp: CyclicPrefix) -> Cell:
    """Cell of a MIB."""
    return Cell(
        pci,
        mib.n_prb,
        n_ports,
        cp,
        phich_duration=mib.phich_duration,
        phich_resource=mib.phich_resource,
    )


def timers_and_constants(sib2: Value) -> TimersAndConstants:
    """ue-TimersAndConstants of SIB2.

    Raises:
        Asn1Error: a value that is no SIB2.
    """
    with reading("SIB2"):
        values = sib2["ue-TimersAndConstants"]
        return TimersAndConstants(**{name: number(values[name]) for name in TimersAndConstants.__slots__})


def time_alignment_timer(sib2: Value) -> int | None:
    """timeAlignmentTimerCommon in subframes, None for infinity.

    Raises:
        Asn1Error: a value that is no SIB2.
    """
    with reading("SIB2"):
        name = sib2["timeAlignmentTimerCommon"]
        return None if name == "infinity" else number(name)


def modification_period(sib2: Value) -> int:
    """Modification period in radio frames: modificationPeriodCoeff times defaultPagingCycle.

    Raises:
        Asn1Error: a value that is no SIB2.
    """
    with reading("SIB2"):
        common = sib2["radioResourceConfigCommon"]
        coefficient = number(common["bcch-Config"]["modificationPeriodCoeff"])
        return coefficient * number(common["pcch-Config"]["defaultPagingCycle"])
