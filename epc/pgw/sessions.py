"""PDN connections and bearers at the PGW (TS 29.274 7.2)."""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any, Final

from picocell.epc.interfaces import gtpv2c
from picocell.epc.interfaces import gtpv2c_messages as m
from picocell.epc.interfaces.gtpv2c_endpoint import CONTEXT_NOT_FOUND, ControlEndpoint, PeerLost
from picocell.epc.interfaces.gtpv2c_ies import (
    Ambr,
    ApnRestriction,
    BearerQos,
    BearerTft,
    Cause,
    ChargingId,
    Ebi,
    FTeid,
    Paa,
    Pco,
    PdnKind,
)
from picocell.epc.interfaces.gtpv2c_ies import Interface as End
from picocell.epc.interfaces.gtpv2c_transactions import RequestReceived, RequestTimedOut, ResponseReceived
from picocell.epc.interfaces.transport import Interface
from picocell.epc.pgw import events, pco
from picocell.epc.pgw.contexts import Bearer, Contexts, Session
from picocell.epc.pgw.pool import AddressInUseError, AddressPool, PoolEmptyError
from picocell.epc.pgw.user_plane import UserPlane
from picocell.rrc_nas.nas.tft import PacketFilter

logger = logging.getLogger(__name__)

ACCEPTED: Final = 16
NEW_PDN_TYPE_NETWORK_PREFERENCE: Final = 18
MANDATORY_IE_INCORRECT: Final = 69
UNKNOWN_APN: Final = 78
PREFERRED_PDN_TYPE_NOT_SUPPORTED: Final = 83
ADDRESSES_OCCUPIED: Final = 84
REQUEST_REJECTED: Final = 94
REMOTE_PEER_NOT_RESPONDING: Final = 100
CONDITIONAL_IE_MISSING: Final = 103
"""Cause values (TS 29.274 Table 8.4-1)."""

DEFAULT_QOS: Final = BearerQos(9, 8)


@dataclass(frozen=True, slots=True)
class Offer:
    """What phones get: access points, DNS servers, MTU in bytes, largest AMBR in kbit/s."""

    apns: tuple[str, ...]
    dns: tuple[IPv4Address, ...]
    mtu: int
    max_ambr: Ambr | None


class Refused(Exception):
    """A Create Session Request gets this cause."""

    def __init__(self, cause: int, text: str, offending: tuple[int, int] | None = None) -> None:
        super().__init__(text)
        self.cause = Cause(cause, offending=offending)


