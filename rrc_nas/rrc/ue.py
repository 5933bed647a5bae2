"""Radio resource control of a UE (TS 36.331): takes messages and what the lower layers see, gives events."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Final

from picocell.phy.lte.cell import CyclicPrefix
from picocell.phy.lte.mib import Mib
from picocell.rrc_nas import asn1
from picocell.rrc_nas.asn1 import Asn1Error, MessageType
from picocell.rrc_nas.rrc import ue_connection
from picocell.rrc_nas.rrc.fields import Value, reading
from picocell.rrc_nas.rrc.paging_occasion import PagingCycle
from picocell.rrc_nas.rrc.states import RegisteredMme, SecurityKeys
from picocell.rrc_nas.rrc.system_information import Sib1
from picocell.rrc_nas.rrc.ue_access_barring import BARRING_TIMERS, Access, AccessBarring
from picocell.rrc_nas.rrc.ue_capability import encode_capability
from picocell.rrc_nas.rrc.ue_cell_selection import CellSelection
from picocell.rrc_nas.rrc.ue_connection import ConnectionControl
from picocell.rrc_nas.rrc.ue_context import Connection, KeyChain, RrcState, Timer, UeContext, UeIdentity, UeRrcSettings
from picocell.rrc_nas.rrc.ue_events import (
    Paged,
    UeRrcEvent,
)
from picocell.rrc_nas.rrc.ue_idle import CellControl
from picocell.rrc_nas.rrc.ue_received import Received, open_message
from picocell.rrc_nas.rrc.ue_reconfiguration import Reconfiguration
from picocell.rrc_nas.rrc.ue_reestablishment import Reestablishment
from picocell.rrc_nas.rrc.ue_security import SecurityControl
from picocell.rrc_nas.rrc.ue_system_information import SystemInformation, cell_of

DEFAULT_EARFCN_DL: Final = 3350
_K_ENB_BYTES: Final = 32

Handler = Callable[[Received, int], None]


class UeRrc:
    """RRC of one UE.

    Args:
        ue_identity: IMSI and what else the UE goes by; ``s_tmsi`` may be changed at any time.
        capability: UE-EUTRA-Capability, encoded or as `ue_capability.capability` makes it.
        selected_plmn: MCC and MNC of the network to camp on.
        rng: for the random value of a connection request, and for access class barring.
        settings: what the UE can do.

    Attributes:
        verify_last: whether the MAC-I of the last message on SRB1 is right under these keys; asked for a
            SecurityModeCommand. Without it every such command is refused.
        drb_counts: uplink and downlink COUNT by DRB identity, for a CounterCheck.
    """

    def __init__(
        self,
        *,
        ue_identity: UeIdentity,
        capability: bytes | Value,
        selected_plmn: tuple[str, str],
        rng: random.Random,
        settings: UeRrcSettings | None = None,
    ) -> None:
        encoded = capability if isinstance(capability, bytes) else encode_capability(capability)
        self._context = UeContext(ue_identity, encoded, selected_plmn, rng, settings or UeRrcSettings())
        self._information = SystemInformation(self._context)
        self._paging: tuple[Value, int | None, str, int, int] | None = None
        self._selection = CellSelection(self._context)
        self._barring = AccessBarring(self._context)
        self._control = ConnectionControl(self._context, self._information, self._selection, self._barring)
        self._reestablishment = Reestablishment(self._context, self._information, self._selection, self._control)
        self._reconfiguration = Reconfiguration(self._context, self._information, self._control, self._reestablishment)
        self._security = SecurityControl(self._context)
        self._cells = CellControl(
            self._context, self._information, self._selection, self._control, self._reestablishment, self._barring
        )
        self.transitions: Final = self._transitions()

    def _transitions(self) -> dict[tuple[RrcState, str], Handler]:
        """What is done about a message of the CCCH or DCCH in a state; one without an entry is refused."""
        connected: dict[str, Handler] = {
            "dlInformationTransfer": self._control.information_transfer,
            "rrcConnectionReconfiguration": self._reconfiguration.reconfigure,
            "rrcConnectionRelease": self._control.release,
            "securityModeCommand": self._security.command,
            "ueCapabilityEnquiry": self._security.capability_enquiry,
            "counterCheck": self._security.counter_check,
            "mobilityFromEUTRACommand": self._reconfiguration.mobility,
        }
        return {
            (RrcState.CONNECTING, "rrcConnectionSetup"): self._control.setup,
            (RrcState.CONNECTING, "rrcConnectionReject"): self._control.reject,
            (RrcState.REESTABLISHING, "rrcConnectionReestablishment"): self._reestablishment.accepted,
            (RrcState.REESTABLISHING, "rrcConnectionReestablishmentReject"): self._reestablishment.rejected,
            # SRB1 may overtake SRB2: NAS still gets what was sent before the release (TS 36.331 5.3.8.3)
            (RrcState.RELEASING, "dlInformationTransfer"): self._control.information_transfer,
        } | {(RrcState.CONNECTED, name): handler for name, handler in connected.items()}

    # State

    @property
    def state(self) -> RrcState:
        """Where the UE is."""
        return self._context.state

    @property
    def camped(self) -> bool:
        """Whether the UE is idle and camps on a cell."""
        return self._context.state is RrcState.CAMPED

    @property
    def connection(self) -> Connection | None:
        """The connection; None in RRC_IDLE."""
        return self._context.connection

    @property
    def ue_identity(self) -> UeIdentity:
        """Who the UE is."""
        return self._context.identity

    @property
    def selected_plmn(self) -> tuple[str, str]:
        """MCC and MNC of the network to camp on; what changes is of effect at the next cell selection."""
        return self._context.selected_plmn

    @selected_plmn.setter
    def selected_plmn(self, plmn: tuple[str, str]) -> None:
        self._context.selected_plmn = plmn

    @property
    def sib1(self) -> Sib1 | None:
        """SIB1 of the cell; None until it came."""
        info = self._information.current
        return None if info is None else info.sib1

    @property
    def sib2(self) -> Value | None:
        """SIB2 of the cell; None until it came."""
        info = self._information.current
        return None if info is None else info.sib2

    @property
    def wanted_sibs(self) -> frozenset[int]:
        """Numbers of the SIBs that are to be received."""
        return self._information.wanted

    @property
    def refused(self) -> Counter[str]:
        """How often something was refused, by message or procedure."""
        return self._context.refused

    @property
    def timers(self) -> dict[str, int]:
        """When each timer that runs is due."""
        return {timer.value: deadline for timer, deadline in self._context.timers.items()}

    @property
    def verify_last(self) -> Callable[[SecurityKeys], bool] | None:
        """See the class."""
        return self._context.verify_last

    @verify_last.setter
    def verify_last(self, verify: Callable[[SecurityKeys], bool] | None) -> None:
        self._context.verify_last = verify

    @property
    def drb_counts(self) -> Callable[[], dict[int, tuple[int, int]]] | None:
        """See the class."""
        return self._context.drb_counts

    @drb_counts.setter
    def drb_counts(self, counts: Callable[[], dict[int, tuple[int, int]]] | None) -> None:
        self._context.drb_counts = counts

    # Radio side

    def mib(
        self,
        mib: Mib,
        pci: int,
        now: int,
        *,
        n_ports: int = 1,
        cp: CyclicPrefix = CyclicPrefix.NORMAL,
        earfcn_dl: int = DEFAULT_EARFCN_DL,
    ) -> None:
        """The MIB of the strongest cell was read: it is selected, unless it is the current one, or barred."""
        self._cells.found(mib, cell_of(mib, pci, n_ports, cp), earfcn_dl, now)

    def cell_lost(self, now: int) -> None:
        """The physical layer has lost the cell."""
        self._cells.lost(now)

    def receive_bcch(self, message: bytes, now: int) -> None:
        """A BCCH-DL-SCH message: SIB1 or an SI message."""
        if self._information.receive(message, now):
            self._cells.information_changed(now)

    def receive_pcch(self, message: bytes, now: int) -> None:
        """A Paging message (TS 36.331 5.3.2.3)."""
        try:
            with reading("PCCH"):
                _, (_, paging) = asn1.decode("PCCH", message)["message"]
                found = self._paged(paging) if self.camped else None
                changed = "systemInfoModification" in paging
        except Asn1Error as error:
            self._context.refuse("paging", str(error))
            return
        if changed:
            self._information.change_announced(now)
        if found is not None:
            self._context.emit(found)

    def receive_ccch(self, message: bytes, now: int) -> None:
        """A message on the CCCH."""
        self._receive("DL-CCCH", message, now)

    def receive_dcch(self, srb: int, message: bytes, now: int) -> None:  # noqa: ARG002 (both carry the same set)
        """A message of SRB1 or SRB2, which PDCP found to be genuine."""
        self._receive("DL-DCCH", message, now)

    def in_sync(self, now: int) -> None:  # noqa: ARG002 (the same call as out_of_sync)
        """The physical layer reports in-sync (TS 36.213 4.2.1)."""
        self._reestablishment.in_sync()

    def out_of_sync(self, now: int) -> None:
        """The physical layer reports out-of-sync."""
        self._reestablishment.out_of_sync(now)

    def random_access_problem(self, now: int) -> None:
        """The MAC has tried preambleTransMax times; while a connection is being set up T300 or T301 decides."""
        self._reestablishment.link_failed("random access problem", now)

    def max_retx_reached(self, lcid: int, now: int) -> None:
        """RLC has retransmitted a PDU maxRetxThreshold times."""
        self._reestablishment.link_failed(f"maximum number of retransmissions on logical channel {lcid}", now)

    def integrity_failure(self, now: int, lcid: int) -> None:
        """PDCP has received a message whose MAC-I is wrong (TS 36.331 5.3.7.2)."""
        connection = self._context.connection
        if self._context.state is RrcState.CONNECTED and connection is not None and connection.keys is not None:
            self._context.refuse("integrity", f"a message on SRB{lcid} is not genuine")
            self._reestablishment.start("otherFailure", now)

    def random_access_complete(self, now: int, c_rnti: int) -> None:  # noqa: ARG002
        """Random access succeeded; ``c_rnti`` is the UE's C-RNTI now."""
        self._context.c_rnti = c_rnti
        if self._context.connection is not None and self._context.state is RrcState.CONNECTED:
            self._context.connection.c_rnti = c_rnti

    def measurement(self, now: int, rsrp_dbm: float, rsrq_db: float) -> None:
        """The serving cell, or the one that is being selected, was measured."""
        context = self._context
        context.rsrp_dbm, context.rsrq_db = rsrp_dbm, rsrq_db
        if context.state is RrcState.CONNECTED and context.connection is not None:
            for report in context.connection.measurements.measured(rsrp_dbm, rsrq_db, now):
                context.send(1, report)
        self._cells.measured(now)

    def next_paging_occasion(self, now: int) -> int | None:
        """The first subframe from ``now`` on in which the UE may be paged; None without SIB2 (TS 36.304 7.1)."""
        sib2 = self.sib2
        if sib2 is None or not self._information.selected:
            return None
        identity = self.ue_identity
        known = self._paging
        if known is None or known[0] is not sib2 or known[1:3] != (identity.drx, identity.imsi):
            # asked for every ms, and the same until the UE gets other system information
            cycle = PagingCycle.from_sib2(sib2, identity.drx)
            first, period = cycle.next_occasion(identity.index, 0), 10 * cycle.cycle_rf
            known = self._paging = (sib2, identity.drx, identity.imsi, first, period)
        return now + (known[3] - now) % known[4]

    # NAS side

    def connect(
        self,
        nas: bytes,
        establishment_cause: str,
        now: int,
        *,
        s_tmsi: tuple[int, int] | None = None,
        registered_mme: RegisteredMme | None = None,
        access: Access | None = None,
    ) -> None:
        """Establish a connection; `ConnectionEstablished` or `ConnectionFailed` follows.

        Args:
            nas: the first NAS message.
            establishment_cause: EstablishmentCause, such as ``mo-Signalling``.
            now: absolute subframe.
            s_tmsi: (mmec, m_tmsi) where the UE is registered in the cell's tracking area; None for a random value.
            registered_mme: MME that the UE is registered at.
            access: what the connection is for, as far as barring goes; None for what the cause suggests.

        Raises:
            ValueError: an establishment cause that there is not.
        """
        self._control.connect(ue_connection.wish(nas, establishment_cause, s_tmsi, registered_mme, access), now)

    def send_nas(self, nas: bytes, now: int) -> None:  # noqa: ARG002 (as every call of this class)
        """Send a NAS message over the connection."""
        self._control.send_nas(nas)

    def release_locally(self, now: int) -> bool:
        """NAS gives the connection up without telling the network (TS 36.331 5.3.9).

        Returns:
            Whether there was a connection, or one was asked for.
        """
        if self._context.state is RrcState.RELEASING:
            self._control.release_delay_over(now)
            return True
        if self._context.state.connected:
            self._control.leave("released by NAS", now)
            return True
        wanted = self._control.wanted
        self._control.give_up("given up by NAS")
        return wanted

    def set_security(self, k_enb: bytes, k_asme: bytes | None = None) -> None:
        """Key for the next SecurityModeCommand; security that is active is not touched.

        Args:
            k_enb: K_eNB.
            k_asme: K_ASME, for a re-establishment at a base station that has another next hop.

        Raises:
            ValueError: a key that has not 32 bytes.
        """
        if len(k_enb) != _K_ENB_BYTES:
            raise ValueError(f"K_eNB has {len(k_enb)} bytes, {_K_ENB_BYTES} are wanted")
        self._context.next_chain = KeyChain(k_enb, k_asme, sync_input=k_enb)

    # Events and time

    def next_event(self) -> UeRrcEvent | None:
        """The oldest event that was not fetched; None where there is none."""
        return self._context.events.popleft() if self._context.events else None

    def next_timer(self) -> int | None:
        """When `handle_timers` is due; None where no timer runs."""
        context = self._context
        first = min(context.timers.values()) if context.timers else None
        if context.state is RrcState.CONNECTED and context.connection is not None:
            report = context.connection.measurements.next_timer()
            if report is not None and (first is None or report < first):
                return report
        return first

    def handle_timers(self, now: int) -> None:
        """Do what is due."""
        for timer in self._context.expired(now):
            self._expired(timer, now)
        if self.state is RrcState.CONNECTED and self.connection is not None:
            for report in self.connection.measurements.handle_timers(now):
                self._context.send(1, report)

    def _expired(self, timer: Timer, now: int) -> None:
        match timer:
            case Timer.T300:
                self._control.t300_expired(now)
            case Timer.T301 | Timer.T311:
                self._reestablishment.gave_up(now)
            case Timer.T310:
                self._reestablishment.link_failed("out of sync (T310)", now)
            case Timer.RELEASE:
                self._control.release_delay_over(now)
            case Timer.MODIFICATION | Timer.VALIDITY:
                self._information.expire(now)
            case Timer.ACQUISITION:
                self._cells.acquisition_failed(now)
            case Timer.BARRED:
                self._cells.barring_over(now)
            case _ if timer in BARRING_TIMERS:
                self._barring.expired(timer)

    # Messages

    def _receive(self, kind: MessageType, data: bytes, now: int) -> None:
        """Find the handler of a message; what is malformed or out of place is refused (TS 36.331 5.7)."""
        try:
            received = open_message(kind, data)
        except Asn1Error as error:
            self._context.refuse(kind, str(error))
            return
        handler = self.transitions.get((self.state, received.name))
        if handler is None:
            self._context.refuse(received.name, "it is not expected now")
            return
        try:
            with reading(received.name):
                handler(received, now)
        except Asn1Error as error:
            self._context.refuse(received.name, str(error))

    def _paged(self, paging: Value) -> Paged | None:
        """What a Paging message says to this UE."""
        for record in paging.get("pagingRecordList", []):
            kind, value = record["ue-Identity"]
            if kind == "s-TMSI" and (value["mmec"][0], value["m-TMSI"][0]) == self.ue_identity.s_tmsi:
                return Paged("s_tmsi", record["cn-Domain"])
            if kind == "imsi" and "".join(map(str, value)) == self.ue_identity.imsi:
                return Paged("imsi", record["cn-Domain"])
        return None


__all__ = ["RrcState", "UeIdentity", "UeRrc", "UeRrcSettings"]
