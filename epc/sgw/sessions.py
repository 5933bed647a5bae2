"""PDN connections at the SGW: created, modified, released and deleted by the MME (TS 29.274 7.2.1, 7.2.7 to 7.2.9)."""

import logging
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any, Final

from picocell.epc.interfaces import gtpv2c
from picocell.epc.interfaces import gtpv2c_messages as m
from picocell.epc.interfaces.gtpv2c_endpoint import CONTEXT_NOT_FOUND, ControlEndpoint
from picocell.epc.interfaces.gtpv2c_ies import Cause, Ebi, FTeid, IndicationFlag
from picocell.epc.interfaces.gtpv2c_ies import Interface as End
from picocell.epc.interfaces.gtpv2c_transactions import RequestReceived, RequestTimedOut, ResponseReceived
from picocell.epc.interfaces.transport import Interface
from picocell.epc.sgw.contexts import Contexts, Pdn, Tunnel, Ue
from picocell.epc.sgw.downlink_buffer import DownlinkBuffer
from picocell.epc.sgw.user_plane import UserPlane

logger = logging.getLogger(__name__)

ACCEPTED: Final = 16
ACCEPTED_PARTIALLY: Final = 17
PGW_NOT_RESPONDING: Final = 12
REMOTE_PEER_NOT_RESPONDING: Final = 100
INVALID_REPLY: Final = 107
CONDITIONAL_IE_MISSING: Final = 103
MANDATORY_IE_INCORRECT: Final = 69
"""Cause values (TS 29.274 Table 8.4-1)."""


@dataclass(frozen=True, slots=True)
class _Relayed:
    """A request of the MME that waits for the PGW's answer; None where the SGW asks for itself."""

    pdn: Pdn
    request: RequestReceived | None
    mme_teid: int


