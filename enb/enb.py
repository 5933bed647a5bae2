"""An eNB with one cell: S1AP, RRC, bearers, GTP-U and MAC wired together, in the caller's time.

Each millisecond, in this order::

    subframe = enb.downlink(now)                        # to be sent
    indication = phy.receive(enb.uplink(now), samples)  # what was heard
    enb.receive_uplink(indication, now)
    enb.tick(now)                                       # timers, and what the core has to say
"""

import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from picocell.enb import s1ap_events
from picocell.enb.broadcast import BroadcastScheduler
from picocell.enb.s1ap import EnbS1ap
from picocell.enb.settings import EnbSettings
from picocell.enb.si_change import SystemInformationChange, prepare
from picocell.enb.system_information import sib1, system_information
from picocell.enb.user_plane import UserPlane
from picocell.epc.interfaces.gtpu_endpoint import TunnelUnknown
from picocell.epc.interfaces.transport import Interface, Message
from picocell.kernels.sch import SoftBuffer
from picocell.mac import enb_events as mac_events
from picocell.mac.dedicated_config import BearerKind
from picocell.mac.enb_mac import DownlinkSubframe, EnbMac
from picocell.mac.uci_resources import UciResources
from picocell.phy.fapi_uplink import UlConfigRequest, UlIndication
from picocell.phy.lte.frame import TTI_MODULO
from picocell.phy.lte.ul_grant import PuschGrant
from picocell.rlc_pdcp import bearer as bearers
from picocell.rlc_pdcp.pdcp.config import MAX_SDU
from picocell.rrc_nas.rrc import enb_events as rrc_events
from picocell.rrc_nas.rrc import events as radio_events
from picocell.rrc_nas.rrc.bearer_table import SRB0, BearerTable
from picocell.rrc_nas.rrc.enb import EnbRrc
from picocell.rrc_nas.rrc.enb_settings import Paging
from picocell.rrc_nas.rrc.radio_config import rach_config, uplink_config
from picocell.rrc_nas.rrc.states import SecurityKeys

_LOG: Final = logging.getLogger(__name__)

_MME_LOST: Final = ("radioNetwork", "load-balancing-tau-required")
"""Why UEs are released when the MME is lost: each then tells whoever is the MME next that it is there."""

_LONGEST_REST: Final = 16
"""ms after which S1AP and GTP-U are asked for their timers again, whatever they said."""

EnbEvent = mac_events.EnbMacEvent | rrc_events.EnbRrcEvent | s1ap_events.Event
"""What an eNB tells its owner: the events of its layers."""


