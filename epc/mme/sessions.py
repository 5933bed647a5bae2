"""The MME's end of S11 (TS 29.274, TS 23.401 5.3, 5.4): PDN connections, bearers, and data for idle phones."""

import logging
from functools import partial
from ipaddress import IPv4Address
from typing import Final

from picocell.epc.interfaces import gtpv2c
from picocell.epc.interfaces import gtpv2c_ies as g
from picocell.epc.interfaces import gtpv2c_messages as m
from picocell.epc.interfaces import gtpv2c_transactions as t
from picocell.epc.interfaces.s1ap_values import ErabEnd
from picocell.epc.interfaces.transport import Interface
from picocell.epc.mme import nas_port
from picocell.epc.mme.session_requests import (
    CreateContext,
    DeleteContext,
    ModifyContext,
    ReleaseContext,
    SessionRequests,
)
from picocell.epc.mme.ue_context import BearerPath, NetworkBearer, PdnSession, UeContext

_log = logging.getLogger(__name__)

ACCEPTED: Final = 16
CONTEXT_NOT_FOUND: Final = 64
NO_RESPONSE: Final = 100
REQUEST_REJECTED: Final = 94
ERROR_INDICATION_RECEIVED: Final = 6
_LOST_BEARERS: Final = ("radioNetwork", "unspecified")
MAX_POSTPONED: Final = 11
"""Requests about a phone that wait for a release: as many as it can have bearers."""


