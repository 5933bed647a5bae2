"""The eNB's end of S1AP for what concerns one UE: its connection, context, bearers and NAS messages (TS 36.413 8)."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from picocell.enb import s1ap_events as events
from picocell.enb.system_information import Identity
from picocell.epc.interfaces import s1ap
from picocell.epc.interfaces import s1ap_values as values
from picocell.epc.interfaces.s1ap import S1apPdu
from picocell.epc.interfaces.s1ap_errors import ENB_ID, MME_ID, NOT_COMPATIBLE, error_indication, refusal
from picocell.epc.interfaces.s1ap_values import STREAM_UE, CauseValue, ErabEnd, ErabFailure
from picocell.epc.interfaces.transport import Interface, Message
from picocell.rrc_nas.rrc.states import RegisteredMme

_log = logging.getLogger(__name__)

_ESTABLISHMENT_CAUSES: Final = {
    "delayTolerantAccess-v1020": "delay-TolerantAccess",
    "mo-VoiceCall-v1280": "mo-VoiceCall",
    "spare1": "mo-Signalling",
}
"""Names of S1AP for those of RRC that differ; a spare one says nothing."""

_SILENT: Final = ("radioNetwork", "release-due-to-eutran-generated-reason")
_TWICE: Final = ("radioNetwork", "multiple-E-RAB-ID-instances")
_UNKNOWN_ERAB: Final = ("radioNetwork", "unknown-E-RAB-ID")
_UNFINISHED: Final = ("radioNetwork", "failure-in-radio-interface-procedure")
MAX_ERABS: Final = 16
_MAX_EARLY_NAS: Final = 8


class UeState(Enum):
    """Where a UE's S1 connection is."""

    INITIAL = "initial UE message sent"
    CONNECTED = "connected, without a context"
    SETTING_UP = "context under way"
    ACTIVE = "context set up"
    RELEASING = "release ordered"


class Waiting(Enum):
    """What a UE's guard waits for, and so what happens when it runs out."""

    MME = "the MME's answer to the first message"
    CONTEXT = "the outcome of the context setup from our own layers"
    ERABS = "the outcome of bearers from our own layers"
    RELEASE_COMMAND = "the MME's answer to a release request"
    RELEASE = "the release by our own layers"


@dataclass(slots=True)
class UeConnection:
    """One UE-associated logical S1 connection.

    Attributes:
        rnti: the UE in our own layers.
        enb_id, mme_id: its identities on S1; the MME's is None until it answers.
        state: see `UeState`.
        erabs: bearers that are set up.
        setting_up, releasing: bearers of the procedure that our own layers work on.
        guards: absolute ms by what is waited for.
        reports: Criticality Diagnostics for the answer, by the request's message.
        asked_release: a UE Context Release Request is out.
        early_nas: messages of the UE that wait for the MME's identity, without which they cannot be sent.
    """

    rnti: int
    enb_id: int
    mme_id: int | None = None
    state: UeState = UeState.INITIAL
    erabs: set[int] = field(default_factory=set)
    setting_up: tuple[int, ...] = ()
    releasing: tuple[int, ...] = ()
    refused: tuple[ErabFailure, ...] = ()
    guards: dict[Waiting, int] = field(default_factory=dict)
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked_release: bool = False
    early_nas: list[bytes] = field(default_factory=list)


Handler = Callable[[UeConnection, S1apPdu, dict[str, Any] | None, int], None]


