"""Bearers that the PGW starts and ends, passed on to the MME (TS 29.274 7.2.3, 7.2.4, 7.2.9.2, 7.2.10.2)."""

import logging
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from picocell.epc.interfaces import gtpv2c_messages as m
from picocell.epc.interfaces.gtpv2c_endpoint import CONTEXT_NOT_FOUND, ControlEndpoint
from picocell.epc.interfaces.gtpv2c_ies import Cause, Ebi, FTeid
from picocell.epc.interfaces.gtpv2c_ies import Interface as End
from picocell.epc.interfaces.gtpv2c_transactions import RequestReceived, RequestTimedOut, ResponseReceived
from picocell.epc.interfaces.transport import Interface
from picocell.epc.sgw.contexts import Bearer, Contexts, Pdn, Tunnel
from picocell.epc.sgw.sessions import (
    ACCEPTED,
    PGW_NOT_RESPONDING,
    REMOTE_PEER_NOT_RESPONDING,
    SessionProcedures,
    tunnel_end,
)
from picocell.epc.sgw.user_plane import UserPlane

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Relayed:
    """A request of the PGW that waits for the MME's answer; None where the SGW asks for itself."""

    pdn: Pdn
    request: RequestReceived | None
    bearers: tuple[Bearer, ...]


class BearerProcedures:
    """What the PGW asks of bearers."""

    def __init__(
        self,
        address: str,
        contexts: Contexts,
        control: ControlEndpoint,
        user: UserPlane,
        sessions: SessionProcedures,
    ) -> None:
        self._ip = IPv4Address(address)
        self._contexts, self._control, self._user, self._sessions = contexts, control, user, sessions

    def create(self, event: RequestReceived, now: int) -> None:
        """Create Bearer Request: the SGW's ends are added for the MME (clause 7.2.3)."""
        request: Any = event.packet.message
        pdn = self._contexts.by_s5c.get(event.packet.teid or 0)
        if pdn is None or any(tunnel_end(c.f_teid(End.S5U_PGW)) is None for c in request.bearer_contexts):
            self._control.refuse(event, CONTEXT_NOT_FOUND, now, 0 if pdn is None else pdn.pgw_teid)
            return
        bearers, contexts = [], []
        for context in request.bearer_contexts:
            bearer = self._contexts.add_bearer(pdn, 0, context.qos)
            self._user.set_pgw(bearer, tunnel_end(context.f_teid(End.S5U_PGW)), now)
            bearers.append(bearer)
            ends = {0: self._sessions.end(End.S1U_SGW, bearer.s1u_teid), 1: context.f_teid(End.S5U_PGW)}
            contexts.append(
                m.BearerContext(
                    ebi=Ebi(0), tft=context.tft, f_teids=ends, qos=context.qos, charging_id=context.charging_id
                )
            )
        message = m.CreateBearerRequest(
            pti=request.pti, linked_ebi=Ebi(pdn.ebi), pco=request.pco, bearer_contexts=tuple(contexts)
        )
        ue = pdn.ue
        relayed = _Relayed(pdn, event, tuple(bearers))
        self._control.request((Interface.S11, ue.mme_address), message, ue.mme_teid, now, relayed)

    def created(self, event: ResponseReceived, now: int) -> None:
        """Create Bearer Response: bearers have identities and ends at the eNB, or are refused (clause 7.2.4)."""
        relayed: _Relayed = event.context
        message: Any = event.packet.message
        pdn = relayed.pdn
        answers = []
        for number, bearer in enumerate(relayed.bearers):
            context = _context_of(message.bearer_contexts, bearer, number)
            cause = _cause_of(message.cause, context)
            ebi = 0 if context is None else context.ebi.value
            if not pdn.alive or (cause.accepted and (ebi < 5 or pdn.ue.bearer(ebi) is not None)):
                cause = Cause(CONTEXT_NOT_FOUND)
            if pdn.alive and cause.accepted and context is not None:
                self._contexts.name_bearer(bearer, ebi)
                self._user.set_enb(bearer, tunnel_end(context.f_teid(End.S1U_ENB)), now)
            else:
                self._user.drop_bearer(bearer, now)
            answers.append(self._answer(bearer, ebi, cause))
        self._user.flush(pdn.ue)
        response = m.CreateBearerResponse(cause=message.cause, bearer_contexts=tuple(answers), uli=message.uli)
        if relayed.request is not None:
            self._control.respond(relayed.request, response, pdn.pgw_teid, now)

    def create_timed_out(self, event: RequestTimedOut, now: int) -> None:
        """The MME does not answer."""
        relayed: _Relayed = event.context
        cause = Cause(REMOTE_PEER_NOT_RESPONDING)
        for bearer in relayed.bearers:
            self._user.drop_bearer(bearer, now)
        answers = tuple(m.BearerContext(ebi=Ebi(0), cause=cause) for _ in relayed.bearers)
        if relayed.request is not None:
            response = m.CreateBearerResponse(cause=cause, bearer_contexts=answers)
            self._control.respond(relayed.request, response, relayed.pdn.pgw_teid, now)

    def delete(self, event: RequestReceived, now: int) -> None:
        """Delete Bearer Request: a PDN connection or dedicated bearers end (clause 7.2.9.2)."""
        request: Any = event.packet.message
        pdn = self._contexts.by_s5c.get(event.packet.teid or 0)
        if pdn is None:
            self._control.refuse(event, CONTEXT_NOT_FOUND, now)
            return
        found = tuple(pdn.bearers[ebi.value] for ebi in request.ebis if ebi.value in pdn.bearers)
        if request.linked_ebi is None and not found:
            self._control.refuse(event, CONTEXT_NOT_FOUND, now, pdn.pgw_teid)
            return
        self._ask_delete(pdn, found if request.linked_ebi is None else (), event, request.cause, now)

    def deleted(self, event: ResponseReceived, now: int) -> None:
        """Delete Bearer Response: what the MME thinks of it does not keep a bearer alive."""
        self._finish_delete(event.context, now)

    def delete_timed_out(self, event: RequestTimedOut, now: int) -> None:
        """The MME does not answer: the bearers end all the same."""
        self._finish_delete(event.context, now)

    def pgw_forgot(self, address: str, teid: int, now: int) -> None:
        """Error Indication from a PGW: the bearer is deleted, with the default one the connection (TS 23.007 22)."""
        bearer = self._contexts.pgw_ends.get(Tunnel(teid.to_bytes(4, "big"), address))
        if bearer is None:
            return
        pdn = bearer.pdn
        logger.warning("SGW: PGW %s has no tunnel %#x of IMSI %s", address, teid, pdn.ue.imsi)
        if not bearer.ebi:
            return
        self._user.set_pgw(bearer, None, now)
        bearers = () if bearer.ebi == pdn.ebi else (bearer,)
        self._ask_delete(pdn, bearers, None, Cause(PGW_NOT_RESPONDING), now)

    def _ask_delete(
        self, pdn: Pdn, bearers: tuple[Bearer, ...], event: RequestReceived | None, cause: Cause | None, now: int
    ) -> None:
        """Ask the MME to delete bearers, or with none the whole PDN connection."""
        ue = pdn.ue
        linked = None if bearers else Ebi(pdn.ebi)
        ebis = tuple(Ebi(bearer.ebi) for bearer in bearers)
        message = m.DeleteBearerRequest(linked_ebi=linked, ebis=ebis, cause=cause)
        relayed = _Relayed(pdn, event, bearers)
        self._control.request((Interface.S11, ue.mme_address), message, ue.mme_teid, now, relayed)

    def _finish_delete(self, relayed: _Relayed | None, now: int) -> None:
        if relayed is None:
            return
        pdn, accepted = relayed.pdn, Cause(ACCEPTED)
        if relayed.bearers:
            contexts = tuple(m.BearerContext(ebi=Ebi(bearer.ebi), cause=accepted) for bearer in relayed.bearers)
            for bearer in relayed.bearers:
                self._user.drop_bearer(bearer, now)
            response = m.DeleteBearerResponse(cause=accepted, bearer_contexts=contexts)
        else:
            response = m.DeleteBearerResponse(cause=accepted, linked_ebi=Ebi(pdn.ebi))
            self._sessions.drop(pdn, now)
        if relayed.request is not None:
            self._control.respond(relayed.request, response, pdn.pgw_teid, now)

    def _answer(self, bearer: Bearer, ebi: int, cause: Cause) -> m.BearerContext:
        ends = {2: self._sessions.end(End.S5U_SGW, bearer.s5u_teid)}
        if bearer.pgw is not None:
            ends[3] = FTeid(End.S5U_PGW, int.from_bytes(bearer.pgw.teid, "big"), IPv4Address(bearer.pgw.address))
        return m.BearerContext(ebi=Ebi(ebi), cause=cause, f_teids=ends)


def _context_of(contexts: tuple[m.BearerContext, ...], bearer: Bearer, number: int) -> m.BearerContext | None:
    """The context of a bearer: the one with its TEID, else the one at its place."""
    teid = int.from_bytes(bearer.s1u_teid, "big")
    for context in contexts:
        end = context.f_teid(End.S1U_SGW)
        if end is not None and end.teid == teid:
            return context
    if number < len(contexts) and contexts[number].f_teid(End.S1U_SGW) is None:
        return contexts[number]
    return None


def _cause_of(whole: Cause, context: m.BearerContext | None) -> Cause:
    if context is None or not whole.accepted:
        return whole if not whole.accepted else Cause(CONTEXT_NOT_FOUND)
    return context.cause or whole
