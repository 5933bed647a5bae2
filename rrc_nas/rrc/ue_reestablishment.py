"""Radio link failure and re-establishment of the connection (TS 36.331 5.3.7, 5.3.11)."""

from dataclasses import replace
from typing import Final

from picocell.mac.dedicated_config import DedicatedConfig
from picocell.rrc_nas.rrc import dedicated_update, ue_messages
from picocell.rrc_nas.rrc.bearer_config import BearerChanges, bearers
from picocell.rrc_nas.rrc.events import ConfigureRadio, ReestablishBearers, ResetMac
from picocell.rrc_nas.rrc.states import SecurityKeys
from picocell.rrc_nas.rrc.ue_cell_selection import CellSelection
from picocell.rrc_nas.rrc.ue_connection import CONNECTION_FAILURE, ConnectionControl, check_compliance
from picocell.rrc_nas.rrc.ue_context import Connection, KeyChain, RrcState, Timer, UeContext
from picocell.rrc_nas.rrc.ue_events import CellSelectionNeeded, RadioLinkFailure, StartRandomAccess, SuspendBearers
from picocell.rrc_nas.rrc.ue_messages import ReestablishmentCause
from picocell.rrc_nas.rrc.ue_received import Received
from picocell.rrc_nas.rrc.ue_system_information import SystemInformation, time_alignment_timer, timers_and_constants
from picocell.rrc_nas.security import keys as key_derivation

_NCC_MODULO: Final = 8


