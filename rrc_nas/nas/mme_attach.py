"""Attach in the network (TS 24.301 5.5.1)."""

from typing import Any, Final

from picocell.rrc_nas.nas import codec
from picocell.rrc_nas.nas.causes import NasError
from picocell.rrc_nas.nas.ies import DEACTIVATED, MobileIdentity
from picocell.rrc_nas.nas.mme_authentication import IDENTITY_UNKNOWN, Authentication
from picocell.rrc_nas.nas.mme_base import Received, logger
from picocell.rrc_nas.nas.mme_context import PdnRequest
from picocell.rrc_nas.nas.mme_events import (
    Ambr,
    Erab,
    InitialContextSetup,
    Registered,
    Session,
    Subscription,
    UpdateLocation,
)
from picocell.rrc_nas.nas.mme_session import SessionManagement
from picocell.rrc_nas.nas.mme_states import Procedure, State
from picocell.rrc_nas.security.algorithms import Direction

ESM_FAILURE: Final = 19
NO_SUITABLE_CELLS: Final = 15
CONGESTION: Final = 22
PROTOCOL_ERROR: Final = 111
NOT_COMPATIBLE: Final = 98

EPS_ONLY: Final = 1
COMBINED: Final = 2
_ATTACH_DEFAULT: Final = 5
"""EPS bearer identity of the first default bearer (TS 24.007 11.2.3.1.5)."""


