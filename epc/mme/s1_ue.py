"""The MME's end of S1AP for what concerns one phone (TS 36.413 8.2, 8.3, 8.5, 8.6)."""

import logging
from collections.abc import Callable
from typing import Any, Final

from picocell.epc.interfaces import s1ap_values as values
from picocell.epc.interfaces.s1ap import S1apPdu
from picocell.epc.interfaces.s1ap_errors import ENB_ID, MME_ID, NOT_COMPATIBLE, error_indication, refusal
from picocell.epc.interfaces.s1ap_values import STREAM_UE, CauseValue, ErabEnd, STmsi
from picocell.epc.mme.core import Core
from picocell.epc.mme.nas_port import named_guti
from picocell.epc.mme.nas_port import tai as nas_tai
from picocell.epc.mme.s1_ue_requests import UeRequests
from picocell.epc.mme.ue_context import ConnectionState, Guard, S1Connection, UeContext

_log = logging.getLogger(__name__)

MOVED: Final = ("radioNetwork", "radio-connection-with-ue-lost")
_FAILED: Final = ("radioNetwork", "failure-in-radio-interface-procedure")

Handler = Callable[[S1Connection, S1apPdu, int], None]


class UeProcedures(UeRequests):
    """S1 connections of all phones."""

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        state = ConnectionState
        living = {state.CONNECTED, state.SETTING_UP, state.ACTIVE}
        self._handlers: dict[str, tuple[set[ConnectionState], Handler]] = {
            "UplinkNASTransport": (living, self._uplink_nas),
            "NASNonDeliveryIndication": (set(state), self._nas_non_delivery),
            "InitialContextSetupResponse": ({state.SETTING_UP}, self._context_ready),
            "InitialContextSetupFailure": ({state.SETTING_UP}, self._context_failed),
            "UECapabilityInfoIndication": (living, self._capability),
            "UEContextModificationResponse": (set(state), self._tolerated),
            "UEContextModificationFailure": (set(state), self._tolerated),
            "E-RABSetupResponse": ({state.ACTIVE}, self._erabs_set_up),
            "E-RABModifyResponse": ({state.ACTIVE}, self._erab_modified),
            "E-RABReleaseResponse": ({state.ACTIVE}, self._erabs_released),
            "E-RABReleaseIndication": ({state.ACTIVE}, self._erabs_lost),
            "UEContextReleaseRequest": (living, self._release_requested),
            "UEContextReleaseComplete": ({state.RELEASING}, self._release_complete),
        }
        self.messages = ("InitialUEMessage", *self._handlers)

    def lost(self, connection: S1Connection, now: int) -> None:
        """A connection is gone, whoever ended it; the phone is idle where it was its own."""
        self._core.forget_connection(connection)
        ue = connection.ue
        if ue is None or ue.connection is not connection:
            return
        ue.connection = connection.ue = None
        self._core.s11.release_access(ue, now)
        for ebi in list(ue.network_bearers):
            self._core.s11.bearer_answered(ue, ebi, 94, now)
        ue.nas.s1_released(now)
        self._core.nas.pump(ue, now)
        self._core.s11.resume(ue, now)

    # messages of eNBs

    def receive(self, enb: str, pdu: S1apPdu, now: int) -> None:
        """Carry out a message about one phone (clauses 10.4, 10.6)."""
        if pdu.message == "InitialUEMessage":
            self._initial_message(enb, pdu, now)
            return
        name = pdu.message or ""
        mme_id, enb_id = pdu.ies.get(MME_ID), pdu.ies.get(ENB_ID)
        connection = self.find(enb, mme_id, enb_id)
        if isinstance(connection, str):
            self._core.counters[f"unknown_ue:{name}"] += 1
            _log.warning(
                "MME: %s of eNB %s for MME-UE-S1AP-ID %s, eNB-UE-S1AP-ID %s: %s", name, enb, mme_id, enb_id, connection
            )
            if not name.endswith(("Complete", "Response", "Failure")):
                self._core.send_pdu(enb, error_indication(("radioNetwork", connection), mme_id, enb_id), STREAM_UE)
            return
        states, handler = self._handlers[name]
        if connection.state not in states:
            self._unexpected(connection, pdu)
            return
        if Guard.PROGRESS in connection.guards:
            connection.guards[Guard.PROGRESS] = now + self._core.settings.connected_guard_ms
        handler(connection, pdu, now)

    def find(self, enb: str, mme_id: int | None, enb_id: int | None) -> S1Connection | str:
        """The connection that an eNB names, or the name of the cause."""
        if mme_id is None:
            by_enb = None if enb_id is None else self._core.by_enb_id.get((enb, enb_id))
            return by_enb or "unknown-enb-ue-s1ap-id"
        connection = self._core.connections.get(mme_id)
        if connection is None or connection.enb != enb:
            return "unknown-mme-ue-s1ap-id"
        if enb_id is not None and connection.enb_id != enb_id:
            return "unknown-pair-ue-s1ap-id"
        return connection

    def _unexpected(self, connection: S1Connection, pdu: S1apPdu) -> None:
        self._core.counters[f"unexpected:{pdu.message}"] += 1
        who = "a phone that moved on" if connection.ue is None else connection.ue.name
        _log.warning("MME: %s of eNB %s for %s, which is: %s", pdu.message, connection.enb, who, connection.state.value)
        if connection.state is not ConnectionState.RELEASING:  # what crosses a release is ordinary
            self._core.send_pdu(connection.enb, refusal(pdu, NOT_COMPATIBLE), STREAM_UE)

    def _initial_message(self, enb: str, pdu: S1apPdu, now: int) -> None:
        """A phone comes (clause 8.6.2.1): it is found by its S-TMSI or is new."""
        core, ies = self._core, pdu.ies
        enb_id = ies[ENB_ID]
        tai, ecgi = values.read_tai(ies["TAI"]), _cell(ies, tai_of=ies["TAI"])
        stale = core.by_enb_id.get((enb, enb_id))
        if stale is not None:  # the eNB has given the identity to another phone, so it has dropped the first
            self.lost(stale, now)
        s_tmsi = values.read_s_tmsi(ies["S-TMSI"]) if "S-TMSI" in ies else None
        ue = self._known(s_tmsi, ies["NAS-PDU"])
        if ue is not None:
            self._leave_old_connection(ue, now)
        if ue is None or ue.removed:
            ue = core.new_ue()
        connection = S1Connection(core.new_mme_id(), enb_id, enb, ue, tai, ecgi)
        connection.guards[Guard.PROGRESS] = now + core.settings.connected_guard_ms
        core.add_connection(connection)
        ue.connection, ue.last_enb, ue.tai, ue.ecgi, ue.expiry = connection, enb, tai, ecgi, None
        data_waits = core.paging.stop(ue)
        cause = ies.get("RRC-Establishment-Cause")
        ue.nas.receive(
            ies["NAS-PDU"],
            now,
            initial=True,
            tai=nas_tai(tai),
            ecgi=ecgi,
            rrc_establishment_cause=cause,
            data_waits=data_waits,
        )
        core.nas.pump(ue, now)

    def _known(self, s_tmsi: STmsi | None, pdu: bytes) -> UeContext | None:
        """The phone that an S-TMSI of RRC, or a GUTI of NAS, names."""
        own = self._core.settings.nas
        if s_tmsi is not None:
            return self._core.by_m_tmsi.get(s_tmsi.m_tmsi) if s_tmsi.mmec == own.mme_code else None
        guti = named_guti(pdu)
        if guti is None or guti[:3] != ((own.mcc, own.mnc), own.mme_group_id, own.mme_code):
            return None
        return self._core.by_m_tmsi.get(guti.m_tmsi)

    def _leave_old_connection(self, ue: UeContext, now: int) -> None:
        """A phone that comes anew has lost its connection: it is released (TS 23.401 5.3.4.1)."""
        old = ue.connection
        if old is None:
            return
        _log.info("%s is back on a new S1 connection; the one at eNB %s is released", ue.name, old.enb)
        old.ue = ue.connection = None
        self.release(old, MOVED, now)
        self._core.s11.release_access(ue, now)
        ue.nas.s1_released(now)
        self._core.nas.pump(ue, now)
        self._core.s11.resume(ue, now)

    def _uplink_nas(self, connection: S1Connection, pdu: S1apPdu, now: int) -> None:
        ue = connection.ue
        if ue is None:
            return
        if "TAI" in pdu.ies:
            connection.tai = ue.tai = values.read_tai(pdu.ies["TAI"])
        ue.ecgi = connection.ecgi = _cell(pdu.ies, connection.ecgi)
        ue.nas.receive(pdu.ies["NAS-PDU"], now, initial=False, tai=nas_tai(connection.tai), ecgi=connection.ecgi)
        self._core.nas.pump(ue, now)

    def _nas_non_delivery(self, connection: S1Connection, pdu: S1apPdu, now: int) -> None:
        """A message did not reach the phone; the timers of NAS send it again."""
        del now
        self._core.counters["nas_not_delivered"] += 1
        who = "a phone that moved on" if connection.ue is None else connection.ue.name
        _log.warning("%s did not get a NAS message: %s", who, values.read_cause(pdu.ies))

    def _context_ready(self, connection: S1Connection, pdu: S1apPdu, now: int) -> None:
        ue = connection.ue
        if ue is None:
            return
        ends = self._ends(pdu.ies.get("E-RABSetupListCtxtSURes", ()), connection.wanted_erabs)
        for failure in map(values.read_erab_failure, pdu.ies.get("E-RABFailedToSetupListCtxtSURes", ())):
            _log.warning("%s: E-RAB %d was not set up: %s", ue.name, failure.erab_id, values.cause_text(failure.cause))
        done = [end.erab_id for end in ends]
        missing = [ebi for ebi in connection.wanted_erabs if ebi not in done]
        connection.state, connection.guards, connection.wanted_erabs = ConnectionState.ACTIVE, {}, ()
        self._core.s11.modify(ue, ends, now)
        ue.nas.s1_context_ready(now, done, missing)
        self._core.nas.pump(ue, now)

    def _context_failed(self, connection: S1Connection, pdu: S1apPdu, now: int) -> None:
        cause = values.read_cause(pdu.ies)
        self._no_context(connection, cause, now)

    def _no_context(self, connection: S1Connection, cause: CauseValue, now: int) -> None:
        connection.guards, connection.wanted_erabs = {}, ()
        connection.state = ConnectionState.CONNECTED
        ue = connection.ue
        if ue is not None:
            _log.warning("%s: eNB %s set up no context: %s", ue.name, connection.enb, values.cause_text(cause))
            ue.nas.s1_context_failed(now)
            self._core.nas.pump(ue, now)
        self.release(connection, cause, now)

    def _capability(self, connection: S1Connection, pdu: S1apPdu, now: int) -> None:
        del now
        if connection.ue is not None:
            connection.ue.radio_capability = pdu.ies.get("UERadioCapability", connection.ue.radio_capability)

    def _tolerated(self, connection: S1Connection, pdu: S1apPdu, now: int) -> None:
        del now
        _log.info("MME: %s of eNB %s for MME-UE-S1AP-ID %d", pdu.message, connection.enb, connection.mme_id)

    def _erabs_set_up(self, connection: S1Connection, pdu: S1apPdu, now: int) -> None:
        ends = self._ends(pdu.ies.get("E-RABSetupListBearerSURes", ()), connection.wanted_erabs)
        self._erabs_done(connection, ends, now)

    def _erabs_done(self, connection: S1Connection, ends: list[ErabEnd], now: int) -> None:
        ue, wanted = connection.ue, connection.wanted_erabs
        connection.guards.pop(Guard.ERABS, None)
        connection.wanted_erabs = ()
        if ue is None or not wanted:
            return
        default = [end for end in ends if end.erab_id in ue.sessions]
        self._core.s11.modify(ue, default, now)
        for end in ends:  # of dedicated bearers in Create Bearer Response
            self._core.s11.erab_ready(ue, end, now)
        done = [end.erab_id for end in ends]
        ue.nas.erabs_set_up(done, [ebi for ebi in wanted if ebi not in done], now)
        self._core.nas.pump(ue, now)

    def _erab_modified(self, connection: S1Connection, pdu: S1apPdu, now: int) -> None:
        self._tolerated(connection, pdu, now)

    def _erabs_released(self, connection: S1Connection, pdu: S1apPdu, now: int) -> None:
        """The bearers are released for the eNB, also those that it says it never had (clause 8.2.3.2)."""
        del pdu, now
        connection.guards.pop(Guard.ERABS, None)
        connection.releasing_erabs = ()

    def _erabs_lost(self, connection: S1Connection, pdu: S1apPdu, now: int) -> None:
        """The eNB has released bearers by itself (clause 8.2.3.3)."""
        ue = connection.ue
        if ue is None:
            return
        for failure in map(values.read_erab_failure, pdu.ies.get("E-RABReleasedList", ())):
            _log.warning(
                "%s: eNB %s released E-RAB %d: %s",
                ue.name,
                connection.enb,
                failure.erab_id,
                values.cause_text(failure.cause),
            )
            if failure.erab_id in ue.sessions:  # without its default bearer the phone is idle
                self._core.s11.release_access(ue, now, connection, failure.cause)

    def _release_requested(self, connection: S1Connection, pdu: S1apPdu, now: int) -> None:
        """The eNB wants a phone to be idle (clause 8.3.2, TS 23.401 5.3.5)."""
        cause, ue = values.read_cause(pdu.ies), connection.ue
        if connection.release_wanted is not None:
            return
        connection.release_wanted = cause
        if ue is None or not self._core.s11.release_access(ue, now, connection, cause):
            self.release(connection, cause, now)

    def _release_complete(self, connection: S1Connection, pdu: S1apPdu, now: int) -> None:
        del pdu
        self.lost(connection, now)

    # guards

    def next_timer(self) -> int | None:
        """When `handle_timers` is wanted."""
        times = [at for connection in self._core.connections.values() for at in connection.guards.values()]
        return min(times, default=None)

    def handle_timers(self, now: int) -> None:
        """Give up on eNBs that do not answer."""
        for connection in list(self._core.connections.values()):
            for guard, at in list(connection.guards.items()):
                if at <= now and connection.guards.get(guard) == at and connection.mme_id in self._core.connections:
                    del connection.guards[guard]
                    self._run_out(connection, guard, now)

    def _run_out(self, connection: S1Connection, guard: Guard, now: int) -> None:
        self._core.counters[f"guard:{guard.name.lower()}"] += 1
        _log.error("MME: eNB %s, MME-UE-S1AP-ID %d: gave up on %s", connection.enb, connection.mme_id, guard.value)
        match guard:
            case Guard.CONTEXT:
                self._no_context(connection, _FAILED, now)
            case Guard.ERABS:
                connection.releasing_erabs = ()
                self._erabs_done(connection, [], now)
            case Guard.RELEASE:
                self.lost(connection, now)
            case Guard.PROGRESS:
                self.release(connection, ("nas", "unspecified"), now)

    def _ends(self, items: Any, wanted: tuple[int, ...]) -> list[ErabEnd]:
        """The eNB's ends of bearers that were asked for; one that cannot be used is as good as none."""
        ends = []
        for item in items:
            try:
                end = values.read_erab_end(item)
            except ValueError as error:
                _log.warning("MME: E-RAB %d: %s", item["e-RAB-ID"], error)
                continue
            if end.erab_id in wanted and ":" not in end.address:
                ends.append(end)
            else:
                _log.warning("MME: E-RAB %d at %s was not asked for, or is not IPv4", end.erab_id, end.address)
        return ends


def _cell(ies: dict[str, Any], known: values.CellGlobalId | None = None, *, tai_of: Any = None) -> values.CellGlobalId:
    """The cell; that of before, or one without a number, where a message lacks it."""
    if "EUTRAN-CGI" in ies:
        return values.read_cgi(ies["EUTRAN-CGI"])
    if known is not None:
        return known
    tai = values.read_tai(tai_of)
    return values.CellGlobalId(tai.mcc, tai.mnc, 0)