class SessionProcedures:
    """What the SGW asks, and what the PGW asks of it."""

    def __init__(
        self,
        address: str,
        contexts: Contexts,
        control: ControlEndpoint,
        user: UserPlane,
        pool: AddressPool,
        offer: Offer,
    ) -> None:
        self._ip, self._contexts, self._control, self._user = IPv4Address(address), contexts, control, user
        self._pool, self._offer = pool, offer
        self.events: deque[events.Event] = deque(maxlen=10_000)
        self.refused = 0
        self._requests: dict[type[m.Message], Callable[[RequestReceived, int], None]] = {
            m.CreateSessionRequest: self._create,
            m.ModifyBearerRequest: self._modify,
            m.DeleteSessionRequest: self._delete,
        }

    def work(self, now: int) -> None:
        """Take what has come by GTPv2-C."""
        while (event := self._control.next_event()) is not None:
            match event:
                case RequestReceived(_, packet):
                    handler = self._requests.get(type(packet.message))
                    if handler is None:
                        self._control.ignored += 1
                        self._control.refuse(event, CONTEXT_NOT_FOUND, now)
                    else:
                        handler(event, now)
                case ResponseReceived():
                    self._answered(event.request, event.context, event.packet.message, now)
                case RequestTimedOut():
                    logger.warning("PGW: no answer to %s from %s", type(event.request).__name__, event.peer)
                    self._answered(event.request, event.context, None, now)
                case PeerLost((_, address)):
                    self._sgw_lost(address, now)

    def create_bearer(
        self, session: Session, qos: BearerQos, filters: tuple[PacketFilter, ...], template: bytes, now: int
    ) -> None:
        """Start a dedicated bearer (clause 7.2.3)."""
        bearer = self._contexts.add_bearer(session, 0, qos, filters)
        context = m.BearerContext(
            ebi=Ebi(0),
            tft=BearerTft(template),
            f_teids={1: self._end(End.S5U_PGW, bearer.teid)},
            qos=qos,
            charging_id=ChargingId(bearer.charging_id),
        )
        message = m.CreateBearerRequest(linked_ebi=Ebi(session.ebi), bearer_contexts=(context,))
        self._control.request((Interface.S5C, session.sgw_address), message, session.sgw_teid, now, bearer)

    def delete_bearer(self, bearer: Bearer, now: int) -> None:
        """End a dedicated bearer (clause 7.2.9.2)."""
        session = bearer.session
        message = m.DeleteBearerRequest(ebis=(Ebi(bearer.ebi),))
        self._control.request((Interface.S5C, session.sgw_address), message, session.sgw_teid, now, bearer)

    def disconnect(self, session: Session, now: int) -> None:
        """End a PDN connection (clause 7.2.9.2)."""
        message = m.DeleteBearerRequest(linked_ebi=Ebi(session.ebi))
        self._control.request((Interface.S5C, session.sgw_address), message, session.sgw_teid, now, session)

    def sgw_forgot(self, address: str, teid: int, now: int) -> None:
        """Error Indication from an SGW: the bearer is gone, with the default one the connection (TS 23.007 22)."""
        bearer = self._contexts.sgw_ends.get((address, teid.to_bytes(4, "big")))
        if bearer is None:
            return
        session = bearer.session
        logger.warning("PGW: SGW %s has no tunnel %#x of IMSI %s", address, teid, session.imsi)
        if bearer is session.default:
            self._drop(session, now)
        else:
            self._drop_bearer(bearer, now)

    def _create(self, event: RequestReceived, now: int) -> None:
        request: Any = event.packet.message
        try:
            session, cause = self._admit(request, now)
        except Refused as refused:
            self.refused += 1
            who = request.imsi.digits if request.imsi is not None else "unknown"
            name = gtpv2c.cause_name(refused.cause.value)
            logger.warning("PGW: session of IMSI %s refused: %s; %s (%d)", who, refused, name, refused.cause.value)
            response = m.CreateSessionResponse(cause=refused.cause)
            self._control.respond(event, response, request.sender.teid, now)
            return
        bearer = session.default
        if bearer is None:
            return
        context = m.BearerContext(
            ebi=Ebi(session.ebi),
            cause=Cause(ACCEPTED),
            f_teids={2: self._end(End.S5U_PGW, bearer.teid)},
            qos=bearer.qos,
            charging_id=ChargingId(bearer.charging_id),
        )
        response = m.CreateSessionResponse(
            cause=Cause(cause),
            pgw=FTeid(End.S5C_PGW, session.teid, self._ip),
            paa=Paa(PdnKind.IPV4, session.address),
            apn_restriction=ApnRestriction(0),
            ambr=session.ambr,
            pco=self._pco(request.pco),
            bearer_contexts=(context,),
            recovery=self._control.recovery,
        )
        self._control.respond(event, response, session.sgw_teid, now)
        self.events.append(events.SessionCreated(session.imsi, session.ebi, session.apn, session.address))

    def _admit(self, request: Any, now: int) -> tuple[Session, int]:
        """The session of a Create Session Request, and the cause that accepts it.

        Raises:
            Refused: it is not granted.
        """
        if request.imsi is None:
            raise Refused(CONDITIONAL_IE_MISSING, "no IMSI", (1, 0))
        context = request.bearer_contexts[0]
        sgw_user = context.f_teid(End.S5U_SGW)
        if sgw_user is None or sgw_user.ipv4 is None or request.sender.ipv4 is None:
            raise Refused(CONDITIONAL_IE_MISSING, "no address of the SGW", (87, 2))
        ebi = context.ebi.value
        if not ebi:
            raise Refused(MANDATORY_IE_INCORRECT, "EPS bearer identity 0", (73, 0))
        apn = self._apn(request.apn.name)
        cause = _pdn_cause(PdnKind.IPV4 if request.pdn_type is None else request.pdn_type.value)
        former = self._contexts.by_phone.get((request.imsi.digits, ebi))
        if former is not None:
            logger.info("PGW: IMSI %s is created again", former.imsi)
            self._drop(former, now)
        address = self._address(request.paa, now)
        sgw = (str(request.sender.ipv4), request.sender.teid)
        ambr = _bounded(request.ambr, self._offer.max_ambr)
        session = self._contexts.add_session(request.imsi.digits, ebi, apn, address, sgw, ambr)
        bearer = self._contexts.add_bearer(session, ebi, context.qos or DEFAULT_QOS)
        self._control.use((Interface.S5C, sgw[0]), now)
        self._user.set_sgw(bearer, str(sgw_user.ipv4), sgw_user.teid.to_bytes(4, "big"), now)
        return session, cause

    def _modify(self, event: RequestReceived, now: int) -> None:
        """The SGW, or its ends of bearers, have changed (clause 7.2.7)."""
        request: Any = event.packet.message
        session = self._contexts.by_teid.get(event.packet.teid or 0)
        if session is None:
            self._control.refuse(event, CONTEXT_NOT_FOUND, now, 0 if request.sender is None else request.sender.teid)
            return
        if request.sender is not None and request.sender.ipv4 is not None:
            address = str(request.sender.ipv4)
            self._control.use((Interface.S5C, address), now)
            self._control.release((Interface.S5C, session.sgw_address))
            session.sgw_address, session.sgw_teid = address, request.sender.teid
        answers = []
        for context in request.bearer_contexts:
            bearer, end = session.bearers.get(context.ebi.value), context.f_teid(End.S5U_SGW)
            if bearer is not None and end is not None and end.ipv4 is not None:
                self._user.set_sgw(bearer, str(end.ipv4), end.teid.to_bytes(4, "big"), now)
            cause = Cause(CONTEXT_NOT_FOUND if bearer is None else ACCEPTED)
            answers.append(m.BearerContext(ebi=context.ebi, cause=cause))
        response = m.ModifyBearerResponse(cause=Cause(ACCEPTED), bearer_contexts=tuple(answers))
        self._control.respond(event, response, session.sgw_teid, now)

    def _delete(self, event: RequestReceived, now: int) -> None:
        """The PDN connection ends (clause 7.2.9.1)."""
        session = self._contexts.by_teid.get(event.packet.teid or 0)
        if session is None:
            self._control.refuse(event, CONTEXT_NOT_FOUND, now)
            return
        self._drop(session, now)
        self._control.respond(event, m.DeleteSessionResponse(cause=Cause(ACCEPTED)), session.sgw_teid, now)

    def _answered(self, request: m.Message, context: Any, answer: Any, now: int) -> None:
        """The answer to an own request; None where the SGW does not answer."""
        match request, context:
            case m.CreateBearerRequest(), Bearer():
                self._bearer_created(context, answer, now)
            case m.DeleteBearerRequest(), Bearer() if context.session.alive and context.ebi in context.session.bearers:
                self._drop_bearer(context, now)
            case m.DeleteBearerRequest(), Session() if context.alive:
                self._drop(context, now)
            case _:
                pass

    def _bearer_created(self, bearer: Bearer, answer: Any, now: int) -> None:
        session = bearer.session
        cause, found = Cause(REMOTE_PEER_NOT_RESPONDING), None
        if answer is not None:
            found = next(iter(answer.bearer_contexts), None)
            cause = answer.cause if found is None or found.cause is None else found.cause
        if not session.alive:
            return
        end = None if found is None else found.f_teid(End.S5U_SGW)
        if found is None or not cause.accepted or end is None or end.ipv4 is None or found.ebi.value in session.bearers:
            self._user.set_sgw(bearer, None, b"", now)
            self._contexts.drop_bearer(bearer)
            name = gtpv2c.cause_name(cause.value)
            logger.warning("PGW: dedicated bearer of IMSI %s refused: %s (%d)", session.imsi, name, cause.value)
            failed = events.DedicatedBearerFailed(session.imsi, session.ebi, bearer.qos.qci, cause.value, name)
            self.events.append(failed)
            return
        self._user.set_sgw(bearer, str(end.ipv4), end.teid.to_bytes(4, "big"), now)
        self._contexts.name_bearer(bearer, found.ebi.value)
        self.events.append(events.DedicatedBearerCreated(session.imsi, session.ebi, found.ebi.value, bearer.qos.qci))

    def _sgw_lost(self, address: str, now: int) -> None:
        """An SGW has restarted: its sessions are gone (TS 23.007 16)."""
        for session in [each for each in self._contexts.by_teid.values() if each.sgw_address == address]:
            logger.warning("PGW: SGW %s has lost IMSI %s", address, session.imsi)
            self._drop(session, now)

    def _drop(self, session: Session, now: int) -> None:
        for bearer in [*session.bearers.values(), *session.unnamed]:
            self._user.set_sgw(bearer, None, b"", now)
        self._contexts.drop_session(session)
        self._control.release((Interface.S5C, session.sgw_address))
        self._pool.release(session.address, now)
        self.events.append(events.SessionDeleted(session.imsi, session.ebi, session.address))

    def _drop_bearer(self, bearer: Bearer, now: int) -> None:
        self._user.set_sgw(bearer, None, b"", now)
        self._contexts.drop_bearer(bearer)
        session = bearer.session
        self.events.append(events.DedicatedBearerDeleted(session.imsi, session.ebi, bearer.ebi))

    def _apn(self, name: str) -> str:
        """The access point of a name, which may have the operator's part after it (TS 23.003 9.1)."""
        network = name.lower().split(".mnc")[0]
        found = next((apn for apn in self._offer.apns if apn.lower() == network), None)
        if found is None and "*" in self._offer.apns:
            return network
        if found is None:
            raise Refused(UNKNOWN_APN, f"APN {name!r} is unknown; there are {', '.join(self._offer.apns)}", (71, 0))
        return found

    def _address(self, paa: Paa | None, now: int) -> IPv4Address:
        """A static address that was asked for, else one of the pool."""
        try:
            if paa is not None and paa.ipv4 is not None and int(paa.ipv4):
                self._pool.claim(paa.ipv4)
                return paa.ipv4
            return self._pool.allocate(now)
        except PoolEmptyError as error:
            raise Refused(ADDRESSES_OCCUPIED, str(error)) from None
        except AddressInUseError as error:
            raise Refused(REQUEST_REJECTED, str(error)) from None

    def _pco(self, request: Pco | None) -> Pco | None:
        return None if request is None else Pco(pco.answer(request.data, self._offer.dns, self._offer.mtu))

    def _end(self, interface: End, teid: bytes) -> FTeid:
        return FTeid(interface, int.from_bytes(teid, "big"), self._ip)


def _pdn_cause(kind: int) -> int:
    """Only IPv4 is given out; a phone that can use both is told so (TS 23.401 5.3.1.1)."""
    if kind == PdnKind.IPV4V6:
        return NEW_PDN_TYPE_NETWORK_PREFERENCE
    if kind != PdnKind.IPV4:
        raise Refused(PREFERRED_PDN_TYPE_NOT_SUPPORTED, f"PDN type {kind}; allowed are IPv4 (1) and IPv4v6 (3)")
    return ACCEPTED


def _bounded(wanted: Ambr | None, bound: Ambr | None) -> Ambr | None:
    if wanted is None or bound is None:
        return wanted or bound
    return Ambr(min(wanted.uplink, bound.uplink), min(wanted.downlink, bound.downlink))
