"""EPS bearers that the network opens, changes and closes (TS 24.301 6.4.2 to 6.4.4, 6.5.2 to 6.5.4, 6.7)."""

from collections.abc import Callable, Sequence
from typing import Final

from picocell.rrc_nas.nas import codec
from picocell.rrc_nas.nas.causes import esm_cause_name
from picocell.rrc_nas.nas.mme_base import Received, logger
from picocell.rrc_nas.nas.mme_context import Bearer
from picocell.rrc_nas.nas.mme_events import (
    Ambr,
    BearerDeactivated,
    BearerQos,
    BearerRejected,
    ErabModify,
    ErabRelease,
    ErabSetup,
    Page,
)
from picocell.rrc_nas.nas.mme_session import SessionManagement
from picocell.rrc_nas.nas.mme_states import BearerState, State
from picocell.rrc_nas.nas.session_ies import EpsQos

REGULAR_DEACTIVATION: Final = 36
INVALID_EBI: Final = 43
LAST_PDN: Final = 49
BEARER_HANDLING: Final = 60
INVALID_PTI: Final = 81
UNKNOWN_MESSAGE: Final = 97
NOT_COMPATIBLE: Final = 98

Handler = Callable[["Bearers", Received, Bearer, int], None]


class Bearers(SessionManagement):
    """Bearer procedures after the attach."""

    def _receive_esm(self, received: Received, now: int) -> None:
        """A message of session management on its own."""
        message = received.message
        name, ebi, pti = message.name, message["ebi"], message["pti"]
        if not received.verified:
            self._ignore(name, "session management without integrity protection")
        elif name == "ESM information response":
            self._esm_information_response(received, now)
        elif name == "ESM status":
            self._esm_status_received(received, now)
        elif name in _REQUESTS:
            if self.state is not State.REGISTERED:
                self._esm_status(NOT_COMPATIBLE, ebi, pti, name, f"the phone is {self.state.name}")
            elif ebi != 0:
                self._esm_status(INVALID_EBI, ebi, pti, name, "a request of the phone belongs to no bearer")
            else:
                _REQUESTS[name](self, received, now)
        elif name in _MESSAGES:
            self._receive_answer(received, now)
        else:
            self._esm_status(UNKNOWN_MESSAGE, ebi, pti, name, "not for the network")

    def _receive_answer(self, received: Received, now: int) -> None:
        name, ebi, pti = received.message.name, received.message["ebi"], received.message["pti"]
        bearer = self.context.bearers.get(ebi)
        if bearer is None:
            if name == "deactivate EPS bearer context accept":
                self._ignore(name, f"bearer {ebi} is gone")
            else:
                self._esm_status(INVALID_EBI, ebi, pti, name, "no such bearer")
            return
        handler = BEARER_TABLE.get((bearer.state, name))
        if handler is None or (
            self.state is State.ACCEPTING_ATTACH and name == "activate default EPS bearer context accept"
        ):
            self._ignore(name, f"bearer {ebi} is {bearer.state.name}")
            return
        handler(self, received, bearer, now)

    def _await_bearer(self, bearer: Bearer, timer: str, now: int) -> None:
        """Wait for the phone's answer about a bearer, resending the question (6.4.1.6 a, 6.4.2.6 a, 6.4.4.5 a)."""

        def resend(_: int) -> None:
            self._send_plain(bearer.esm)

        def give_up(at: int) -> None:
            {"T3485": self._activation_failed, "T3486": self._modified, "T3495": self._deactivated}[timer](bearer, at)

        self._start(timer, now, give_up, resend, of=bearer.ebi)

    # Answers of the phone

    def _accepted(self, _received: Received, bearer: Bearer, _now: int) -> None:
        self._stop("T3485", bearer.ebi)
        self._activated(bearer)

    def _refused(self, received: Received, bearer: Bearer, now: int) -> None:
        self._stop("T3485", bearer.ebi)
        cause = received.message["esm_cause"]
        self._log_refusal(f"bearer {bearer.ebi}", cause, "by the phone", esm=True)
        self._activation_failed(bearer, now, cause)

    def _activation_failed(self, bearer: Bearer, _now: int, cause: int = 0) -> None:
        self._emit(BearerRejected(bearer.ebi, cause))
        self._emit(ErabRelease((bearer.ebi,), None))
        self._close_for_good(bearer)

    def _modify_accepted(self, _received: Received, bearer: Bearer, now: int) -> None:
        self._stop("T3486", bearer.ebi)
        self._modified(bearer, now)

    def _modified(self, bearer: Bearer, _now: int) -> None:
        bearer.state, bearer.esm, bearer.pti, bearer.before = BearerState.ACTIVE, b"", 0, None

    def _modify_refused(self, received: Received, bearer: Bearer, now: int) -> None:
        cause = received.message["esm_cause"]
        self._log_refusal(f"change of bearer {bearer.ebi}", cause, "by the phone", esm=True)
        self._stop("T3486", bearer.ebi)
        if bearer.before is not None:
            bearer.qos, bearer.tft = bearer.before
        self._modified(bearer, now)
        self._emit(BearerRejected(bearer.ebi, cause))

    def _deactivate_accepted(self, _received: Received, bearer: Bearer, now: int) -> None:
        self._stop("T3495", bearer.ebi)
        self._deactivated(bearer, now)

    def _deactivated(self, bearer: Bearer, _now: int) -> None:
        self._close_for_good(bearer)

    def _close_for_good(self, bearer: Bearer) -> None:
        """Close a bearer; a phone without any is not registered (6.4.4.2)."""
        self._close(bearer)
        if self.state is State.REGISTERED and not self.context.bearers:
            self._deregister("its last bearer is gone")
            self._release("detach")

    def _close(self, bearer: Bearer) -> None:
        """A bearer is gone, with those that hang on it; a default bearer's session is deleted."""
        for other in list(self.context.bearers.values()):
            if other.ebi == bearer.ebi or (bearer.is_default and other.linked_ebi == bearer.ebi):
                del self.context.bearers[other.ebi]
                for timer in ("T3485", "T3486", "T3495"):
                    self._stop(timer, other.ebi)
                self._emit(BearerDeactivated(other.ebi))
        if bearer.is_default:
            self._delete_session(bearer.ebi)

    def _esm_status_received(self, received: Received, now: int) -> None:
        """ESM STATUS (6.7): an unknown bearer is dropped, a question that the phone cannot read is not repeated."""
        cause, ebi = received.message["esm_cause"], received.message["ebi"]
        logger.info("%s: ESM STATUS for bearer %d: %s", self.context.name, ebi, esm_cause_name(cause))
        self.counters["ESM status"] += 1
        bearer = self.context.bearers.get(ebi)
        if bearer is None or self.state is not State.REGISTERED:
            return
        if cause == INVALID_EBI:
            self._emit(ErabRelease((ebi,), None))
            self._close_for_good(bearer)
        elif cause in (INVALID_PTI, UNKNOWN_MESSAGE):
            handlers = {
                BearerState.ACTIVE_PENDING: lambda: self._activation_failed(bearer, now, cause),
                BearerState.MODIFY_PENDING: lambda: self._modified(bearer, now),
                BearerState.INACTIVE_PENDING: lambda: self._deactivated(bearer, now),
            }
            for timer in ("T3485", "T3486", "T3495"):
                self._stop(timer, ebi)
            handlers.get(bearer.state, lambda: None)()

    # Requests of the phone

    def _pdn_disconnect_request(self, received: Received, now: int) -> None:
        pti, linked = received.message["pti"], received.message["linked_eps_bearer_identity"]
        bearer = self.context.bearers.get(linked)
        defaults = [one for one in self.context.bearers.values() if one.is_default]
        if not 1 <= pti <= 254:
            cause = INVALID_PTI
        elif bearer is None or not bearer.is_default:
            cause = INVALID_EBI
        elif len(defaults) == 1:
            cause = LAST_PDN
        else:
            if bearer.state is BearerState.INACTIVE_PENDING:
                self._send_plain(bearer.esm)
            else:
                self._deactivate(bearer, REGULAR_DEACTIVATION, now, pti)
            return
        self._log_refusal("PDN disconnect", cause, f"of bearer {linked}", esm=True)
        self._send("PDN disconnect reject", pti=pti, esm_cause=cause)

    def _bearer_resource_request(self, received: Received, _now: int) -> None:
        """Phones do not ask this network for bearers: it opens them itself (6.5.3.4, 6.5.4.4)."""
        kind = received.message.name.removesuffix(" request")
        self._log_refusal(kind, BEARER_HANDLING, "dedicated bearers are the network's to open", esm=True)
        self._send(f"{kind} reject", pti=received.message["pti"], esm_cause=BEARER_HANDLING)

    # Requests of the network

    def activate_bearer(
        self, linked_ebi: int, qos: BearerQos, tft: bytes, now: int, *, s1u_address: str = "", s1u_teid: int = 0
    ) -> int:
        """Open a dedicated bearer (6.4.2); `BearerActivated` or `BearerRejected` follows.

        Args:
            linked_ebi: default bearer of the PDN connection.
            qos: quality of service.
            tft: value of the traffic flow template IE (TS 24.008 10.5.6.12).
            now: absolute millisecond.
            s1u_address, s1u_teid: of the S-GW for its uplink packets.

        Returns:
            The new bearer's identity.

        Raises:
            ValueError: not registered, no such PDN connection, or every identity is taken.
        """
        linked = self._active(linked_ebi)
        ebi = self._free_ebi()
        if not linked.is_default or ebi is None:
            raise ValueError(f"no dedicated bearer on bearer {linked_ebi}: it is no default bearer, or 11 are open")
        plain = codec.encode(
            "activate dedicated EPS bearer context request",
            ebi=ebi,
            linked_eps_bearer_identity=linked_ebi,
            eps_qos=_eps_qos(qos),
            tft=tft,
        )
        bearer = Bearer(ebi, linked_ebi, BearerState.ACTIVE_PENDING, qos=qos, tft=tft, esm=plain)
        bearer.s1u_address, bearer.s1u_teid = s1u_address, s1u_teid
        self.context.bearers[ebi] = bearer

        def send(at: int) -> None:
            if self.context.bearers.get(ebi) is not bearer:
                return
            self._emit(ErabSetup((self._erab(bearer, self._protected(plain)),)))
            self._await_bearer(bearer, "T3485", at)

        self._reach(send, now, "a dedicated bearer")
        return ebi

    def modify_bearer(self, ebi: int, now: int, *, qos: BearerQos | None = None, tft: bytes | None = None) -> None:
        """Change a bearer's quality of service or traffic flow template (6.4.3).

        Raises:
            ValueError: no such active bearer.
        """
        bearer = self._active(ebi)
        bearer.esm = codec.encode(
            "modify EPS bearer context request", ebi=ebi, eps_qos=None if qos is None else _eps_qos(qos), tft=tft
        )
        bearer.state = BearerState.MODIFY_PENDING
        bearer.before = bearer.qos, bearer.tft
        if qos is not None:
            bearer.qos = qos
        bearer.tft = bearer.tft if tft is None else tft

        def send(at: int) -> None:
            if self.context.bearers.get(ebi) is not bearer:
                return
            if qos is None:
                self._send_plain(bearer.esm)
            else:
                self._emit(ErabModify(self._erab(bearer, self._protected(bearer.esm))))
            self._await_bearer(bearer, "T3486", at)

        self._reach(send, now, "a change of a bearer")

    def deactivate_bearer(self, ebi: int, now: int, cause: int = REGULAR_DEACTIVATION) -> None:
        """Close a bearer, of a default one its whole PDN connection (6.4.4); `BearerDeactivated` follows.

        Raises:
            ValueError: no such active bearer.
        """
        self._deactivate(self._active(ebi), cause, now, 0)

    def _deactivate(self, bearer: Bearer, cause: int, now: int, pti: int) -> None:
        bearer.esm = codec.encode("deactivate EPS bearer context request", ebi=bearer.ebi, pti=pti, esm_cause=cause)
        bearer.state, bearer.pti = BearerState.INACTIVE_PENDING, pti
        ebis = [one.ebi for one in self.context.bearers.values() if bearer.is_default and one.linked_ebi == bearer.ebi]

        def send(at: int) -> None:
            if self.context.bearers.get(bearer.ebi) is not bearer:
                return
            self._emit(ErabRelease(tuple(ebis) or (bearer.ebi,), self._protected(bearer.esm) or None))
            self._await_bearer(bearer, "T3495", at)

        self._reach(send, now, "the end of a bearer")

    def _active(self, ebi: int) -> Bearer:
        bearer = self.context.bearers.get(ebi)
        if self.state is not State.REGISTERED or bearer is None or bearer.state is not BearerState.ACTIVE:
            raise ValueError(f"{self.context.name} is {self.state.name} and has no active bearer {ebi}")
        return bearer

    def _reach(self, action: Callable[[int], None], now: int, why: str) -> None:
        """Do something that wants a connection, at once or when the phone was paged."""
        if self.connected and self.secure and not self._setting_up:
            action(now)
            return
        self._when_connected.append(action)
        if not self.connected:
            self._emit(Page(why))

    # Radio access bearers

    def erabs_set_up(self, ok: Sequence[int], failed: Sequence[int], now: int) -> None:
        """The eNB's answer to `ErabSetup`: bearers that it could not set up are closed."""
        logger.debug("%s: at %d radio bearers %s set up, %s not", self.context.name, now, list(ok), list(failed))
        for ebi in failed:
            bearer = self.context.bearers.get(ebi)
            if bearer is None:
                continue
            logger.warning("%s: no radio bearer for bearer %d", self.context.name, ebi)
            if self.state is State.ACCEPTING_ATTACH:
                self._abort("the attach's bearer was not set up", now)
                return
            if bearer.state is BearerState.ACTIVE_PENDING:
                self._emit(BearerRejected(ebi, 0))
            self._close_for_good(bearer)


