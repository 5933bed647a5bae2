"""Identification, authentication and security mode control in the network (TS 24.301 5.4.2 to 5.4.4)."""

import hmac
from collections.abc import Sequence
from typing import Final

from picocell.rrc_nas.nas import codec
from picocell.rrc_nas.nas.causes import emm_cause_name
from picocell.rrc_nas.nas.ies import IDENTITY_TYPES, NasSecurityAlgorithms
from picocell.rrc_nas.nas.mme_base import MmeBase, Received
from picocell.rrc_nas.nas.mme_events import AuthVector, GetAuthVectors, IdentityKnown, SendNas
from picocell.rrc_nas.nas.mme_states import State
from picocell.rrc_nas.nas.protection import NO_KSI, NasSecurityContext

MAC_FAILURE: Final = 20
SYNCH_FAILURE: Final = 21
NON_EPS_AUTHENTICATION: Final = 26
CAPABILITIES_MISMATCH: Final = 23
NETWORK_FAILURE: Final = 17
ILLEGAL_UE: Final = 3
IDENTITY_UNKNOWN: Final = 9


class Authentication(MmeBase):
    """The common procedures that make a phone known and trusted."""

    _checked_identity = False
    _resynchronised = False

    # Identification (5.4.4)

    def _request_identity(self, now: int, why: str) -> None:
        self.state = State.IDENTIFYING
        plain = self._send("identity request", identity_type=IDENTITY_TYPES["imsi"])
        self._ask("T3470", plain, now, f"no answer to the identity request ({why})")

    def _ask(self, timer: str, plain: bytes, now: int, why: str) -> None:
        """Start the timer of a message that is resent until it is answered, else the procedure is aborted."""
        self._start(timer, now, lambda at: self._abort(why, at), lambda _: self._send_plain(plain))

    def _identity_response(self, received: Received, now: int) -> None:
        identity = received.message["mobile_identity"]
        if identity.kind != "imsi" or not 6 <= len(identity.digits) <= 15:
            self._ignore("identity response", f"{identity} is not the IMSI that was asked for")
            return
        self._stop("T3470")
        if self._checked_identity and identity.digits == self.context.imsi:
            self._reject_authentication("the phone of this IMSI did not authenticate", now)
            return
        if self._before not in (None, identity.digits):
            self._reject(IDENTITY_UNKNOWN, f"the GUTI is that of {self._before}", now)
            return
        self._set_imsi(identity.digits)
        self._by_guti = False
        self._advance(now)

    def _set_imsi(self, imsi: str) -> None:
        """The phone is this subscriber; what is known about another is not its."""
        if self.context.imsi not in (None, imsi):
            self.context.security = None
            self.context.guti = self.context.old_guti = None
            self.context.subscription = None
            self.secure = False
        if self.context.imsi != imsi:
            self.context.vectors.clear()
        self.context.imsi = imsi
        self._emit(IdentityKnown(imsi, self.context.guti))

    # Authentication (5.4.2)

    def _authenticate(self, now: int) -> None:
        """Send a challenge, from the home network if no vector is left."""
        if not self.context.vectors:
            self._get_vectors()
            return
        self.state = State.AUTHENTICATING
        vector = self.context.vector = self.context.vectors.pop(0)
        self.context.ksi = self._next_ksi()
        plain = self._send(
            "authentication request",
            nas_key_set_identifier=self.context.ksi,
            authentication_parameter_rand=vector.rand,
            authentication_parameter_autn=vector.autn,
        )
        self._ask("T3460", plain, now, "no answer to the authentication request")

    def _get_vectors(self, resync: tuple[bytes, bytes] | None = None) -> None:
        self.state = State.FETCHING_VECTORS
        if self.context.imsi is None:
            raise ValueError("vectors for a phone whose IMSI is not known")
        self._emit(GetAuthVectors(self.context.imsi, self._plmn.pack(), resync))

    def _next_ksi(self) -> int:
        """An eKSI that names no other key set at either end (5.4.2.2)."""
        taken = {self.context.security.ksi} if self.context.security is not None else set()
        if self.settings.ksi_differs:
            taken.add(self.context.offered_ksi)
        return next(ksi for ksi in range(NO_KSI) if ksi not in taken)

    def auth_vectors(self, vectors: Sequence[AuthVector] | int, now: int) -> None:
        """Answer to `GetAuthVectors`: vectors, or the EMM cause to refuse the phone with."""
        if self.state is not State.FETCHING_VECTORS:
            self._ignore("authentication vectors", f"nobody waits for them in {self.state.name}")
            return
        if isinstance(vectors, int) or not vectors:
            cause = vectors if isinstance(vectors, int) else NETWORK_FAILURE
            self._reject(cause, "the home network gave no authentication vector", now)
            return
        self.context.vectors = list(vectors)
        self._authenticate(now)

    def _authentication_response(self, received: Received, now: int) -> None:
        vector = self.context.vector
        res = received.message["authentication_response_parameter"]
        self._stop("T3460")
        if vector is None or not hmac.compare_digest(vector.xres, res):
            logged = f"RES {res.hex()} is not the expected one"
            self._not_authentic(ILLEGAL_UE, logged, now)
            return
        self._authenticated = True
        self._advance(now)

    def _not_authentic(self, cause: int, why: str, now: int) -> None:
        """Ask who the phone is where that may be the reason, else reject it (5.4.2.5)."""
        self._log_refusal("authentication", cause, why)
        self.context.vector = None
        if self._by_guti and not self._checked_identity:
            self._checked_identity = True
            self.context.vectors.clear()
            self._request_identity(now, why)
        else:
            self._reject_authentication(why, now)

    def _authentication_failure(self, received: Received, now: int) -> None:
        cause = received.message["emm_cause"]
        vector = self.context.vector
        self._stop("T3460")
        if cause == SYNCH_FAILURE and vector is not None and not self._resynchronised:
            auts = received.message.get("authentication_failure_parameter")
            if auts is not None and len(auts) == 14:
                self._log_refusal("authentication", cause, "the USIM asks for resynchronisation")
                self._resynchronised = True
                self.context.vectors.clear()
                self._get_vectors((vector.rand, auts))
                return
        if cause in (MAC_FAILURE, NON_EPS_AUTHENTICATION) and not self._checked_identity:
            # A MAC failure may come of a wrong mapping of GUTI to IMSI: the identity is asked for once (5.4.2.7 c).
            self._log_refusal("authentication", cause, "refused by the USIM")
            self._checked_identity = True
            self.context.vectors.clear()
            self._request_identity(now, emm_cause_name(cause))
            return
        self._reject_authentication(f"the USIM says {emm_cause_name(cause)}", now)

    def _reject_authentication(self, why: str, now: int) -> None:
        """AUTHENTICATION REJECT: the phone takes its USIM for invalid (5.4.2.5)."""
        raise NotImplementedError

    # Security mode control (5.4.3)

    def _start_security_mode(self, now: int) -> None:
        """Take a new context into use with algorithms that both ends have."""
        capability, vector = self.context.capability, self.context.vector
        if capability is None or vector is None:
            self._reject(NETWORK_FAILURE, "no capability or no key for a security context", now)
            return
        eea = next((algorithm for algorithm in self.settings.eea if capability.eea & 0x80 >> algorithm), None)
        eia = next((algorithm for algorithm in self.settings.eia if capability.eia & 0x80 >> algorithm), None)
        if eea is None or eia is None:
            text = f"the phone's algorithms {capability.pack()[:2].hex()} are none of those allowed here"
            self._reject(CAPABILITIES_MISMATCH, text, now)
            return
        self.state = State.SECURING
        security = self.context.pending_security = NasSecurityContext(self.context.ksi, vector.k_asme, 0, 0, eea, eia)
        plain = codec.encode(
            "security mode command",
            selected_nas_security_algorithms=NasSecurityAlgorithms(eea, eia),
            nas_key_set_identifier=self.context.ksi,
            replayed_ue_security_capabilities=capability.security(_gea(self.context.ms_capability)),
            imeisv_request=1 if self.settings.ask_imeisv else None,
        )

        def send(_: int) -> None:
            pdu = self._protected(plain, security, new=True)
            if pdu:
                self._emit(SendNas(pdu))

        send(now)
        self._start("T3460", now, lambda at: self._abort("no answer to the security mode command", at), send)

    def _security_mode_complete(self, received: Received, now: int) -> None:
        security = self.context.pending_security
        if security is None or not (received.verified and received.new_context):
            self._ignore("security mode complete", "it is not protected by the new context")
            return
        self._stop("T3460")
        self.context.security, self.context.pending_security, self.context.vector = security, None, None
        self.secure = True
        self._k_enb_count = security.last_ul_count
        imeisv = received.message.get("imeisv")
        if imeisv is not None and imeisv.kind == "imeisv":
            self.context.imeisv = imeisv.digits
        self._advance(now)

    def _security_mode_reject(self, received: Received, now: int) -> None:
        self._stop("T3460")
        self._log_refusal("security mode", received.message["emm_cause"], "refused by the phone")
        self._abort("security mode refused by the phone", now)


def _gea(ms_capability: bytes | None) -> int | None:
    """GEA octet of the security capability from the MS network capability (TS 24.008 10.5.5.12, TS 24.301 9.9.3.36)."""
    if not ms_capability:
        return None
    more = ms_capability[1] >> 1 & 0x3F if len(ms_capability) > 1 else 0
    return (ms_capability[0] >> 7) << 6 | more
