"""Session management in the network: PDN connections and bearers (TS 24.301 6)."""

from typing import Final

from picocell.rrc_nas.nas import codec
from picocell.rrc_nas.nas.ies import PdnType
from picocell.rrc_nas.nas.mme_base import MmeBase, Received, logger
from picocell.rrc_nas.nas.mme_context import Bearer, PdnRequest
from picocell.rrc_nas.nas.mme_events import (
    Ambr,
    ApnSubscription,
    BearerActivated,
    CreateSession,
    Erab,
    ErabSetup,
    Session,
)
from picocell.rrc_nas.nas.mme_states import BearerState, Procedure, State
from picocell.rrc_nas.nas.session_ies import ApnAmbr, EpsQos, ProtocolConfiguration

UNKNOWN_APN: Final = 27
UNKNOWN_PDN_TYPE: Final = 28
NOT_SUBSCRIBED: Final = 33
PTI_IN_USE: Final = 35
NETWORK_FAILURE: Final = 38
IPV4_ONLY: Final = 50
IPV6_ONLY: Final = 51
SINGLE_ADDRESS_ONLY: Final = 52
ESM_INFORMATION_NOT_RECEIVED: Final = 53
MULTIPLE_CONNECTIONS: Final = 55
MAXIMUM_BEARERS: Final = 65
INVALID_PTI: Final = 81
INVALID_MANDATORY: Final = 96

PDN_TYPES: Final = {number: name for name, number in PdnType.NAMES.items()}
_INITIAL, _HANDOVER, _EMERGENCY = 1, 2, 4
_EBIS: Final = range(5, 16)