class SessionProcedures:
    """What the MME asks of PDN connections."""

    def __init__(
        self,
        address: str,
        contexts: Contexts,
        control: ControlEndpoint,
        user: UserPlane,
        buffer_bounds: tuple[int, int],
    ) -> None:
        self._address, self._contexts, self._control, self._user = address, contexts, control, user
        self._ip = IPv4Address(address)
        self._buffer_bounds = buffer_bounds

    def create(self, event: RequestReceived, now: int) -> None:
        """Create Session Request: pass it on to the PGW (clause 7.2.1)."""
        request: Any = event.packet.message
        ue = self._contexts.by_s11.get(event.packet.teid) if event.packet.teid else None
        mme = request.sender
        if event.packet.teid and ue is None:
            self._control.refuse(event, CONTEXT_NOT_FOUND, now, mme.teid)
            return
        cause = _fault(request, is_new=ue is None)
        if cause is not None:
            logger.warning(
                "SGW: Create Session Request refused: %s %s", gtpv2c.cause_name(cause.value), cause.offending
            )
            self._control.respond(event, m.CreateSessionResponse(cause=cause), mme.teid, now)
            return
        first = request.bearer_contexts[0].ebi.value
        if ue is None:
            ue = self._new_ue(request, str(mme.ipv4), now)
        elif first in ue.pdns:
            self.delete_at_pgw(ue.pdns[first], now, keep_ue=True)
        elif ue.bearer(first) is not None:  # a dedicated bearer of another connection
            self._control.refuse(event, MANDATORY_IE_INCORRECT, now, mme.teid)
            return
        self._ask_pgw(event, request, ue, now)

    def created(self, event: ResponseReceived, now: int) -> None:
        """Create Session Response: the PGW's ends are known (clause 7.2.2)."""
        relayed: _Relayed = event.context
        message: Any = event.packet.message
        pdn = relayed.pdn
        if not message.cause.accepted:
            self._fail_create(relayed, message.cause, now, message)
            return
        f_teids = {c.ebi.value: c.f_teid(End.S5U_PGW) for c in message.bearer_contexts}
        control = message.pgw
        if control is not None and control.ipv4 is not None:
            pdn.pgw_teid = control.teid
        if not pdn.alive:  # the MME has deleted it meanwhile
            self._ask_delete(pdn, None, now)
            return
        if control is None or any(_end(f_teids.get(ebi)) is None for ebi in pdn.bearers):
            if control is not None:
                self._ask_delete(pdn, None, now)
            self._fail_create(relayed, Cause(INVALID_REPLY), now, None)
            return
        for ebi, bearer in pdn.bearers.items():
            self._user.set_pgw(bearer, _end(f_teids[ebi]), now)
            qos = next(c.qos for c in message.bearer_contexts if c.ebi.value == ebi)
            bearer.qos = qos or bearer.qos
        self._answer_create(relayed, message, now)

    def create_timed_out(self, event: RequestTimedOut, now: int) -> None:
        """The PGW does not answer."""
        self._fail_create(event.context, Cause(REMOTE_PEER_NOT_RESPONDING), now, None)

    def modify(self, event: RequestReceived, now: int) -> None:
        """Modify Bearer Request: the eNB's ends; what has waited goes out (clause 7.2.7)."""
        request: Any = event.packet.message
        ue = self._contexts.by_s11.get(event.packet.teid or 0)
        if ue is None:
            self._control.refuse(event, CONTEXT_NOT_FOUND, now, 0 if request.sender is None else request.sender.teid)
            return
        if request.sender is not None and request.sender.ipv4 is not None:
            self._move_mme(ue, str(request.sender.ipv4), request.sender.teid, now)
        answers = [self._modify_bearer(ue, context, now) for context in request.bearer_contexts]
        removed = []
        for context in request.to_remove:
            bearer = ue.bearer(context.ebi.value)
            if bearer is not None:
                self._user.set_enb(bearer, None, now)
            removed.append(m.BearerContext(ebi=context.ebi, cause=Cause(ACCEPTED)))
        good = [answer for answer in answers if answer.cause is not None and answer.cause.accepted]
        cause = ACCEPTED if len(good) == len(answers) else ACCEPTED_PARTIALLY if good else CONTEXT_NOT_FOUND
        if good:
            ue.notified_until = None
            self._user.flush(ue)
        response = m.ModifyBearerResponse(
            cause=Cause(cause), bearer_contexts=tuple(answers), for_removal=tuple(removed)
        )
        self._control.respond(event, response, ue.mme_teid, now)

    def release_access(self, event: RequestReceived, now: int) -> None:
        """Release Access Bearers Request: the phone is idle (clause 7.2.21)."""
        ue = self._contexts.by_s11.get(event.packet.teid or 0)
        if ue is None:
            self._control.refuse(event, CONTEXT_NOT_FOUND, now)
            return
        for bearer in ue.bearers():
            self._user.set_enb(bearer, None, now)
        ue.notified_until = None
        self._control.respond(event, m.ReleaseAccessBearersResponse(cause=Cause(ACCEPTED)), ue.mme_teid, now)

    def delete(self, event: RequestReceived, now: int) -> None:
        """Delete Session Request (clause 7.2.9.1); with the scope indication only the SGW forgets the phone."""
        request: Any = event.packet.message
        ue = self._contexts.by_s11.get(event.packet.teid or 0)
        if ue is None:
            self._control.refuse(event, CONTEXT_NOT_FOUND, now, 0 if request.sender is None else request.sender.teid)
            return
        flags = request.indication.flags if request.indication is not None else IndicationFlag(0)
        if flags & IndicationFlag.SI:
            mme_teid = ue.mme_teid
            for each in list(ue.pdns.values()):
                self.drop(each, now)
            self._control.respond(event, m.DeleteSessionResponse(cause=Cause(ACCEPTED)), mme_teid, now)
            return
        pdn = ue.pdns.get(request.linked_ebi.value) if request.linked_ebi is not None else None
        if pdn is None:
            self._control.refuse(event, CONTEXT_NOT_FOUND, now, ue.mme_teid)
        elif pdn.pgw_teid:
            self._ask_delete(pdn, event, now)
        else:  # the PGW has not answered yet; when it does it is told
            mme_teid = ue.mme_teid
            self.drop(pdn, now)
            self._control.respond(event, m.DeleteSessionResponse(cause=Cause(ACCEPTED)), mme_teid, now)

    def deleted(self, event: ResponseReceived, now: int) -> None:
        """Delete Session Response: a PGW that does not know the session has nothing to delete either."""
        message: Any = event.packet.message
        self._finish_delete(event.context, Cause(ACCEPTED), message.pco, now)

    def delete_timed_out(self, event: RequestTimedOut, now: int) -> None:
        """The PGW does not answer: the session is deleted here all the same."""
        self._finish_delete(event.context, Cause(REMOTE_PEER_NOT_RESPONDING), None, now)

    def mme_lost(self, address: str, now: int) -> None:
        """An MME has restarted: its phones' sessions are deleted, at the PGWs too (TS 23.007 14)."""
        for ue in [ue for ue in self._contexts.by_s11.values() if ue.mme_address == address]:
            logger.warning("SGW: MME %s has lost IMSI %s", address, ue.imsi)
            for pdn in list(ue.pdns.values()):
                self.delete_at_pgw(pdn, now)

    def pgw_lost(self, address: str, now: int) -> None:
        """A PGW has restarted: its sessions are deleted, and the MMEs are told (TS 23.007 17)."""
        for pdn in [pdn for pdn in self._contexts.by_s5c.values() if pdn.pgw_address == address and pdn.pgw_teid]:
            ue = pdn.ue
            logger.warning("SGW: PGW %s has lost IMSI %s", address, ue.imsi)
            message = m.DeleteBearerRequest(linked_ebi=Ebi(pdn.ebi), cause=Cause(PGW_NOT_RESPONDING))
            self._control.request((Interface.S11, ue.mme_address), message, ue.mme_teid, now)
            self.drop(pdn, now)

    def enb_lost(self, address: str, now: int) -> None:
        """An eNB does not answer any more: its phones are idle (TS 23.007 20.3)."""
        for ue in self._contexts.by_s11.values():
            for bearer in ue.bearers():
                if bearer.enb is not None and bearer.enb.address == address:
                    self._user.set_enb(bearer, None, now)

    def delete_at_pgw(self, pdn: Pdn, now: int, *, keep_ue: bool = False) -> None:
        """Delete a PDN connection here and at its PGW, for the SGW itself."""
        if pdn.pgw_teid:
            self._ask_delete(pdn, None, now)
        self.drop(pdn, now, keep_ue=keep_ue)

    def drop(self, pdn: Pdn, now: int, *, keep_ue: bool = False) -> None:
        """Forget a PDN connection, and unless told otherwise the phone with its last one."""
        if not pdn.alive:
            return
        ue = pdn.ue
        for bearer in [*pdn.bearers.values(), *pdn.unnamed]:
            self._user.drop_bearer(bearer, now)
        self._contexts.drop_pdn(pdn)
        self._control.release((Interface.S5C, pdn.pgw_address))
        if not ue.pdns and not keep_ue:
            self._user.discard(ue)
            self._contexts.drop_ue(ue)
            self._control.release((Interface.S11, ue.mme_address))

    def end(self, interface: End, teid: bytes) -> FTeid:
        """An own end of a bearer for a message."""
        return FTeid(interface, int.from_bytes(teid, "big"), self._ip)

    def _new_ue(self, request: Any, mme_address: str, now: int) -> Ue:
        """A phone that is created without a TEID is a new one: what was known of it is deleted (clause 7.2.1)."""
        former = self._contexts.by_imsi.get(request.imsi.digits)
        if former is not None:
            logger.info("SGW: IMSI %s is created again", former.imsi)
            for pdn in list(former.pdns.values()):
                self.delete_at_pgw(pdn, now)
        buffer = DownlinkBuffer(*self._buffer_bounds)
        self._control.use((Interface.S11, mme_address), now)
        return self._contexts.add_ue(request.imsi.digits, mme_address, request.sender.teid, buffer)

    def _ask_pgw(self, event: RequestReceived, request: Any, ue: Ue, now: int) -> None:
        peer = (Interface.S5C, str(request.pgw.ipv4))
        first = request.bearer_contexts[0].ebi.value
        pdn = self._contexts.add_pdn(ue, first, peer[1])
        self._control.use(peer, now)
        contexts = []
        for context in request.bearer_contexts:
            if context.ebi.value not in pdn.bearers and ue.bearer(context.ebi.value) is None:
                bearer = self._contexts.add_bearer(pdn, context.ebi.value, context.qos)
                ends = {2: self.end(End.S5U_SGW, bearer.s5u_teid)}
                contexts.append(m.BearerContext(ebi=context.ebi, tft=context.tft, f_teids=ends, qos=context.qos))
        message = m.CreateSessionRequest(
            imsi=request.imsi,
            msisdn=request.msisdn,
            mei=request.mei,
            uli=request.uli,
            serving_network=request.serving_network,
            rat_type=request.rat_type,
            indication=request.indication,
            sender=FTeid(End.S5C_SGW, pdn.s5c_teid, self._ip),
            apn=request.apn,
            selection_mode=request.selection_mode,
            pdn_type=request.pdn_type,
            paa=request.paa,
            max_apn_restriction=request.max_apn_restriction,
            ambr=request.ambr,
            pco=request.pco,
            bearer_contexts=tuple(contexts),
            recovery=self._control.recovery,
            time_zone=request.time_zone,
            charging_characteristics=request.charging_characteristics,
        )
        self._control.request(peer, message, 0, now, _Relayed(pdn, event, ue.mme_teid))

    def _answer_create(self, relayed: _Relayed, message: Any, now: int) -> None:
        pdn = relayed.pdn
        contexts = []
        for context in message.bearer_contexts:
            bearer = pdn.bearers.get(context.ebi.value)
            if bearer is not None:
                ends = {0: self.end(End.S1U_SGW, bearer.s1u_teid), 2: context.f_teid(End.S5U_PGW)}
                contexts.append(
                    m.BearerContext(
                        ebi=context.ebi,
                        cause=context.cause or Cause(ACCEPTED),
                        f_teids=ends,
                        qos=context.qos,
                        charging_id=context.charging_id,
                    )
                )
        response = m.CreateSessionResponse(
            cause=message.cause,
            sender=FTeid(End.S11_SGW, pdn.ue.s11_teid, self._ip),
            pgw=message.pgw,
            paa=message.paa,
            apn_restriction=message.apn_restriction,
            ambr=message.ambr,
            linked_ebi=message.linked_ebi,
            pco=message.pco,
            bearer_contexts=tuple(contexts),
            recovery=self._control.recovery,
        )
        if relayed.request is not None:
            self._control.respond(relayed.request, response, relayed.mme_teid, now)

    def _fail_create(self, relayed: _Relayed, cause: Cause, now: int, message: Any) -> None:
        pdn = relayed.pdn
        logger.warning("SGW: no session for IMSI %s: %s", pdn.ue.imsi, gtpv2c.cause_name(cause.value))
        was_alive = pdn.alive
        self.drop(pdn, now)
        if relayed.request is not None and was_alive:
            from_remote = Cause(cause.value, cause.pce, cause.bce, message is not None, cause.offending)
            pco = None if message is None else message.pco
            response = m.CreateSessionResponse(cause=from_remote, pco=pco)
            self._control.respond(relayed.request, response, relayed.mme_teid, now)

    def _modify_bearer(self, ue: Ue, context: m.BearerContext, now: int) -> m.BearerContext:
        bearer = ue.bearer(context.ebi.value)
        if bearer is None:
            return m.BearerContext(ebi=context.ebi, cause=Cause(CONTEXT_NOT_FOUND))
        end = _end(context.f_teid(End.S1U_ENB))
        if end is not None:
            self._user.set_enb(bearer, end, now)
        ends = {0: self.end(End.S1U_SGW, bearer.s1u_teid)}
        return m.BearerContext(ebi=context.ebi, cause=Cause(ACCEPTED), f_teids=ends)

    def _move_mme(self, ue: Ue, address: str, teid: int, now: int) -> None:
        if address != ue.mme_address:
            self._control.release((Interface.S11, ue.mme_address))
            self._control.use((Interface.S11, address), now)
        ue.mme_address, ue.mme_teid = address, teid

    def _ask_delete(self, pdn: Pdn, event: RequestReceived | None, now: int) -> None:
        message = m.DeleteSessionRequest(linked_ebi=Ebi(pdn.ebi))
        peer = (Interface.S5C, pdn.pgw_address)
        self._control.request(peer, message, pdn.pgw_teid, now, _Relayed(pdn, event, pdn.ue.mme_teid))

    def _finish_delete(self, relayed: _Relayed, cause: Cause, pco: Any, now: int) -> None:
        self.drop(relayed.pdn, now)
        if relayed.request is not None:
            response = m.DeleteSessionResponse(cause=cause, pco=pco)
            self._control.respond(relayed.request, response, relayed.mme_teid, now)


def tunnel_end(f_teid: FTeid | None) -> Tunnel | None:
    """The far end of a tunnel as the user plane has it, None for one without IPv4."""
    if f_teid is None or f_teid.ipv4 is None:
        return None
    return Tunnel(f_teid.teid.to_bytes(4, "big"), str(f_teid.ipv4))


_end = tunnel_end


def _fault(request: Any, *, is_new: bool) -> Cause | None:
    """What a Create Session Request lacks, None for nothing."""
    if is_new and request.imsi is None:
        return Cause(CONDITIONAL_IE_MISSING, offending=(1, 0))
    if request.sender.ipv4 is None:
        return Cause(MANDATORY_IE_INCORRECT, offending=(87, 0))
    if request.pgw is None or request.pgw.ipv4 is None:
        return Cause(CONDITIONAL_IE_MISSING, offending=(87, 1))
    if any(context.ebi.value == 0 for context in request.bearer_contexts):
        return Cause(MANDATORY_IE_INCORRECT, offending=(73, 0))
    return None