class UeProcedures:
    """Connections of all UEs, and the procedures of each."""

    def __init__(self, identity: Identity, address: str, mme_address: str, gtpu_address: str, guard_ms: int) -> None:
        self._identity, self._address, self._mme_address = identity, address, mme_address
        self._gtpu_address, self._guard_ms = gtpu_address, guard_ms
        self._by_rnti: dict[int, UeConnection] = {}
        self._by_enb_id: dict[int, UeConnection] = {}
        self._last_enb_id = 0
        self._outgoing: deque[Message] = deque()
        self._events: deque[events.Event] = deque()
        self.counters: dict[str, int] = {}
        accepts_nas = {UeState.INITIAL, UeState.CONNECTED, UeState.SETTING_UP, UeState.ACTIVE}
        active = {UeState.ACTIVE}
        everywhere = set(UeState)
        self._ue_handlers: dict[str, tuple[set[UeState], Handler]] = {
            "DownlinkNASTransport": (accepts_nas, self._downlink_nas),
            "InitialContextSetupRequest": ({UeState.INITIAL, UeState.CONNECTED}, self._initial_context_setup),
            "UEContextModificationRequest": (active, self._modify_context),
            "E-RABSetupRequest": (active, self._erab_setup),
            "E-RABReleaseCommand": (active, self._erab_release),
            "UEContextReleaseCommand": (everywhere, self._release_command),
        }

    @property
    def ready(self) -> bool:
        """Whether the MME serves this eNB, so that UEs may be connected."""
        raise NotImplementedError

    def ue_state(self, rnti: int) -> UeState | None:
        """State of a UE's S1 connection, None where it has none."""
        found = self._by_rnti.get(rnti)
        return None if found is None else found.state

    # calls of our own layers

    def initial_ue_message(
        self,
        rnti: int,
        nas: bytes,
        cause: str,
        s_tmsi: tuple[int, int] | None,
        registered_mme: RegisteredMme | None,
        now: int,
    ) -> bool:
        """Open a UE's S1 connection with its first NAS message (clause 8.6.2.1).

        Args:
            rnti: the UE.
            nas: its message.
            cause: establishment cause of RRC.
            s_tmsi: MME code and M-TMSI, where the UE gave them.
            registered_mme: MME group, MME code and network, where the UE gave them.
            now: absolute ms.

        Returns:
            False where there is no MME or no identity left; the UE is to be rejected.
        """
        self._drop(self._by_rnti.get(rnti))
        if not self.ready:
            self._count("initial_ue_message_without_mme")
            _log.warning("eNB %s: UE 0x%04x cannot be connected: no MME serves us", self._address, rnti)
            return False
        enb_id = self._new_enb_id()
        if enb_id is None:
            return False
        name = _ESTABLISHMENT_CAUSES.get(cause, cause)
        ies: dict[str, Any] = {
            ENB_ID: enb_id,
            "NAS-PDU": nas,
            **self._place(),
            "RRC-Establishment-Cause": name,
        }
        if s_tmsi is not None:
            ies["S-TMSI"] = values.s_tmsi_value(values.STmsi(*s_tmsi))
        if registered_mme is not None:
            plmn = registered_mme.plmn or (self._identity.mcc, self._identity.mnc)
            gummei = values.Gummei(*plmn, registered_mme.mmegi, registered_mme.mmec)
            ies["GUMMEI-ID"] = values.gummei_value(gummei)
        self._send("InitialUEMessage", ies)
        ue = UeConnection(rnti, enb_id)
        ue.guards[Waiting.MME] = now + self._guard_ms
        self._by_rnti[rnti] = self._by_enb_id[enb_id] = ue
        return True

    def uplink_nas(self, rnti: int, nas: bytes) -> None:
        """Pass a UE's NAS message on (clause 8.6.2.3), as soon as the MME has answered the first one."""
        first = self._by_rnti.get(rnti)
        if first is not None and first.mme_id is None and len(first.early_nas) < _MAX_EARLY_NAS:
            first.early_nas.append(nas)
            return
        ue = self._known(rnti, "uplink NAS message")
        if ue is not None:
            place = self._place()
            self._send("UplinkNASTransport", {**_ids(ue), "NAS-PDU": nas, **place})

    def nas_non_delivery(self, rnti: int, nas: bytes, cause: CauseValue) -> None:
        """Give back a NAS message that the UE did not get (clause 8.6.2.4)."""
        ue = self._known(rnti, "undelivered NAS message")
        if ue is not None:
            self._send("NASNonDeliveryIndication", {**_ids(ue), "NAS-PDU": nas, "Cause": cause})

    def initial_context_setup_response(
        self,
        rnti: int,
        erabs: Sequence[tuple[int, int, str]],
        failed: Iterable[tuple[int, CauseValue]] = (),
    ) -> None:
        """Say that a context stands (clause 8.3.1.2).

        Args:
            rnti: the UE.
            erabs: E-RAB identity, TEID and address of our end of each bearer that is set up, at least one.
            failed: E-RAB identity and cause of the others.
        """
        ue = self._in_state(rnti, UeState.SETTING_UP, "context setup response")
        if ue is None:
            return
        ue.guards.pop(Waiting.CONTEXT, None)
        failures = [*ue.refused, *(ErabFailure(*one) for one in failed)]
        if not erabs:
            self.initial_context_setup_failure(rnti, failures[0].cause if failures else _UNFINISHED)
            return
        ies = {**_ids(ue), "E-RABSetupListCtxtSURes": [values.erab_end_value(ErabEnd(*one)) for one in erabs]}
        if failures:
            ies["E-RABFailedToSetupListCtxtSURes"] = [values.erab_failure_value(one) for one in failures]
        self._answer(ue, "InitialContextSetupRequest", "InitialContextSetupResponse", ies)
        ue.state, ue.erabs = UeState.ACTIVE, {erab[0] for erab in erabs}

    def initial_context_setup_failure(self, rnti: int, cause: CauseValue) -> None:
        """Say that a context could not be set up (clause 8.3.1.3)."""
        ue = self._in_state(rnti, UeState.SETTING_UP, "context setup failure")
        if ue is not None:
            ue.guards.pop(Waiting.CONTEXT, None)
            ue.state = UeState.CONNECTED
            failure = {**_ids(ue), "Cause": cause}
            self._answer(ue, "InitialContextSetupRequest", "InitialContextSetupFailure", failure)

    def erab_setup_response(
        self,
        rnti: int,
        erabs: Sequence[tuple[int, int, str]],
        failed: Iterable[tuple[int, CauseValue]] = (),
    ) -> None:
        """Say which added bearers stand and which do not (clause 8.2.1.2); arguments as for the context's."""
        ue = self._in_state(rnti, UeState.ACTIVE, "E-RAB setup response")
        if ue is None or not ue.setting_up:
            return
        failures = [*ue.refused, *(ErabFailure(*one) for one in failed)]
        ies: dict[str, Any] = _ids(ue)
        if erabs:
            ies["E-RABSetupListBearerSURes"] = [values.erab_end_value(ErabEnd(*one)) for one in erabs]
        if failures:
            ies["E-RABFailedToSetupListBearerSURes"] = [values.erab_failure_value(one) for one in failures]
        self._answer(ue, "E-RABSetupRequest", "E-RABSetupResponse", ies)
        ue.erabs |= {erab[0] for erab in erabs}
        ue.setting_up = ue.refused = ()
        self._bearers_done(ue)

    def erab_release_response(
        self, rnti: int, erab_ids: Sequence[int], failed: Iterable[tuple[int, CauseValue]] = ()
    ) -> None:
        """Say which bearers are released (clause 8.2.3.2)."""
        ue = self._in_state(rnti, UeState.ACTIVE, "E-RAB release response")
        if ue is None or not ue.releasing:
            return
        self._send_erabs_released(ue, tuple(erab_ids), (*ue.refused, *(ErabFailure(*one) for one in failed)))
        ue.erabs -= set(erab_ids)
        ue.releasing = ue.refused = ()
        self._bearers_done(ue)

    def ue_capability(self, rnti: int, capability: bytes) -> None:
        """Give the MME the UE Radio Access Capability Information to keep (clause 8.5.2.4)."""
        ue = self._known(rnti, "UE capability")
        if ue is not None:
            self._send("UECapabilityInfoIndication", {**_ids(ue), "UERadioCapability": capability})

    def release_request(self, rnti: int, cause: CauseValue, now: int) -> None:
        """Ask the MME to release a UE (clause 8.3.2)."""
        ue = self._by_rnti.get(rnti)
        if ue is None or ue.state is UeState.RELEASING or ue.asked_release:
            return
        if ue.mme_id is None:  # the MME has not answered: there is nothing to name to it
            self._release_locally(ue, cause)
            return
        ue.asked_release = True
        ue.guards[Waiting.RELEASE_COMMAND] = now + self._guard_ms
        self._send("UEContextReleaseRequest", {**_ids(ue), "Cause": cause})

    def release_complete(self, rnti: int) -> None:
        """Say that a UE is released (clause 8.3.3.2)."""
        ue = self._by_rnti.get(rnti)
        if ue is not None and ue.state is UeState.RELEASING:
            self._drop(ue)
            self._answer(ue, "UEContextReleaseCommand", "UEContextReleaseComplete", _ids(ue))

    def rename(self, old: int, new: int) -> None:
        """Our own layers call a UE by another RNTI, as after a re-establishment (TS 36.331 5.3.7)."""
        ue = self._by_rnti.pop(old, None)
        if ue is None:
            return
        self._drop(self._by_rnti.get(new))
        ue.rnti = new
        self._by_rnti[new] = ue

    # messages of the MME

    def _take_ue_message(self, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        """Find the UE and carry out a message for it (clauses 10.4, 10.6)."""
        name = pdu.message or ""
        mme_id, enb_id = _named(pdu)
        ue = self._find(mme_id, enb_id)
        if isinstance(ue, str):
            self._count(f"unknown_ue:{name}")
            _log.warning(
                "eNB %s: %s for MME-UE-S1AP-ID %s, eNB-UE-S1AP-ID %s: %s", self._address, name, mme_id, enb_id, ue
            )
            if name == "UEContextReleaseCommand" and mme_id is not None and enb_id is not None:
                # what is to be released is gone already
                self._send("UEContextReleaseComplete", {MME_ID: mme_id, ENB_ID: enb_id})
                return
            self._send_pdu(error_indication(("radioNetwork", ue), mme_id, enb_id), STREAM_UE)
            return
        states, handler = self._ue_handlers[name]
        if ue.state not in states:
            self._count(f"unexpected:{name}")
            _log.warning("eNB %s: %s for UE 0x%04x, which is: %s", self._address, name, ue.rnti, ue.state.value)
            self._send_pdu(refusal(pdu, NOT_COMPATIBLE), STREAM_UE)
            return
        ue.mme_id = mme_id if ue.mme_id is None else ue.mme_id
        ue.guards.pop(Waiting.MME, None)
        handler(ue, pdu, report, now)
        early, ue.early_nas = ue.early_nas, []
        for message in early:
            self.uplink_nas(ue.rnti, message)

    def _find(self, mme_id: int | None, enb_id: int | None) -> UeConnection | str:
        """The UE of a pair of identities, or the name of the cause."""
        if enb_id is None:
            found = next((ue for ue in self._by_enb_id.values() if mme_id is not None and ue.mme_id == mme_id), None)
            return found or "unknown-mme-ue-s1ap-id"
        ue = self._by_enb_id.get(enb_id)
        if ue is None:
            return "unknown-enb-ue-s1ap-id"
        if mme_id is not None and ue.mme_id not in (None, mme_id):
            return "unknown-pair-ue-s1ap-id"
        return ue

    def _downlink_nas(self, ue: UeConnection, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        del report, now
        if ue.state is UeState.INITIAL:
            ue.state = UeState.CONNECTED
        self._events.append(events.DownlinkNas(ue.rnti, pdu.ies["NAS-PDU"]))

    def _initial_context_setup(self, ue: UeConnection, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        ies = pdu.ies
        erabs = self._wanted(ue, ies["E-RABToBeSetupListCtxtSUReq"])
        self._keep(ue, "InitialContextSetupRequest", report)
        ue.state = UeState.SETTING_UP
        if not erabs:
            self.initial_context_setup_failure(ue.rnti, ue.refused[0].cause)
            return
        ue.guards[Waiting.CONTEXT] = now + self._guard_ms
        ambr, capabilities = ies["uEaggregateMaximumBitrate"], ies["UESecurityCapabilities"]
        request = events.InitialContextSetupRequest(
            ue.rnti,
            ies["SecurityKey"][0].to_bytes(32, "big"),
            capabilities["encryptionAlgorithms"][0],
            capabilities["integrityProtectionAlgorithms"][0],
            ambr["uEaggregateMaximumBitRateUL"],
            ambr["uEaggregateMaximumBitRateDL"],
            erabs,
            ies.get("UERadioCapability"),
        )
        self._events.append(request)

    def _modify_context(self, ue: UeConnection, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        del now
        ies = pdu.ies
        key, ambr = ies.get("SecurityKey"), ies.get("uEaggregateMaximumBitrate")
        capabilities = ies.get("UESecurityCapabilities")
        self._events.append(
            events.ContextModified(
                ue.rnti,
                None if key is None else key[0].to_bytes(32, "big"),
                None if capabilities is None else capabilities["encryptionAlgorithms"][0],
                None if capabilities is None else capabilities["integrityProtectionAlgorithms"][0],
                None if ambr is None else ambr["uEaggregateMaximumBitRateUL"],
                None if ambr is None else ambr["uEaggregateMaximumBitRateDL"],
            )
        )
        self._keep(ue, "UEContextModificationRequest", report)
        self._answer(ue, "UEContextModificationRequest", "UEContextModificationResponse", _ids(ue))

    def _erab_setup(self, ue: UeConnection, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        if ue.setting_up or ue.releasing:
            cause = ("radioNetwork", "interaction-with-other-procedure")
            failures = [
                values.erab_failure_value(ErabFailure(item["e-RAB-ID"], cause))
                for item in pdu.ies["E-RABToBeSetupListBearerSUReq"]
            ]
            self._send("E-RABSetupResponse", {**_ids(ue), "E-RABFailedToSetupListBearerSURes": failures})
            return
        erabs = self._wanted(ue, pdu.ies["E-RABToBeSetupListBearerSUReq"])
        self._keep(ue, "E-RABSetupRequest", report)
        ue.setting_up = tuple(erab.erab_id for erab in erabs) or (-1,)
        if not erabs:
            self.erab_setup_response(ue.rnti, ())
            return
        ue.guards[Waiting.ERABS] = now + self._guard_ms
        ambr = pdu.ies.get("uEaggregateMaximumBitrate") or {}
        rates = ambr.get("uEaggregateMaximumBitRateUL"), ambr.get("uEaggregateMaximumBitRateDL")
        self._events.append(events.ErabSetupRequest(ue.rnti, erabs, *rates))

    def _erab_release(self, ue: UeConnection, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        named = tuple(dict.fromkeys(item["e-RAB-ID"] for item in pdu.ies.get("E-RABToBeReleasedList", ())))
        failures = tuple(ErabFailure(erab, _UNKNOWN_ERAB) for erab in named if erab not in ue.erabs)
        known = tuple(erab for erab in named if erab in ue.erabs)
        self._keep(ue, "E-RABReleaseCommand", report)
        nas = pdu.ies.get("NAS-PDU")
        if not known or ue.setting_up or ue.releasing:
            if nas is not None:  # it is for the UE whatever becomes of the bearers (clause 8.2.3.2)
                self._events.append(events.DownlinkNas(ue.rnti, nas))
            busy = tuple(ErabFailure(erab, ("radioNetwork", "interaction-with-other-procedure")) for erab in known)
            self._send_erabs_released(ue, (), failures + busy)
            return
        ue.releasing, ue.refused = known, failures
        ue.guards[Waiting.ERABS] = now + self._guard_ms
        self._events.append(events.ErabReleaseCommand(ue.rnti, known, nas))

    def _release_command(self, ue: UeConnection, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        ue.guards = {Waiting.RELEASE: now + self._guard_ms}
        if ue.state is UeState.RELEASING:
            return
        self._keep(ue, "UEContextReleaseCommand", report)
        ue.state = UeState.RELEASING
        self._events.append(events.ReleaseCommand(ue.rnti, values.read_cause(pdu.ies)))

    # guards

    def _ue_timers(self) -> list[int]:
        return [at for ue in self._by_rnti.values() for at in ue.guards.values()]

    def _handle_ue_timers(self, now: int) -> None:
        for ue in list(self._by_rnti.values()):
            for waiting, at in list(ue.guards.items()):
                if at <= now and self._by_rnti.get(ue.rnti) is ue and waiting in ue.guards:
                    del ue.guards[waiting]
                    self._run_out(ue, waiting)

    def _run_out(self, ue: UeConnection, waiting: Waiting) -> None:
        self._count(f"guard:{waiting.name.lower()}")
        _log.warning("eNB %s: UE 0x%04x: gave up on %s", self._address, ue.rnti, waiting.value)
        match waiting:
            case Waiting.CONTEXT:
                self.initial_context_setup_failure(ue.rnti, _UNFINISHED)
            case Waiting.ERABS:
                if ue.setting_up:
                    self.erab_setup_response(ue.rnti, (), [(erab, _UNFINISHED) for erab in ue.setting_up])
                elif ue.releasing:
                    self.erab_release_response(ue.rnti, ue.releasing)
            case Waiting.RELEASE:
                self.release_complete(ue.rnti)
            case _:
                self._release_locally(ue, _SILENT)

    # helpers

    def _wanted(self, ue: UeConnection, items: list[dict[str, Any]]) -> tuple[values.ErabToSetup, ...]:
        """Bearers that may be set up; the others are kept in ``ue.refused`` (clause 8.2.1.3)."""
        count: dict[int, int] = {}
        for item in items:
            count[item["e-RAB-ID"]] = count.get(item["e-RAB-ID"], 0) + 1
        wanted, refused = [], {}
        for item in items:
            erab_id = item["e-RAB-ID"]
            if count[erab_id] > 1 or erab_id in ue.erabs or erab_id >= MAX_ERABS:
                refused[erab_id] = ErabFailure(erab_id, _TWICE)
                continue
            try:
                wanted.append(values.read_erab_setup(item))
            except values.ValueRefused as error:
                _log.warning("eNB %s: E-RAB %d of UE 0x%04x refused: %s", self._address, erab_id, ue.rnti, error)
                refused[erab_id] = ErabFailure(erab_id, ("transport", "unspecified"))
        ue.refused = tuple(refused.values())
        return tuple(wanted)

    def _send_erabs_released(
        self, ue: UeConnection, released: tuple[int, ...], failed: tuple[ErabFailure, ...]
    ) -> None:
        ies: dict[str, Any] = _ids(ue)
        if released:
            ies["E-RABReleaseListBearerRelComp"] = [{"e-RAB-ID": erab} for erab in released]
        if failed:
            ies["E-RABFailedToReleaseList"] = [values.erab_failure_value(one) for one in failed]
        self._answer(ue, "E-RABReleaseCommand", "E-RABReleaseResponse", ies)

    def _bearers_done(self, ue: UeConnection) -> None:
        ue.guards.pop(Waiting.ERABS, None)

    def _release_locally(self, ue: UeConnection, cause: CauseValue) -> None:
        self._drop(ue)
        self._events.append(events.ReleaseCommand(ue.rnti, cause, local=True))

    def _drop(self, ue: UeConnection | None) -> None:
        if ue is not None:
            self._by_enb_id.pop(ue.enb_id, None)
            if self._by_rnti.get(ue.rnti) is ue:
                del self._by_rnti[ue.rnti]

    def _drop_all(self) -> tuple[int, ...]:
        rntis = tuple(self._by_rnti)
        self._by_rnti.clear()
        self._by_enb_id.clear()
        return rntis

    def _known(self, rnti: int, what: str) -> UeConnection | None:
        """A UE that the MME knows, so that both identities can be named."""
        ue = self._by_rnti.get(rnti)
        if ue is not None and ue.mme_id is not None:
            return ue
        self._count("no_connection")
        _log.warning("eNB %s: %s of UE 0x%04x dropped: it has no S1 connection", self._address, what, rnti)
        return None

    def _in_state(self, rnti: int, state: UeState, what: str) -> UeConnection | None:
        ue = self._by_rnti.get(rnti)
        if ue is not None and ue.state is state:
            return ue
        # late answers are ordinary: the UE may have been released meanwhile
        _log.info("eNB %s: %s of UE 0x%04x dropped: too late", self._address, what, rnti)
        return None

    def _new_enb_id(self) -> int | None:
        """The next ENB-UE-S1AP-ID, 24 bits, that is free."""
        if len(self._by_enb_id) >= _ENB_IDS - 1:
            return None
        while True:
            self._last_enb_id = self._last_enb_id % (_ENB_IDS - 1) + 1
            if self._last_enb_id not in self._by_enb_id:
                return self._last_enb_id

    def _place(self) -> dict[str, Any]:
        who = self._identity
        tai = values.TaIdentity(who.mcc, who.mnc, who.tac)
        cell = values.CellGlobalId(who.mcc, who.mnc, who.cell_identity)
        return {"TAI": values.tai_value(tai), "EUTRAN-CGI": values.cgi_value(cell)}

    def _keep(self, ue: UeConnection, request: str, report: dict[str, Any] | None) -> None:
        if report is not None:
            ue.reports[request] = report

    def _answer(self, ue: UeConnection, request: str, name: str, ies: dict[str, Any]) -> None:
        report = ue.reports.pop(request, None)
        self._send(name, ies if report is None else {**ies, "CriticalityDiagnostics": report})

    def _send(self, name: str, ies: dict[str, Any], stream: int = STREAM_UE) -> None:
        self._send_pdu(s1ap.build(name, ies), stream)

    def _send_pdu(self, pdu: S1apPdu, stream: int) -> None:
        self._count(f"sent:{pdu.message}")
        data = s1ap.encode(pdu)
        self._outgoing.append(Message(Interface.S1AP, self._address, self._mme_address, data, stream))

    def _count(self, what: str) -> None:
        self.counters[what] = self.counters.get(what, 0) + 1


_ENB_IDS: Final = 1 << 24


def _ids(ue: UeConnection) -> dict[str, Any]:
    return {MME_ID: ue.mme_id, ENB_ID: ue.enb_id}


def _named(pdu: S1apPdu) -> tuple[int | None, int | None]:
    """The identities that a message names, the MME's first."""
    ies = pdu.ies
    kind, content = ies.get("UE-S1AP-IDs", ("", None))
    if kind == "uE-S1AP-ID-pair":
        return content["mME-UE-S1AP-ID"], content["eNB-UE-S1AP-ID"]
    if kind:
        return content, None
    return ies.get(MME_ID), ies.get(ENB_ID)