class Reestablishment:
    """Watches the radio link of a connection, and brings it back after a failure.

    Args:
        context: of the UE.
        information: system information of its cell.
        selection: cell selection.
        control: for the ways back to RRC_IDLE.
    """

    def __init__(
        self,
        context: UeContext,
        information: SystemInformation,
        selection: CellSelection,
        control: ConnectionControl,
    ) -> None:
        self._context = context
        self._information = information
        self._selection = selection
        self._control = control
        self._cause: ReestablishmentCause = "otherFailure"
        self._out_of_sync = 0
        self._in_sync = 0

    def out_of_sync(self, now: int) -> None:
        """The physical layer is out of sync: N310 times in a row start T310 (TS 36.331 5.3.11.1)."""
        self._in_sync = 0
        info, context = self._information.current, self._context
        if context.state is not RrcState.CONNECTED or context.running(Timer.T310) or info is None or not info.sib2:
            return
        self._out_of_sync += 1
        constants = timers_and_constants(info.sib2)
        if self._out_of_sync >= constants.n310:
            self._out_of_sync = 0
            context.start(Timer.T310, constants.t310, now)

    def in_sync(self) -> None:
        """The physical layer is in sync: N311 times in a row stop T310 (TS 36.331 5.3.11.2)."""
        self._out_of_sync = 0
        info = self._information.current
        if not self._context.running(Timer.T310) or info is None or not info.sib2:
            return
        self._in_sync += 1
        if self._in_sync >= timers_and_constants(info.sib2).n311:
            self._in_sync = 0
            self._context.stop(Timer.T310)

    def link_failed(self, cause: str, now: int) -> None:
        """Radio link failure (TS 36.331 5.3.11.3): without security there is no way back."""
        connection = self._context.connection
        if self._context.state is not RrcState.CONNECTED or connection is None:
            return
        self._context.emit(RadioLinkFailure(cause))
        self.start("otherFailure", now)

    def start(self, cause: ReestablishmentCause, now: int) -> None:
        """Start the procedure: T311 runs while a cell is selected (TS 36.331 5.3.7.2)."""
        context, connection, info = self._context, self._context.connection, self._information.current
        self._out_of_sync = self._in_sync = 0
        if connection is None or info is None or not info.sib2:
            return
        t311 = timers_and_constants(info.sib2).t311
        self._information.forget()
        if connection.keys is None or connection.c_rnti is None or context.chain is None:
            self._control.leave("other" if connection.keys is None else CONNECTION_FAILURE, now)
            return
        self._cause = cause
        context.stop(Timer.T310)
        context.start(Timer.T311, t311, now)
        context.state = RrcState.SELECTING
        default = replace(DedicatedConfig.default(info.cell.n_ports), bearers=connection.config.bearers)
        connection.config, connection.suspended = default, True
        connection.measurements.forget_reports()
        context.emit(ResetMac(), ConfigureRadio(default, BearerChanges()), SuspendBearers())
        context.emit(CellSelectionNeeded(f"re-establishment ({cause})", self._selection.barred_pcis(now)))

    def request(self, now: int) -> None:
        """A suitable cell is selected: ask it (TS 36.331 5.3.7.3, 5.3.7.4)."""
        context, connection, info = self._context, self._context.connection, self._information.current
        if connection is None or connection.keys is None or connection.c_rnti is None or info is None:
            return
        if info.sib1 is None or info.sib2 is None:
            return
        context.stop(Timer.T311)
        context.start(Timer.T301, timers_and_constants(info.sib2).t301, now)
        context.state = RrcState.REESTABLISHING
        short_mac_i = ue_messages.short_mac_i(
            connection.keys, info.sib1.cell_identity, connection.pci, connection.c_rnti
        )
        request = ue_messages.reestablishment_request(connection.c_rnti, connection.pci, short_mac_i, self._cause)
        context.send(0, request)
        context.emit(StartRandomAccess(time_alignment_timer(info.sib2)))

    def accepted(self, received: Received, now: int) -> None:
        """RRCConnectionReestablishment (TS 36.331 5.3.7.5)."""
        context, connection, info = self._context, self._context.connection, self._information.current
        if connection is None or connection.keys is None or info is None or context.chain is None:
            return
        config = dedicated_update.apply(connection.config, received.message, n_ports=info.cell.n_ports)
        changes = bearers(received.message, "ue", connection.bearers)
        check_compliance(context, config)
        chain = _next_chain(context.chain, received.body["nextHopChainingCount"], info.cell.pci, info.earfcn_dl)
        context.stop(Timer.T301)
        if chain is None:
            context.refuse(received.name, "the next hop cannot be derived: NAS has given no K_ASME")
            self._control.leave(CONNECTION_FAILURE, now)
            return
        keys = SecurityKeys.derive(chain.k_enb, connection.keys.eea, connection.keys.eia)
        context.chain, context.state = chain, RrcState.CONNECTED
        context.connection = Connection(
            config,
            connection.measurements,
            changes.applied(connection.bearers),
            keys,
            context.c_rnti,
            info.cell.pci,
            suspended=True,
        )
        context.emit(ConfigureRadio(config, changes), ReestablishBearers(keys))
        context.send(1, ue_messages.reestablishment_complete(received.transaction))

    def rejected(self, received: Received, now: int) -> None:  # noqa: ARG002 (the same call for all messages)
        """RRCConnectionReestablishmentReject (TS 36.331 5.3.7.8)."""
        self._control.leave(CONNECTION_FAILURE, now)

    def gave_up(self, now: int) -> None:
        """T311 or T301 ran out, or the cell is no longer suitable (TS 36.331 5.3.7.6, 5.3.7.7)."""
        self._control.leave(CONNECTION_FAILURE, now)


def _next_chain(chain: KeyChain, ncc: int, pci: int, earfcn_dl: int) -> KeyChain | None:
    """Key of the re-established connection (TS 33.401 7.2.8.4.3): from K_eNB where NCC is the same, else from NH."""
    base, sync_input, count = chain.k_enb, chain.sync_input, chain.ncc
    while count != ncc:
        if chain.k_asme is None:
            return None
        base = sync_input = key_derivation.next_hop(chain.k_asme, sync_input)
        count = (count + 1) % _NCC_MODULO
    return replace(chain, k_enb=key_derivation.k_enb_star(base, pci, earfcn_dl), sync_input=sync_input, ncc=ncc)