def _eps_qos(qos: BearerQos) -> EpsQos:
    mbr, gbr = qos.mbr or Ambr(0, 0), qos.gbr or Ambr(0, 0)
    return EpsQos(qos.qci, *(rate // 1000 for rate in (mbr.uplink, mbr.downlink, gbr.uplink, gbr.downlink)))


_REQUESTS: Final[dict[str, Callable[[Bearers, Received, int], None]]] = {
    "PDN connectivity request": Bearers._pdn_connectivity_request,
    "PDN disconnect request": Bearers._pdn_disconnect_request,
    "bearer resource allocation request": Bearers._bearer_resource_request,
    "bearer resource modification request": Bearers._bearer_resource_request,
}

BEARER_TABLE: Final[dict[tuple[BearerState, str], Handler]] = {
    (BearerState.ACTIVE_PENDING, "activate default EPS bearer context accept"): Bearers._accepted,
    (BearerState.ACTIVE_PENDING, "activate default EPS bearer context reject"): Bearers._refused,
    (BearerState.ACTIVE_PENDING, "activate dedicated EPS bearer context accept"): Bearers._accepted,
    (BearerState.ACTIVE_PENDING, "activate dedicated EPS bearer context reject"): Bearers._refused,
    (BearerState.MODIFY_PENDING, "modify EPS bearer context accept"): Bearers._modify_accepted,
    (BearerState.MODIFY_PENDING, "modify EPS bearer context reject"): Bearers._modify_refused,
    (BearerState.INACTIVE_PENDING, "deactivate EPS bearer context accept"): Bearers._deactivate_accepted,
}
"""What an answer does to a bearer in a state; every other one is ignored (7.4)."""

_MESSAGES: Final = frozenset(name for _, name in BEARER_TABLE)
