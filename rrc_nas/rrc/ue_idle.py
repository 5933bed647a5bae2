"""How a UE finds a cell to camp on or to come back to, and when it leaves it (TS 36.304 5.2, TS 36.331 5.2.2)."""

from picocell.phy.lte.cell import Cell
from picocell.phy.lte.mib import Mib
from picocell.rrc_nas.rrc.ue_access_barring import AccessBarring
from picocell.rrc_nas.rrc.ue_cell_selection import CellSelection, Unsuitable
from picocell.rrc_nas.rrc.ue_connection import ConnectionControl
from picocell.rrc_nas.rrc.ue_context import RrcState, Timer, UeContext
from picocell.rrc_nas.rrc.ue_events import Camped, CellBarred, CellSelectionNeeded, SystemInformationReady
from picocell.rrc_nas.rrc.ue_reestablishment import Reestablishment
from picocell.rrc_nas.rrc.ue_system_information import CellInformation, SystemInformation


class CellControl:
    """Leads from a cell that was found to one that the UE camps on.

    Args:
        context: of the UE.
        information: system information of its cell.
        selection: what makes a cell suitable.
        control: connection of the UE.
        reestablishment: goes on when a cell was selected for it.
        barring: access barring, which ends with the cell.
    """

    def __init__(
        self,
        context: UeContext,
        information: SystemInformation,
        selection: CellSelection,
        control: ConnectionControl,
        reestablishment: Reestablishment,
        barring: AccessBarring,
    ) -> None:
        self._context = context
        self._information = information
        self._selection = selection
        self._control = control
        self._reestablishment = reestablishment
        self._barring = barring
        self._announced: SystemInformationReady | None = None
        self._unannounced = False

    def found(self, mib: Mib, cell: Cell, earfcn_dl: int, now: int) -> None:
        """The MIB of the strongest cell was read: it is selected, unless it is the current one, or barred."""
        context, old = self._context, self._information.current
        same = old is not None and (old.cell, old.earfcn_dl) == (cell, earfcn_dl)
        if self._information.selected and same:
            return
        if context.state not in (RrcState.SEARCHING, RrcState.ACQUIRING, RrcState.CAMPED, RrcState.SELECTING):
            context.refuse("cell", f"PCI {cell.pci} is another one than the serving cell")
            return
        if self._selection.is_barred(earfcn_dl, cell.pci, now):
            context.refuse("cell", f"PCI {cell.pci} is barred at present")
            return
        if not same:
            context.rsrp_dbm = context.rsrq_db = None
        self._barring.stop(alleviate=True)
        self._selection.selected()
        self._announced, self._unannounced = None, True
        self._information.select(mib, cell, earfcn_dl, now)
        if context.state is not RrcState.SELECTING:
            context.state = RrcState.ACQUIRING

    def lost(self, now: int) -> None:
        """The physical layer has lost the cell."""
        context = self._context
        if context.state is RrcState.CONNECTED:
            self._reestablishment.link_failed("the cell is lost", now)
        elif context.state is not RrcState.RELEASING and self._information.selected:
            self._leave_cell("the cell is lost", now)

    def information_changed(self, now: int) -> None:
        """SIBs came that are new."""
        self._unannounced = True
        self._progress(now)

    def measured(self, now: int) -> None:
        """The cell was measured."""
        self._progress(now)
        info = self._information.current
        if self._context.state is not RrcState.CAMPED or info is None or info.sib1 is None:
            return
        if self._selection.serving_cell_lost(info.sib1, now):
            self._leave_cell(f"the serving cell is too weak: {self._context.rsrp_dbm} dBm", now)

    def barring_over(self, now: int) -> None:
        """A barred cell may be tried again."""
        if self._context.state is RrcState.SEARCHING:
            self._need_cell("a barred cell may be tried again", now)

    def _progress(self, now: int) -> None:
        """Go on where system information or a measurement allows it."""
        context, info = self._context, self._information.current
        if info is None or not self._information.selected or not info.confirmed or info.sib1 is None:
            return
        searching = context.state in (RrcState.ACQUIRING, RrcState.SELECTING)
        if searching or context.state in (RrcState.CAMPED, RrcState.REESTABLISHING):
            unsuitable = self._selection.unsuitable(info.sib1)
            if unsuitable is not None:
                self._refuse_cell(info, unsuitable, now)
                return
        if not info.complete:
            return
        if searching:
            suitable = self._selection.s_criterion(info.sib1)
            if suitable is None:
                return  # it was not measured yet
            if not suitable:
                reason = f"too weak: {context.rsrp_dbm} dBm, q-RxLevMin {info.sib1.q_rx_lev_min_dbm} dBm"
                self._leave_cell(f"PCI {info.cell.pci} is {reason}", now)
                return
        context.stop(Timer.ACQUISITION)
        self._announce()
        if context.state is RrcState.SELECTING:
            self._reestablishment.request(now)
        elif context.state is RrcState.ACQUIRING:
            context.state = RrcState.CAMPED
            context.emit(Camped(info.cell.pci, context.selected_plmn, info.sib1.tac, info.sib1.cell_identity))
        self._control.proceed(now)

    def _announce(self) -> None:
        """Tell of the system information where it is new."""
        if not self._unannounced:
            return
        self._unannounced = False
        ready = self._information.ready()
        if ready is not None and ready != self._announced:
            self._announced = ready
            self._context.emit(ready)

    def acquisition_failed(self, now: int) -> None:
        """System information does not come: the cell counts as barred (TS 36.331 5.2.2.5)."""
        info = self._information.current
        searching = (RrcState.ACQUIRING, RrcState.CAMPED, RrcState.SELECTING)
        if info is not None and self._information.selected and self._context.state in searching:
            missing = "measurement" if info.complete else "system information"
            self._refuse_cell(info, Unsuitable(f"its {missing} does not come", unread=True), now)

    def _refuse_cell(self, info: CellInformation, unsuitable: Unsuitable, now: int) -> None:
        """Leave an unsuitable cell, and leave it alone for a while."""
        self._context.refuse("cell", f"PCI {info.cell.pci}: {unsuitable.reason}")
        if unsuitable.barred:
            self._selection.bar(info, unsuitable, now)
            self._context.start(Timer.BARRED, self._selection.barred_ms(unsuitable), now)
        self._context.emit(CellBarred(info.cell.pci, unsuitable.reason, unsuitable.intra_frequency_allowed))
        self._leave_cell(f"PCI {info.cell.pci}: {unsuitable.reason}", now)

    def _leave_cell(self, reason: str, now: int) -> None:
        """Look for another cell."""
        self._information.forget()
        if self._context.state is RrcState.REESTABLISHING:
            self._reestablishment.gave_up(now)
            return
        self._control.give_up(reason)
        if self._context.state is not RrcState.SELECTING:
            self._context.state = RrcState.SEARCHING
        self._need_cell(reason, now)

    def _need_cell(self, reason: str, now: int) -> None:
        self._context.emit(CellSelectionNeeded(reason, self._selection.barred_pcis(now)))