class Sessions(SessionRequests):
    """Answers of the SGW to our requests, and requests of its own."""

    def erab_ready(self, ue: UeContext, end: ErabEnd, now: int) -> None:
        """The eNB has set up a bearer."""
        if end.erab_id in ue.bearers:
            ue.bearers[end.erab_id].enb = end
        waiting = ue.network_bearers.get(end.erab_id)
        if waiting is not None and waiting.accepted:
            self.bearer_answered(ue, end.erab_id, ACCEPTED, now)

    def bearer_answered(self, ue: UeContext, ebi: int, cause: int, now: int) -> None:
        """The phone has answered for a bearer that the PGW wants; once the eNB has, too, the PGW is answered."""
        waiting = ue.network_bearers.get(ebi)
        if waiting is None:
            return
        path = ue.bearers.get(ebi)
        if isinstance(waiting.wanted, m.DeleteBearerRequest):
            del ue.network_bearers[ebi]
            self._deleted(ue, waiting.received, waiting.wanted, now)
        elif cause != ACCEPTED or path is None:
            del ue.network_bearers[ebi]
            ue.bearers.pop(ebi, None)
            self._refuse_bearers(waiting.received, ue, waiting.wanted, cause, now)
        elif path.enb is None:
            waiting.accepted = True
        else:
            del ue.network_bearers[ebi]
            tunnels = {0: g.FTeid(g.Interface.S1U_ENB, path.enb.teid, IPv4Address(path.enb.address))}
            tunnels[1] = g.FTeid(g.Interface.S1U_SGW, path.sgw_teid, path.sgw_address)
            answer = m.BearerContext(ebi=g.Ebi(ebi), cause=g.Cause(ACCEPTED), f_teids=tunnels)
            response = m.CreateBearerResponse(cause=g.Cause(ACCEPTED), bearer_contexts=(answer,))
            self._respond(waiting.received, response, ue, now)

    # what the SGW wants

    def receive(self, source: str, data: bytes, now: int) -> None:
        """Take a datagram of S11."""
        self._transactions.receive(source, data, now)
        self._run(now)

    def next_timer(self) -> int | None:
        """When `handle_timers` is wanted."""
        at = self._transactions.timer()
        return None if at is None else int(at)

    def handle_timers(self, now: int) -> None:
        """Repeat requests, give up on those that are never answered."""
        self._transactions.handle_timer(now)
        self._run(now)

    def flush(self) -> None:
        """Move what is to be sent to the MME's messages."""
        for peer, data in self._transactions.datagrams_to_send():
            self._core.send(Interface.S11, str(peer), data)

    def _run(self, now: int) -> None:
        while (event := self._transactions.next_event()) is not None:
            match event:
                case t.ResponseReceived():
                    self._pending -= 1
                    self._take_answer(event.context, event.packet, now)
                case t.RequestTimedOut():
                    self._pending -= 1
                    self._core.counters["s11_timeout"] += 1
                    _log.error("MME: SGW %s does not answer %s", event.peer, type(event.request).__name__)
                    self._take_answer(event.context, None, now)
                case t.RequestReceived():
                    self._take_request(event, now)
                case t.MalformedReceived():
                    self._core.counters["s11_malformed"] += 1
                    _log.warning("MME: GTPv2-C message of %s refused: %s", event.peer, event.error)

    def _take_answer(self, context: object, packet: gtpv2c.Packet | None, now: int) -> None:
        message = None if packet is None else packet.message
        match context:
            case CreateContext(ue, session):
                self._created(ue, session, message, now)
            case DeleteContext(ue, ebi):
                ue.sessions.pop(ebi, None)
                if not ue.sessions:
                    ue.sgw_teid = None
                if not ue.removed:
                    ue.nas.session_deleted(ebi, now)
                    self._core.nas.pump(ue, now)
            case ModifyContext(ue):
                self._modified(ue, message, now)
            case ReleaseContext(ue, connection, cause):
                del ue
                if connection is not None:
                    self._core.s1.release(connection, cause, now)
            case _:
                pass

    def _created(self, ue: UeContext, session: PdnSession, message: object, now: int) -> None:
        """The SGW has answered Create Session, or never did."""
        ebi = session.ebi
        if not isinstance(message, m.CreateSessionResponse) or not message.cause.accepted:
            cause = message.cause.value if isinstance(message, m.CreateSessionResponse) else NO_RESPONSE
            self._no_session(ue, session, cause, now)
            return
        context = next((one for one in message.bearer_contexts if one.ebi.value == ebi), None)
        end = None if context is None else context.f_teid(g.Interface.S1U_SGW)
        teid = message.sender.teid if message.sender is not None else ue.sgw_teid
        if teid is not None:
            ue.sgw_teid = teid
            session.created = True
        if context is None or end is None or end.ipv4 is None or message.paa is None or teid is None:
            _log.error("%s: the SGW's answer for EBI %d lacks its tunnel, its address or its TEID", ue.name, ebi)
            if teid is not None:
                session.deleting = True
                self._delete(ue, ebi, now)
            else:
                ue.sessions.pop(ebi, None)
            if not ue.removed:
                ue.nas.session_created(ebi, nas_port.NETWORK_FAILURE_ESM, now)
                self._core.nas.pump(ue, now)
            return
        if session.deleting or ue.removed:  # not wanted any more
            session.deleting = True
            self._delete(ue, ebi, now)
            return
        ue.bearers[ebi] = BearerPath(ebi, ebi, end.ipv4, end.teid)
        pco = None if message.pco is None else message.pco.data
        ue.nas.session_created(
            ebi, nas_port.session(message.paa, context.qos, session.wanted, message.ambr, pco, end), now
        )
        self._core.nas.pump(ue, now)

    def _no_session(self, ue: UeContext, session: PdnSession, cause: int, now: int) -> None:
        ue.sessions.pop(session.ebi, None)
        _log.warning("%s: no session for APN %s: %s (%d)", ue.name, session.wanted.apn, gtpv2c.cause_name(cause), cause)
        if ue.removed:
            return
        if session.deleting:
            ue.nas.session_deleted(session.ebi, now)
        else:
            ue.nas.session_created(session.ebi, nas_port.esm_cause(cause), now)
        self._core.nas.pump(ue, now)

    def _modified(self, ue: UeContext, message: object, now: int) -> None:
        """A phone whose session the SGW does not know is to attach anew (TS 23.007 14.1A)."""
        if isinstance(message, m.ModifyBearerResponse) and message.cause.accepted:
            return
        cause = message.cause.value if isinstance(message, m.ModifyBearerResponse) else NO_RESPONSE
        _log.error("%s: the SGW refused Modify Bearer: %s (%d)", ue.name, gtpv2c.cause_name(cause), cause)
        if not ue.removed:
            self._core.nas.detach(ue, now, reattach=True)

    def _take_request(self, event: t.RequestReceived, now: int) -> None:
        message, teid = event.packet.message, event.packet.teid
        if isinstance(message, m.EchoRequest):
            counter = g.Recovery(self._core.settings.restart_counter)
            self._transactions.respond(event, m.EchoResponse(recovery=counter), None, now)
            return
        ue = self._core.ues.get(teid or 0)
        about_bearers = isinstance(message, m.CreateBearerRequest | m.DeleteBearerRequest)
        if ue is not None and about_bearers and ue.leaving and len(ue.postponed) < MAX_POSTPONED:
            ue.postponed.append(partial(self._take_request, event))
            return
        match message:
            case m.DownlinkDataNotification():
                self._notified(event, ue, message, now)
            case m.CreateBearerRequest():
                self._create_bearer(event, ue, message, now)
            case m.DeleteBearerRequest():
                self._delete_bearer(event, ue, message, now)
            case _:
                self._core.counters["s11_unexpected"] += 1
                name = gtpv2c.message_name(event.packet.type)
                _log.warning("MME: %s of %s is not supported", name, event.peer)

    def resume(self, ue: UeContext, now: int) -> None:
        """The release of a phone's connection is over: do what waited for that."""
        postponed, ue.postponed = ue.postponed, []
        for action in postponed:
            if not ue.removed:
                action(now)

    def _notified(
        self, event: t.RequestReceived, ue: UeContext | None, message: m.DownlinkDataNotification, now: int
    ) -> None:
        """Data for an idle phone (clause 7.2.11.1)."""
        if ue is None or not ue.sessions:
            teid = message.sender.teid if message.sender is not None else 0
            answer = m.DownlinkDataNotificationAcknowledge(cause=g.Cause(CONTEXT_NOT_FOUND))
            self._transactions.respond(event, answer, teid, now)
            return
        answer = m.DownlinkDataNotificationAcknowledge(cause=g.Cause(ACCEPTED))
        self._respond(event, answer, ue, now)
        if message.cause is not None and message.cause.value == ERROR_INDICATION_RECEIVED and ue.connection is not None:
            # the eNB has lost the bearers: the phone is made idle before it is paged (TS 23.007 22)
            self._core.s1.release(ue.connection, _LOST_BEARERS, now)
        self._core.paging.start(ue, now, for_data=True)

    def _create_bearer(
        self, event: t.RequestReceived, ue: UeContext | None, message: m.CreateBearerRequest, now: int
    ) -> None:
        """A dedicated bearer, to be passed to the phone (TS 23.401 5.4.1); one at a time."""
        linked = message.linked_ebi.value
        if ue is None or linked not in ue.sessions:
            self._refuse_bearers(event, ue, message, CONTEXT_NOT_FOUND, now)
            return
        context = message.bearer_contexts[0]
        end = context.f_teid(g.Interface.S1U_SGW)
        ebi = None
        if len(message.bearer_contexts) == 1 and end is not None and end.ipv4 is not None:
            ebi = self._core.nas.create_bearer(ue, linked, context, end, now)
        if ebi is None or end is None or end.ipv4 is None:
            self._refuse_bearers(event, ue, message, REQUEST_REJECTED, now)
            return
        ue.bearers[ebi] = BearerPath(ebi, linked, end.ipv4, end.teid)
        ue.network_bearers[ebi] = NetworkBearer(event, message)
        self._core.nas.pump(ue, now)

    def _refuse_bearers(
        self, event: t.RequestReceived, ue: UeContext | None, message: m.CreateBearerRequest, cause: int, now: int
    ) -> None:
        refused = tuple(m.BearerContext(ebi=g.Ebi(0), cause=g.Cause(cause)) for _ in message.bearer_contexts)
        self._respond(event, m.CreateBearerResponse(cause=g.Cause(cause), bearer_contexts=refused), ue, now)

    def _delete_bearer(
        self, event: t.RequestReceived, ue: UeContext | None, message: m.DeleteBearerRequest, now: int
    ) -> None:
        """Bearers end by the PGW's wish (TS 23.401 5.4.4); with its last PDN connection the phone is detached."""
        if ue is None:
            answer = m.DeleteBearerResponse(cause=g.Cause(CONTEXT_NOT_FOUND))
            self._respond(event, answer, None, now)
            return
        linked = None if message.linked_ebi is None else message.linked_ebi.value
        wanted = [ebi.value for ebi in message.ebis] if linked is None else [linked]
        known = [ebi for ebi in wanted if ebi in ue.bearers]
        last = linked is not None and set(ue.sessions) <= {linked}
        if not known or last:
            self._deleted(ue, event, message, now)
            if known:
                self._core.nas.detach(ue, now, reattach=True)
            return
        ue.network_bearers[known[0]] = NetworkBearer(event, message)
        for ebi in known:
            self._core.nas.delete_bearer(ue, ebi, now)
        self._core.nas.pump(ue, now)

    def _deleted(self, ue: UeContext, event: t.RequestReceived, message: m.DeleteBearerRequest, now: int) -> None:
        """The bearers are gone; where they were a PDN connection, it is, too."""
        if message.linked_ebi is not None:
            linked = message.linked_ebi.value
            ue.sessions.pop(linked, None)
            for path in [path for path in ue.bearers.values() if path.linked_ebi == linked]:
                del ue.bearers[path.ebi]
        for ebi in message.ebis:
            ue.bearers.pop(ebi.value, None)
        contexts = tuple(m.BearerContext(ebi=ebi, cause=g.Cause(ACCEPTED)) for ebi in message.ebis)
        answer = m.DeleteBearerResponse(
            cause=g.Cause(ACCEPTED), linked_ebi=message.linked_ebi, bearer_contexts=contexts
        )
        self._respond(event, answer, ue, now)
        if not ue.sessions:
            ue.sgw_teid = None