class Enb:
    """An eNB.

    Args:
        settings: what it is.
        address: of its end of S1AP and GTP-U.
        mme_address: of the MME.
        gtpu_address: of its end of GTP-U, where that is another one.
        core_clock: ms of the core's protocols, where the radio's time may stand still; the radio's time when None.

    Attributes:
        mac: medium access control.
        rrc: radio resource control.
        s1ap: towards the MME.
        user_plane: tunnels to the SGW.
        ues: bearers of each UE by RNTI.
        dropped_packets: of the core, of a size that PDCP does not take.
    """

    def __init__(
        self,
        settings: EnbSettings,
        *,
        address: str,
        mme_address: str,
        gtpu_address: str | None = None,
        core_clock: Callable[[], int] | None = None,
    ) -> None:
        self.settings = settings
        self._core_clock = core_clock
        cell, sibs = settings.cell, settings.sibs()
        self.cell = cell
        self.ul = uplink_config(sibs[2], n_prb=cell.n_prb)
        self.rach = rach_config(sibs[2])
        payloads = [system_information(sibs)]
        self.broadcast = BroadcastScheduler(cell, sib1(settings.identity), payloads, si_subframe=settings.si_subframe)
        self.mac = EnbMac(cell, self.ul, self.rach, settings=settings.mac, scheduler=settings.scheduler)
        resources = UciResources(cell, self.ul, sr_period=settings.sr_period, cqi_period=settings.cqi_period)
        self.rrc = EnbRrc(
            cell, sib2=sibs[2], resources=resources, defaults=settings.radio, settings=settings.rrc_settings
        )
        self.resources = resources
        self.rrc.accepting = False
        self.rrc.verify_last = self._verify_last
        self.s1ap = EnbS1ap(
            settings.identity,
            settings.enb_id,
            settings.name,
            address,
            mme_address,
            gtpu_address or address,
            settings=settings.s1ap,
        )
        self.address = address
        self.gtpu_address = gtpu_address or address
        self._outgoing: list[Message] = []
        self.user_plane = UserPlane(self.gtpu_address, self._outgoing.append)
        self.ues: dict[int, BearerTable] = {}
        self.dropped_packets = 0
        self._core_look_at = 0
        self._change: tuple[int, SystemInformationChange] | None = None
        self._events: deque[EnbEvent] = deque(maxlen=10_000)

    # the radio's side

    def downlink(self, now: int, *, new_data: bool = True) -> DownlinkSubframe:
        """What subframe ``now`` carries; without new data if it has to be made quickly."""
        if self._change is not None and now >= self._change[0]:
            self._change[1].take_effect(self.broadcast)
            self.settings, self._change = self._change[1].settings, None
        broadcast = self.broadcast.subframe(now % TTI_MODULO)
        return self.mac.downlink(now, broadcast, self.rrc.paging(now), new_data=new_data)

    def uplink(self, now: int) -> UlConfigRequest:
        """What uplink subframe ``now`` may carry."""
        return self.mac.uplink(now)

    def not_sent(self, now: int) -> None:
        """Downlink subframe ``now`` was composed, and did not go out."""
        self.mac.not_sent(now)

    def not_heard(self, now: int) -> None:
        """Uplink subframe ``now`` is passed over, or its samples were lost."""
        self.mac.not_heard(now)

    def soft_buffer(self, grant: PuschGrant) -> SoftBuffer | None:
        """Soft buffer of a PUSCH, for the receiver."""
        return self.mac.soft_buffer(grant)

    def receive_uplink(self, indication: UlIndication, now: int) -> None:
        """What was heard in uplink subframe ``now``."""
        self.mac.receive(indication, now)
        self._drain(now)

    def change_system_information(
        self,
        now: int,
        *,
        sib2: dict[str, Any] | None = None,
        sib3: dict[str, Any] | None = None,
        barred: bool = False,
    ) -> int:
        """Announce other system information to all phones, and broadcast it with another value tag in due time.

        Args:
            now: ms.
            sib2, sib3: the blocks; as they were when None. Common radio resources cannot change.
            barred: whether the cell is.

        Returns:
            When it holds, ms: the beginning of the modification period after the one that announces it.

        Raises:
            ValueError: a change that needs a new eNB, or one is under way.
            Asn1Error: a value that the messages do not allow.
        """
        if self._change is not None:
            raise ValueError(f"the system information changes at {self._change[0]} ms already")
        change = prepare(self.settings, self.broadcast.value_tag, sib2=sib2, sib3=sib3, barred=barred)
        self._change = self.rrc.system_information_changes(now), change
        return self._change[0]

    # the core's side

    def connect(self, now: int) -> None:
        """There is an association with the MME: set S1 up."""
        self.s1ap.connect(self._core_now(now))
        self._drain(now)

    def connection_lost(self, now: int) -> None:
        """The association with the MME is gone."""
        self.s1ap.connection_lost(self._core_now(now))
        self.rrc.accepting = False
        self._drain(now)

    def receive(self, message: Message, now: int) -> None:
        """A message of the MME or a packet of the SGW."""
        if message.interface is Interface.S1AP:
            self._core_look_at = 0
            self.s1ap.receive(message, self._core_now(now))
            self._drain(now)
        elif message.interface is Interface.S1U:
            self._receive_packet(message, now)
        else:
            _LOG.warning("eNB %s: a message on %s is not for an eNB", self.address, message.interface)

    def messages_to_send(self) -> list[Message]:
        """Messages for the core, each given once."""
        found = self.s1ap.messages_to_send()
        if found:
            self._core_look_at = 0  # what starts a timer of S1AP sends a message, or came in one
        if self._outgoing:
            found += self._outgoing
            self._outgoing.clear()
        return found

    def tick(self, now: int) -> None:
        """Timers of all layers but the MAC's, which `downlink` sees to."""
        for table in self.ues.values():
            table.handle_timers(now)
        rrc, core_now = self.rrc, self._core_now(now)
        due = rrc.next_timer()
        if due is not None and due <= now:
            rrc.handle_timers(now)
        if core_now >= self._core_look_at:
            self._core_look_at = core_now + _LONGEST_REST
            for layer in (self.s1ap, self.user_plane.endpoint):
                due = layer.next_timer()
                if due is None:
                    continue
                if due <= core_now:
                    layer.handle_timers(core_now)
                    due = core_now + 1
                self._core_look_at = min(self._core_look_at, due)
        self._drain(now)

    def next_event(self) -> EnbEvent | None:
        """The oldest event that was not fetched."""
        return self._events.popleft() if self._events else None

    def tables(self) -> dict[str, int]:
        """Sizes of everything that a UE leaves behind."""
        return {
            "MAC UEs": len(self.mac.rntis),
            "RRC UEs": len(self.rrc.ues),
            "bearer tables": len(self.ues),
            "tunnels": len(self.user_plane.tunnels),
            "uplink control resources": len(self.resources.rntis),
            "pages": self.rrc.pages_waiting,
        } | {f"S1AP {name}": size for name, size in self.s1ap.tables().items()}

    # inside

    def _core_now(self, now: int) -> int:
        return now if self._core_clock is None else self._core_clock()

    def _verify_last(self, rnti: int, keys: SecurityKeys) -> bool:
        table = self.ues.get(rnti)
        return table is not None and table.verify_last(keys)

    def _drain(self, now: int) -> None:
        """Pass events between the layers until all is quiet."""
        while True:
            busy = False
            while (mac_event := self.mac.next_event()) is not None:
                busy = True
                self._mac_event(mac_event, now)
            told = [(rnti, found) for rnti, table in self.ues.items() if (found := table.events())]
            for rnti, found in told:
                busy = True
                for lcid, event in found:
                    self._bearer_event(rnti, lcid, event, now)
            while (rrc_event := self.rrc.next_event()) is not None:
                busy = True
                self._rrc_event(rrc_event, now)
            while (s1ap_event := self.s1ap.next_event()) is not None:
                busy = True
                self._s1ap_event(s1ap_event, now)
            if not busy:
                return

    def _mac_event(self, event: mac_events.EnbMacEvent, now: int) -> None:
        self._events.append(event)
        match event:
            case mac_events.CcchReceived(rnti, sdu):
                self.ues[rnti] = table = BearerTable()
                self.mac.add_channel(rnti, SRB0, table.bearers[SRB0])
                self.rrc.receive_ccch(rnti, sdu, now)
            case mac_events.CRntiReceived(rnti):
                self.rrc.ue_returned(rnti, now)
            case mac_events.UeLost(rnti, reason):
                self.rrc.radio_link_failure(rnti, reason, now)
            case mac_events.RandomAccessExpired(rnti):
                self._forget(rnti)

    def _bearer_event(self, rnti: int, lcid: int, event: bearers.Event, now: int) -> None:
        table = self.ues.get(rnti)
        setup = table.setups.get(lcid) if table is not None else None
        match event:
            case bearers.SduReceived(sdu):
                if lcid == SRB0:
                    self.rrc.receive_ccch(rnti, sdu, now)
                elif setup is not None and setup.bearer.kind is BearerKind.SRB:
                    self.rrc.receive_dcch(rnti, lcid, sdu, now)
                elif setup is not None and setup.bearer.eps_bearer is not None:
                    self.rrc.activity(rnti, now)
                    self.user_plane.send(rnti, setup.bearer.eps_bearer, sdu)
            case bearers.IntegrityFailure():
                self.rrc.integrity_failure(rnti, now)
            case bearers.MaxRetxReached():
                self.rrc.radio_link_failure(rnti, f"RLC of channel {lcid} gave up", now)
            case bearers.CountExhausted():
                self.s1ap.release_request(rnti, ("radioNetwork", "unspecified"), self._core_now(now))

    # RRC

    def _rrc_event(self, event: rrc_events.EnbRrcEvent, now: int) -> None:
        self._events.append(event)
        s1ap = self.s1ap
        match event:
            case radio_events.UeEvent(rnti, radio_event):
                self._radio_event(rnti, radio_event, now)
            case rrc_events.InitialUeMessage():
                self._initial_ue_message(event, now)
            case rrc_events.UplinkNas(rnti, nas):
                s1ap.uplink_nas(rnti, nas)
            case rrc_events.NasNotDelivered(rnti, nas):
                s1ap.nas_non_delivery(rnti, nas, ("radioNetwork", "radio-connection-with-ue-lost"))
            case rrc_events.InitialContextSetupDone(rnti, erabs, failed):
                s1ap.initial_context_setup_response(rnti, self._ends(rnti, erabs), tuple(failed.items()))
                self._close_failed(rnti, failed)
            case rrc_events.InitialContextSetupFailed(rnti, cause):
                self.user_plane.close(rnti)
                s1ap.initial_context_setup_failure(rnti, cause)
            case rrc_events.ErabSetupDone(rnti, erabs, failed):
                s1ap.erab_setup_response(rnti, self._ends(rnti, erabs), tuple(failed.items()))
                self._close_failed(rnti, failed)
            case rrc_events.ErabReleaseDone(rnti, erabs, failed):
                for erab_id in erabs:
                    self.user_plane.close(rnti, erab_id)
                s1ap.erab_release_response(rnti, erabs, tuple(failed.items()))
            case rrc_events.UeCapability(rnti, container):
                s1ap.ue_capability(rnti, container)
            case rrc_events.ReleaseRequest(rnti, cause):
                s1ap.release_request(rnti, cause, self._core_now(now))
            case rrc_events.UeRenamed(old, new):
                self._rename(old, new)
            case rrc_events.UeGone(rnti, cause, known, ordered):
                if ordered:
                    s1ap.release_complete(rnti)
                elif known:
                    s1ap.release_request(rnti, cause, self._core_now(now))
                self._forget(rnti)

    def _radio_event(self, rnti: int, event: radio_events.RadioEvent, now: int) -> None:
        table = self.ues.get(rnti)
        if table is None:
            _LOG.debug("UE 0x%04x is gone: %s is of no use", rnti, type(event).__name__)
            return
        match event:
            case radio_events.SendSrb(srb, message):
                self._send_srb(rnti, table, srb, message, now)
            case radio_events.ConfigureRadio(config, changes):
                for lcid in changes.release:
                    self.mac.remove_channel(rnti, lcid)
                table.configure(changes, now)
                self.mac.configure(rnti, config, now)
                for setup in changes.add:
                    self.mac.add_channel(rnti, setup.lcid, table.bearers[setup.lcid])
            case radio_events.ActivateSecurity():
                table.activate(event)
            case radio_events.ReestablishBearers(keys):
                table.reestablish(keys, now)
            case radio_events.ReleaseRadio():
                self._forget(rnti)
            case radio_events.ResetMac():
                pass  # a UE's concern: the eNB gives a returning UE a new context

    def _send_srb(self, rnti: int, table: BearerTable, srb: int, message: bytes, now: int) -> None:
        found = table.bearers.get(srb)
        if found is None:
            _LOG.warning("UE 0x%04x has no SRB%d for an RRC message", rnti, srb)
            return
        if len(message) > MAX_SDU:  # a NAS message as long comes only from an MME that is not well
            _LOG.warning(
                "an RRC message of %d bytes for UE 0x%04x is dropped: PDCP takes %d", len(message), rnti, MAX_SDU
            )
            return
        found.write_sdu(message, now)
        self.mac.data_ready(rnti)

    def _initial_ue_message(self, event: rrc_events.InitialUeMessage, now: int) -> None:
        s_tmsi = None if event.s_tmsi is None else (event.s_tmsi.mmec, event.s_tmsi.m_tmsi)
        if not self.s1ap.initial_ue_message(
            event.rnti, event.nas, event.establishment_cause, s_tmsi, event.registered_mme, self._core_now(now)
        ):
            self.rrc.release(event.rnti, ("misc", "unspecified"), now)

    def _ends(self, rnti: int, erabs: tuple[int, ...]) -> list[tuple[int, int, str]]:
        """Our ends of the tunnels of bearers that stand."""
        found = []
        for erab_id in erabs:
            tunnel = self.user_plane.tunnels.get((rnti, erab_id))
            if tunnel is not None:
                found.append((erab_id, tunnel.teid, self.gtpu_address))
        return found

    def _close_failed(self, rnti: int, failed: dict[int, rrc_events.Cause]) -> None:
        for erab_id in failed:
            self.user_plane.close(rnti, erab_id)

    def _rename(self, old: int, new: int) -> None:
        """A UE was re-established under another RNTI: its bearers and tunnels go with it."""
        table, fresh = self.ues.pop(old, None), self.ues.get(new)
        if table is not None:
            if fresh is not None:
                table.bearers[SRB0] = fresh.bearers[SRB0]
            self.ues[new] = table
            for lcid in table.setups:
                self.mac.add_channel(new, lcid, table.bearers[lcid])
        self.user_plane.rename(old, new)
        self.s1ap.rename(old, new)
        self.mac.remove(old)

    def _forget(self, rnti: int) -> None:
        self.ues.pop(rnti, None)
        self.user_plane.close(rnti)
        self.mac.remove(rnti)

    # S1AP

    def _s1ap_event(self, event: s1ap_events.Event, now: int) -> None:
        self._events.append(event)
        match event:
            case s1ap_events.S1SetupDone(name):
                self.rrc.accepting = True
                _LOG.info("eNB %s: served by MME %s", self.settings.name, name)
            case s1ap_events.S1SetupFailed(text):
                self.rrc.accepting = False
                _LOG.warning("eNB %s: S1 Setup failed: %s", self.settings.name, text)
            case s1ap_events.PagingRequest():
                identity = event.s_tmsi if event.s_tmsi is not None else event.imsi
                if identity is not None:
                    self.rrc.page(Paging(event.ue_identity_index, identity, event.drx, event.cn_domain), now)
            case s1ap_events.OverloadStarted(action, reduction):
                self.rrc.overload(action, reduction)
            case s1ap_events.OverloadStopped():
                self.rrc.overload(None)
            case s1ap_events.Reset(rntis):
                for rnti in rntis:
                    self.rrc.release(rnti, event.cause if self.s1ap.ready else _MME_LOST, now)
            case _:
                self._ue_request(event, now)

    def _ue_request(self, event: s1ap_events.Event, now: int) -> None:
        """What the MME wants of one UE."""
        rrc = self.rrc
        match event:
            case s1ap_events.DownlinkNas(rnti, nas):
                rrc.downlink_nas(rnti, nas, now)
            case s1ap_events.InitialContextSetupRequest(rnti):
                for erab in event.erabs:
                    self.user_plane.open(rnti, erab.erab_id, erab.transport_address, erab.teid, self._core_now(now))
                rrc.initial_context_setup(rnti, event, now)
            case s1ap_events.ErabSetupRequest(rnti):
                for erab in event.erabs:
                    self.user_plane.open(rnti, erab.erab_id, erab.transport_address, erab.teid, self._core_now(now))
                rrc.erab_setup(rnti, event.erabs, None, now)
            case s1ap_events.ErabReleaseCommand(rnti, erab_ids, nas):
                rrc.erab_release(rnti, erab_ids, nas, now)
            case s1ap_events.ReleaseCommand(rnti, cause):
                rrc.release(rnti, cause, now)

    # packets

    def _receive_packet(self, message: Message, now: int) -> None:
        found = self.user_plane.receive(message)
        if isinstance(found, TunnelUnknown):
            _LOG.info("eNB %s: the SGW does not know a tunnel", self.address)
            for tunnel in self.user_plane.unknown_to_peer(found):
                self.s1ap.release_request(tunnel.rnti, ("radioNetwork", "unspecified"), self._core_now(now))
            self._drain(now)
            return
        if found is None:
            return
        tunnel, packet = found
        table = self.ues.get(tunnel.rnti)
        drb = table.drb_of(tunnel.erab_id) if table is not None else None
        if drb is None:
            return  # the bearer is being set up or released; the core will have it again
        if not 0 < len(packet) <= MAX_SDU:
            self.dropped_packets += 1
            _LOG.info("eNB %s: a packet of %d bytes for UE 0x%04x is dropped", self.address, len(packet), tunnel.rnti)
            return
        self.rrc.activity(tunnel.rnti, now)
        drb.write_sdu(packet, now)
        self.mac.data_ready(tunnel.rnti)