class Attach(Authentication, SessionManagement):
    """Registers a phone and makes its first PDN connection."""

    _attach_type = EPS_ONLY
    _attach_bytes = b""

    def _attach_request(self, received: Received, now: int) -> None:
        if self._same_attach(received.plain, now):
            return
        message = received.message
        self._interrupt(now)
        if self.state is State.REGISTERED:
            # Nothing is given up before the phone has proved that it is its own request (5.5.1.2.7 f).
            self._before = self.context.imsi
            self.state = State.IDENTIFYING
        self.procedure = Procedure.ATTACH
        self._authenticated = False
        self._attach_bytes = received.plain
        self._attach_type = message["eps_attach_type"]
        self.context.capability = message["ue_network_capability"]
        self.context.ms_capability = message.get("ms_network_capability")
        if not self._attach_session(message["esm_message_container"], now):
            return
        refusal = self._area_refusal()
        if refusal is not None:
            self._reject(*refusal, now)
            return
        identity = message["eps_mobile_identity"]
        if identity.kind == "imsi" and self._before not in (None, identity.digits):
            self._reject(IDENTITY_UNKNOWN, f"{identity} attaches in the place of {self._before}", now)
            return
        self._identify(identity, message["nas_key_set_identifier"], received.verified)
        self._advance(now)

    def _same_attach(self, plain: bytes, now: int) -> bool:
        """Whether it only repeats the attach request under way, which goes on (5.5.1.2.7 d, e)."""
        if self.procedure is not Procedure.ATTACH or plain != self._attach_bytes or self.state is State.DEREGISTERED:
            return False
        if self.state is State.ACCEPTING_ATTACH:
            running = self._timers.get(("T3450", 0))
            if running is None or running.resend is None:
                return False
            running.end = now + running.period
            running.resend(now)
        self._ignore("attach request", "it repeats the one under way")
        return True

    def _attach_session(self, container: bytes, now: int) -> bool:
        """Take the PDN connectivity request out of an attach request; False where it was refused."""
        try:
            esm = codec.decode(container, Direction.UPLINK)
        except NasError as error:
            self._attach_pti = error.pti
            self._reject(ESM_FAILURE, f"ESM message in the attach request: {error}", now, error.cause or PROTOCOL_ERROR)
            return False
        self._attach_pti = esm.get("pti", 0)
        if esm.name != "PDN connectivity request":
            self._reject(ESM_FAILURE, f"{esm.name} in an attach request", now, NOT_COMPATIBLE)
            return False
        problem = self._pdn_problem(esm)
        if problem is not None:
            self._reject(ESM_FAILURE, "PDN connectivity request in the attach request", now, problem)
            return False
        self.context.pdn_requests = {self._attach_pti: self._pdn_request_of(esm)}
        return True

    def _area_refusal(self) -> tuple[int, str] | None:
        """Cause and reason for which a phone is not served here."""
        allowed = self.settings.allowed_tacs
        if self.settings.congested_t3346_s is not None:
            return CONGESTION, "the network is congested"
        if allowed is not None and self.context.tac not in allowed:
            return (
                self.settings.area_cause,
                f"tracking area {self.context.tac} ({self.context.tac:#06x}) is not allowed",
            )
        return None

    def _identify(self, identity: MobileIdentity, ksi: int, verified: bool) -> None:
        """Who the phone says it is, and whether its message proves that."""
        self.context.offered, self.context.offered_ksi = identity, ksi
        self._checked_identity = self._resynchronised = False
        self._by_guti = identity.kind == "guti"
        known = self.context.security is not None and self.context.security.ksi == ksi
        self._authenticated = verified and known and not self.settings.authenticate_known
        if identity.kind == "imsi":
            if self.context.imsi != identity.digits:
                self._authenticated = False
            self._set_imsi(identity.digits)
        elif identity.guti is None or not self.matches(identity.guti):
            self._authenticated = False
            self._forget_identity()
        if verified and self._authenticated and self.context.security is not None:
            self._k_enb_count = self.context.security.last_ul_count
        self.secure = self.secure and self.context.security is not None

    def _forget_identity(self) -> None:
        """Somebody is there whose GUTI is not this phone's; what was known goes unless the phone is registered."""
        self.context.imsi = None
        if self._before is None:
            self.context.security = None
            self.context.guti = self.context.old_guti = None
            self.secure = False

    def matches(self, guti: Any) -> bool:
        """Whether a GUTI, or an S-TMSI (MME code, M-TMSI), is this phone's."""
        mine = [known for known in (self.context.guti, self.context.old_guti) if known is not None]
        return guti in mine or any(known.s_tmsi == guti for known in mine)

    def _advance_attach(self, now: int) -> None:
        if self._before is not None:
            self._before = None
            logger.info("%s: attaches anew, its old bearers are gone", self.context.name)
            self._delete_sessions()
            self.context.subscription = None
        request = self.context.pdn_requests.get(self._attach_pti)
        if request is None:
            self._reject(ESM_FAILURE, "the PDN connectivity request is lost", now, PROTOCOL_ERROR)
        elif request.wants_transfer:
            self._ask_esm_information(request, now)
        elif self.context.subscription is None and self.context.imsi is not None:
            self.state = State.UPDATING_LOCATION
            self._emit(UpdateLocation(self.context.imsi))
        elif self.context.deleting:
            self.state = State.DELETING_SESSIONS
        else:
            self._create_first_session(request, now)

    def subscription(self, data: Subscription | int, now: int) -> None:
        """Answer to `UpdateLocation`: subscription data, or the EMM cause to refuse the phone with."""
        if self.state is not State.UPDATING_LOCATION:
            self._ignore("subscription data", f"nobody waits for it in {self.state.name}")
        elif isinstance(data, int):
            self._reject(data, "the home network refused the location update", now)
        else:
            self.context.subscription = data
            self._advance(now)

    def _create_first_session(self, request: PdnRequest, now: int) -> None:
        found = self._allowed_connection(request)
        if isinstance(found, int):
            self._reject(ESM_FAILURE, f"no PDN connection to {request.apn or 'the default APN'}", now, found)
            return
        self.state = State.CREATING_SESSION
        self._emit(self._open_bearer(_ATTACH_DEFAULT, request, found, attach=True))

    def _first_session_created(self, session: Session | int, now: int) -> None:
        """The gateways' answer in an attach."""
        if self.state is not State.CREATING_SESSION or self.procedure is not Procedure.ATTACH:
            self._ignore("session", f"no attach waits for it in {self.state.name}")
        elif isinstance(session, int):
            self.context.bearers.pop(_ATTACH_DEFAULT, None)
            self._reject(ESM_FAILURE, "the gateways made no session", now, session)
        else:
            bearer = self.context.bearers[_ATTACH_DEFAULT]
            self._adopt(bearer, session)
            self._accept_attach(now)

    def _accept_attach(self, now: int) -> None:
        """ATTACH ACCEPT with the activation of the default bearer (5.5.1.2.4)."""
        bearer = self.context.bearers[_ATTACH_DEFAULT]
        context = self.context
        guti = self._new_guti() if self.settings.new_guti or context.guti is None else None
        plain = codec.encode(
            "attach accept",
            eps_attach_result=EPS_ONLY,
            t3412_value=self.settings.t3412_s or DEACTIVATED,
            tai_list=self._tais,
            esm_message_container=bearer.esm,
            guti=guti,
            emm_cause=self.settings.combined_cause if self._attach_type == COMBINED else None,
            t3402_value=self.settings.t3402_s,
            eps_network_feature_support=self._features(),
            **self._location(),
        )
        self.state = State.ACCEPTING_ATTACH
        self._stop("T3485", bearer.ebi)
        self._set_up_context((self._erab(bearer, self._protected(plain)),))
        self._start("T3450", now, self._attach_unanswered, lambda _: self._send_plain(plain))

    def _location(self) -> dict[str, Any]:
        """Location area and TMSI, as an MME tells them that does circuit switched fallback."""
        if self.settings.lai is None or self.context.guti is None:
            return {}
        return {
            "location_area_identification": self._plmn.pack() + self.settings.lai.to_bytes(2, "big"),
            "ms_identity": MobileIdentity("tmsi", tmsi=self.context.guti.m_tmsi),
        }

    def _features(self) -> bytes | None:
        """EPS network feature support (9.9.3.12A): IMS voice over PS in bit 1, emergency bearers in bit 2."""
        value = self.settings.ims_voice | self.settings.emergency << 1
        return bytes([value]) if value else None

    def _set_up_context(self, erabs: tuple[Erab, ...], nas: bytes | None = None) -> None:
        security, capability = self.context.security, self.context.capability
        if security is None or capability is None:
            raise ValueError("an access stratum without a security context")
        subscription = self.context.subscription
        ambr = subscription.ambr if subscription is not None else Ambr(1_000_000_000, 1_000_000_000)
        self._setting_up = True
        # S1AP has no bit for algorithm 0; NAS has it in the most significant one.
        eea, eia = (capability.eea << 1 & 0xFF) << 8, (capability.eia << 1 & 0xFF) << 8
        self._emit(InitialContextSetup(security.k_enb(self._k_enb_count), eea, eia, ambr, erabs, nas))

    def _attach_unanswered(self, _now: int) -> None:
        """T3450 ended for the fifth time (5.5.1.2.7 c): both GUTIs stay valid."""
        self._deregister("the attach accept was never answered")
        self._release("unspecified")

    def _attach_complete(self, received: Received, now: int) -> None:
        try:
            esm = codec.decode(received.message["esm_message_container"], Direction.UPLINK)
        except NasError as error:
            self._emm_status(error.cause or PROTOCOL_ERROR, "attach complete", str(error))
            return
        self._stop("T3450")
        self.context.old_guti = None
        bearer = self.context.bearers.get(_ATTACH_DEFAULT)
        if bearer is None or esm.name != "activate default EPS bearer context accept" or esm["ebi"] != bearer.ebi:
            self._emm_status(PROTOCOL_ERROR, "attach complete", f"it holds {esm.name}")
            self._deregister("the phone did not accept its default bearer")
            self._release("unspecified")
            return
        self._end_procedure()
        self.state = State.REGISTERED
        self._activated(bearer)
        self._registered()
        self._send_information(now)
        if not self._setting_up:
            self._run_waiting(now)

    def _registered(self) -> None:
        if self.context.imsi is not None and self.context.guti is not None:
            self._emit(Registered(self.context.imsi, self.context.guti))

    def _send_information(self, now: int) -> None:
        raise NotImplementedError

    def _run_waiting(self, now: int) -> None:
        raise NotImplementedError

    def _interrupt(self, now: int) -> None:
        """Abort what is under way in favour of a new request."""
        raise NotImplementedError