class SessionManagement(MmeBase):
    """PDN connections: what is asked for, what is allowed, and default bearers."""

    def _pdn_problem(self, esm: codec.NasMessage) -> int | None:
        """ESM cause for which a PDN connectivity request is refused at once."""
        if not 1 <= esm["pti"] <= 254:
            return INVALID_PTI
        if esm["pdn_type"] & 7 not in PDN_TYPES:
            return UNKNOWN_PDN_TYPE
        if esm["request_type"] & 7 not in (_INITIAL, _HANDOVER, _EMERGENCY):
            return INVALID_MANDATORY
        return None

    def _pdn_request_of(self, esm: codec.NasMessage) -> PdnRequest:
        return PdnRequest(
            esm["pti"],
            PDN_TYPES[esm["pdn_type"] & 7],
            esm["request_type"] & 7,
            esm.get("access_point_name"),
            esm.get("protocol_configuration_options"),
            bool(esm.get("esm_information_transfer_flag", 0) & 1),
        )

    # ESM information (6.6.1.2)

    def _ask_esm_information(self, request: PdnRequest, now: int) -> None:
        self.state = State.ASKING_ESM
        plain = self._send("ESM information request", pti=request.pti)

        def give_up(at: int) -> None:
            self._reject(19, "no answer to the ESM information request", at, ESM_INFORMATION_NOT_RECEIVED)

        self._start("T3489", now, give_up, lambda _: self._send_plain(plain), of=request.pti, retransmissions=2)

    def _esm_information_response(self, received: Received, now: int) -> None:
        pti = received.message["pti"]
        request = self.context.pdn_requests.get(pti)
        if request is None or ("T3489", pti) not in self._timers:
            self._esm_status(INVALID_PTI, 0, pti, received.message.name, "no transaction of this identity")
            return
        self._stop("T3489", pti)
        request.wants_transfer = False
        request.apn = received.message.get("access_point_name")
        request.pco = received.message.get("protocol_configuration_options", request.pco)
        self._advance(now)

    # What is allowed

    def _allowed_connection(self, request: PdnRequest) -> ApnSubscription | int:
        """The subscription that a request falls under, or the ESM cause that refuses it (6.5.1.4)."""
        subscription = self.context.subscription
        found = None if subscription is None else subscription.find(request.apn)
        if found is None:
            return UNKNOWN_APN if request.apn is None else NOT_SUBSCRIBED
        if request.pdn_type == "ipv6" and found.pdn_type == "ipv4":
            return IPV4_ONLY
        if request.pdn_type == "ipv4" and found.pdn_type == "ipv6":
            return IPV6_ONLY
        return found

    def _open_bearer(self, ebi: int, request: PdnRequest, apn: ApnSubscription, *, attach: bool) -> CreateSession:
        """A default bearer in the making and the request to the gateways for it."""
        name = _name(request, apn)
        bearer = Bearer(ebi, ebi, BearerState.CREATING, request.pti, apn, name, request.pdn_type, request.pco)
        self.context.bearers[ebi] = bearer
        # A phone that takes both gets what the subscription has; one that takes one gets that.
        pdn_type = apn.pdn_type if request.pdn_type == "ipv4v6" else request.pdn_type
        subscription = self.context.subscription
        ambr = apn.ambr or (subscription.ambr if subscription is not None else Ambr(0, 0))
        pco = None if request.pco is None else request.pco.pack()
        imsi = self.context.imsi or ""
        return CreateSession(ebi, imsi, name, pdn_type, apn.qci, apn.arp, ambr, pco, attach, apn.ipv4)

    def _adopt(self, bearer: Bearer, session: Session) -> None:
        """Take what the gateways granted and write the message that activates the bearer (6.4.1.2)."""
        bearer.session = session
        bearer.state = BearerState.ACTIVE_PENDING
        bearer.s1u_address, bearer.s1u_teid = session.s1u_address, session.s1u_teid
        ambr = session.ambr if self.settings.send_ambr else None
        bearer.esm = codec.encode(
            "activate default EPS bearer context request",
            ebi=bearer.ebi,
            pti=bearer.pti,
            eps_qos=EpsQos(session.qci),
            access_point_name=bearer.apn_name,
            pdn_address=session.address,
            apn_ambr=None if ambr is None else ApnAmbr(ambr.downlink // 1000, ambr.uplink // 1000),
            esm_cause=self._pdn_type_cause(bearer, session),
            protocol_configuration_options=self._options(bearer, session),
        )

    def _pdn_type_cause(self, bearer: Bearer, session: Session) -> int | None:
        """Why a phone that asked for both addresses got one (6.2.2, 6.5.1.3)."""
        if bearer.pdn_type != "ipv4v6" or session.address.pdn_type == PdnType.IPV4V6:
            return None
        if bearer.apn is not None and bearer.apn.pdn_type == "ipv4v6":
            return SINGLE_ADDRESS_ONLY
        return IPV4_ONLY if session.address.pdn_type == PdnType.IPV4 else IPV6_ONLY

    def _options(self, bearer: Bearer, session: Session) -> ProtocolConfiguration | None:
        if session.pco:
            return ProtocolConfiguration.unpack(session.pco)
        if bearer.pco is None:
            return None
        answer = ProtocolConfiguration.answer(bearer.pco, self.settings.dns, self.settings.mtu)
        return answer if answer.options else None

    def _erab(self, bearer: Bearer, nas: bytes | None = None) -> Erab:
        """The radio access bearer that carries an EPS bearer."""
        if bearer.qos is not None:
            qos = bearer.qos
            return Erab(bearer.ebi, qos.qci, qos.arp, bearer.s1u_address, bearer.s1u_teid, nas, qos.mbr, qos.gbr)
        session = bearer.session
        if session is None:
            raise ValueError(f"bearer {bearer.ebi} has no session yet")
        return Erab(bearer.ebi, session.qci, session.arp, bearer.s1u_address, bearer.s1u_teid, nas)

    def _activated(self, bearer: Bearer) -> None:
        bearer.state, bearer.esm, bearer.pti = BearerState.ACTIVE, b"", 0
        self._emit(BearerActivated(bearer.ebi, bearer.linked_ebi))

    # Additional PDN connections (6.5.1)

    def _pdn_connectivity_request(self, received: Received, _now: int) -> None:
        esm = received.message
        pti = esm["pti"]
        problem = self._pdn_problem(esm)
        if problem is not None:
            self._reject_pdn(pti, problem, "malformed PDN connectivity request")
        elif not self._repeated(pti):
            self._add_connection(self._pdn_request_of(esm))

    def _add_connection(self, request: PdnRequest) -> None:
        found = self._allowed_connection(request)
        ebi = self._free_ebi()
        if not isinstance(found, int):
            names = {bearer.apn_name for bearer in self.context.bearers.values() if bearer.is_default}
            if _name(request, found) in names:
                found = MULTIPLE_CONNECTIONS
            elif ebi is None:
                found = MAXIMUM_BEARERS
        if isinstance(found, int) or ebi is None:
            cause = found if isinstance(found, int) else MAXIMUM_BEARERS
            self._reject_pdn(request.pti, cause, f"to {request.apn or 'the default APN'}")
        else:
            self._emit(self._open_bearer(ebi, request, found, attach=False))

    def _repeated(self, pti: int) -> bool:
        """Whether a request repeats one that is being answered; the answer goes out again (6.5.1.7)."""
        for bearer in self.context.bearers.values():
            if bearer.pti == pti and bearer.state in (BearerState.CREATING, BearerState.ACTIVE_PENDING):
                self._ignore("PDN connectivity request", "it repeats the one under way")
                if bearer.esm:
                    self._send_plain(bearer.esm)
                return True
        return False

    def _free_ebi(self) -> int | None:
        busy = self.context.bearers.keys() | self.context.deleting
        return next((ebi for ebi in _EBIS if ebi not in busy), None)

    def _reject_pdn(self, pti: int, cause: int, why: str) -> None:
        self._log_refusal("PDN connection", cause, why, esm=True)
        self._send("PDN connectivity reject", pti=pti, esm_cause=cause)

    def session_created(self, ebi: int, session: Session | int, now: int) -> None:
        """Answer to `CreateSession`: what the gateways granted, or the ESM cause to refuse the phone with."""
        bearer = self.context.bearers.get(ebi)
        if bearer is None or bearer.state is not BearerState.CREATING:
            self._ignore("session", f"no bearer {ebi} waits for it")
            if not isinstance(session, int):
                self._delete_session(ebi)
            return
        if not isinstance(session, int) and not session.address.pdn_type:
            logger.error("%s: the gateways gave no address for bearer %d", self.context.name, ebi)
            self._delete_session(ebi)
            session = NETWORK_FAILURE
        if self.procedure is Procedure.ATTACH:
            self._first_session_created(session, now)
            return
        if isinstance(session, int):
            del self.context.bearers[ebi]
            self._reject_pdn(bearer.pti, session, "the gateways made no session")
            return
        self._adopt(bearer, session)
        self._emit(ErabSetup((self._erab(bearer, self._protected(bearer.esm)),)))
        self._await_bearer(bearer, "T3485", now)

    def _first_session_created(self, session: Session | int, now: int) -> None:
        raise NotImplementedError

    def _await_bearer(self, bearer: Bearer, timer: str, now: int) -> None:
        raise NotImplementedError


def _name(request: PdnRequest, subscribed: ApnSubscription) -> str:
    """APN of a connection; a subscription to every APN leaves the choice to the phone."""
    return (request.apn or "internet") if subscribed.apn == "*" else subscribed.apn
